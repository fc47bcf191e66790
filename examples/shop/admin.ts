/** What an admin may do: see who is logged in, and end all sessions of a user. */
import { Hono } from "hono";
import { html } from "hono/html";
import { formFields } from "./form.ts";
import { page } from "./page.ts";
import { sessions, type ShopEnv } from "./sessions.ts";
import { userOf, users } from "./users.ts";

export const admin = new Hono<ShopEnv>()
  // Asked of the users, not of the session: who is no admin any more loses the right at once.
  .use(async (c, next) => (userOf(c.var.session.userId)?.isAdmin ? next() : c.text("For admins only", 403)))
  .get("/", async (c) => {
    const rows = await Promise.all(users.map(async ({ id }) => ({ id, live: (await sessions.listByUser(id)).length })));
    return page(
      c,
      "Users",
      html`<p>Live sessions: ${await sessions.count()}</p>
        <ul>
          ${rows.map(
            ({ id, live }) =>
              html`<li>
                ${id}: ${live}
                <form method="post" action="/admin/end">
                  <button name="user" value="${id}">End all sessions of ${id}</button>
                </form>
              </li>`,
          )}
        </ul>`,
    );
  })
  .post("/end", async (c) => {
    const user = userOf((await formFields(c, "user")).user);
    if (user === undefined) return c.text("There is no such user", 400);
    const ended = await sessions.destroyByUser(user.id);
    c.var.session.flash("notice", `Ended sessions of ${user.id}: ${ended}`);
    return c.redirect("/admin", 303);
  });
