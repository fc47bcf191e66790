/** Login, logout, and the page on which users see and end their sessions. */
import { Hono, type Context } from "hono";
import { html } from "hono/html";
import { formFields } from "./form.ts";
import { page } from "./page.ts";
import type { ShopEnv } from "./sessions.ts";
import { checkPassword } from "./users.ts";

const loginForm = (c: Context<ShopEnv>) =>
  page(
    c,
    "Log in",
    html`<form method="post" action="/login">
      <label>Name <input name="name" autocomplete="username" required /></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
      <button>Log in</button>
    </form>`,
  );

export const account = new Hono<ShopEnv>()
  .get("/login", loginForm)
  .post("/login", async (c) => {
    const { name, password } = await formFields(c, "name", "password");
    const user = await checkPassword(name, password);
    const { session } = c.var;
    if (user === undefined) {
      session.flash("notice", "Wrong name or password");
      return c.redirect("/login", 303);
    }
    // A new session with a new token. The visitor's cart moves into it.
    await session.login(user.id);
    session.flash("notice", `Welcome, ${user.id}`);
    return c.redirect("/", 303);
  })
  .post("/logout", async (c) => {
    await c.var.session.logout();
    c.var.session.flash("notice", "You are logged out");
    return c.redirect("/", 303);
  })
  .use("/devices/*", async (c, next) => (c.var.session.userId === null ? c.redirect("/login", 303) : next()))
  .get("/devices", async (c) => {
    const devices = await c.var.session.devices();
    return page(
      c,
      "Your devices",
      html`<ul>
          ${devices.map(
            ({ id, device, createdAt, lastAccessedAt, current }) =>
              html`<li>
                ${device?.userAgent ?? "Unknown browser"}, ${device?.ip ?? "unknown address"}, since
                ${new Date(createdAt).toISOString()}, last seen ${new Date(lastAccessedAt).toISOString()}
                ${
                  current
                    ? html`<strong>this device</strong>`
                    : html`<form method="post" action="/devices/logout">
                        <button name="id" value="${id}">Log out</button>
                      </form>`
                }
              </li>`,
          )}
        </ul>
        <form method="post" action="/devices/logout-others"><button>Log out all other devices</button></form>
        <form method="post" action="/devices/logout-everywhere"><button>Log out everywhere</button></form>`,
    );
  })
  .post("/devices/logout", async (c) => {
    const { id } = await formFields(c, "id");
    const { session } = c.var;
    // It ends this user's sessions only, whatever id the form sends.
    const ended = await session.logoutDevice(id);
    session.flash("notice", ended ? "That device is logged out" : "That device was not logged in");
    return c.redirect("/devices", 303);
  })
  .post("/devices/logout-others", async (c) => {
    const { session } = c.var;
    session.flash("notice", `Logged out on other devices: ${await session.logoutOthers()}`);
    return c.redirect("/devices", 303);
  })
  .post("/devices/logout-everywhere", async (c) => {
    await c.var.session.logout({ everywhere: true });
    c.var.session.flash("notice", "You are logged out everywhere");
    return c.redirect("/", 303);
  });
