/** The frame of every page. `html` escapes what is put into it. */
import type { Context } from "hono";
import { html } from "hono/html";
import type { ShopData, ShopEnv } from "./sessions.ts";
import { userOf } from "./users.ts";

type Content = ReturnType<typeof html>;

const cartSize = (data: Partial<ShopData>): number =>
  Object.values(data).reduce<number>((sum, count) => sum + (count ?? 0), 0);

/** Answers with a page: the user's links, the notice that an earlier request has left, and the content. */
export function page(c: Context<ShopEnv>, title: string, content: Content): Response | Promise<Response> {
  const { session } = c.var;
  const user = userOf(session.userId);
  const notice = session.takeFlash("notice");
  return c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>${title}</title>
        </head>
        <body>
          <nav>
            <a href="/">Shop</a>
            <a href="/cart">Cart (${cartSize(session.data)})</a>
            ${
              user === undefined
                ? html`<a href="/login">Log in</a>`
                : html`<a href="/devices">Devices</a> ${user.isAdmin ? html`<a href="/admin">Admin</a>` : ""}
                    <form method="post" action="/logout"><button>Log out ${user.id}</button></form>`
            }
          </nav>
          ${typeof notice === "string" ? html`<p role="status">${notice}</p>` : ""}
          <h1>${title}</h1>
          ${content}
        </body>
      </html>`,
  );
}
