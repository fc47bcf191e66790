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
  .get("/cart", (c) => {
    const ids = c.var.session.get("cart") ?? [];
    return page(
      c,
      "Cart",
      html`<ul>
        ${ids.map((id) => html`<li>${articles.get(id)}</li>`)}
      </ul>`,
    );
  })
  .post("/cart", async (c) => {
    const { article } = await formFields(c, "article");
    const name = articles.get(article);
    if (name === undefined) return c.text("There is no such article", 400);
    const { session } = c.var;
    session.set("cart", [...(session.get("cart") ?? []), article]);
    session.flash("notice", `${name} is in your cart`);
    return c.redirect("/cart", 303);
  });
