/** Articles and the cart. Visitors need no account: their cart is in an anonymous session. */
import { Hono } from "hono";
import { html } from "hono/html";
import { formFields } from "./form.ts";
import { page } from "./page.ts";
import type { ShopEnv } from "./sessions.ts";

const articles = new Map([
  ["book", "A book"],
  ["lamp", "A lamp"],
  ["tea", "Tea & biscuits"],
]);

export const cart = new Hono<ShopEnv>()
  .get("/", (c) =>
    page(
      c,
      "Articles",
      html`<ul>
        ${[...articles].map(
          ([id, name]) =>
            html`<li>
              ${name}
              <form method="post" action="/cart">
                <button name="article" value="${id}">Put ${name} into the cart</button>
              </form>
            </li>`,
        )}
      </ul>`,
    ),
  )
  .get("/cart", (c) =>
    page(
      c,
      "Cart",
      html`<ul>
        ${[...articles].map(([id, name]) => {
          const count = c.var.session.get(`cart:${id}`);
          return count === undefined ? "" : html`<li>${count} × ${name}</li>`;
        })}
      </ul>`,
    ),
  )
  .post("/cart", async (c) => {
    const { article } = await formFields(c, "article");
    const name = articles.get(article);
    if (name === undefined) return c.text("There is no such article", 400);
    const { session } = c.var;
    session.set(`cart:${article}`, (session.get(`cart:${article}`) ?? 0) + 1);
    session.flash("notice", `${name} is in your cart`);
    return c.redirect("/cart", 303);
  });
