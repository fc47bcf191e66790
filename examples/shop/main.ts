/**
 * A shop with a cart, login, a devices page and an admin, as HTML pages with forms. After `npm run build`:
 *
 *     node examples/shop/main.ts
 *     STORE=sqlite:./shop.db node examples/shop/main.ts
 *     STORE=redis://127.0.0.1:6379 node examples/shop/main.ts
 *
 * Users are ann, bob and the admin root; the password of each is "<name>'s password".
 */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { account } from "./account.ts";
import { admin } from "./admin.ts";
import { cart } from "./cart.ts";
import { withSession } from "./sessions.ts";

const app = new Hono().use(withSession).route("/", cart).route("/", account).route("/admin", admin);

const server = serve(
  { fetch: app.fetch, port: Number(process.env["PORT"] ?? 3_000), hostname: "127.0.0.1" },
  ({ port }) => console.log(`The shop is open on http://localhost:${port}`),
);
process.once("SIGTERM", () => server.close());
