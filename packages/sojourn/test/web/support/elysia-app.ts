/** An app of Elysia on Bun, for its own server and router: `bun elysia-app.ts`. It prints its port. */
import { Elysia } from "elysia";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { sessionPlugin } from "../../../src/web/elysia.ts";

const sessions = createSessions<{ n: number }>();
const session = sessionPlugin({ sessions, keys: ["a key of the tests on Bun, 32 bytes or more"] });

const app = new Elysia()
  .get("/static", "one two")
  .use(session)
  .post("/login", ({ session }) => {
    session.login("42");
    return "welcome";
  })
  .get("/profile", ({ session }) => ({ user_id: session.userId }))
  .get("/text/:n", ({ session, params }) => {
    session.set("n", Number(params.n));
    return "one two";
  })
  .get("/response", ({ session }) => {
    session.set("n", 1);
    return new Response("one two");
  })
  .get("/redirect", ({ session, redirect }) => {
    session.set("n", 1);
    return redirect("/profile", 303);
  })
  .get("/stream", async function* ({ session }) {
    session.set("n", 1);
    yield "one ";
    yield "two";
  })
  .get("/refused", ({ session, status }) => {
    session.set("n", 1);
    return status(418, "one two");
  })
  .get("/crash", ({ session }) => {
    session.login("ann");
    throw new Error("on purpose");
  })
  .get("/count", () => String(sessions.count()))
  .get("/device", ({ session }) => JSON.stringify(session.devices()))
  .ws("/socket", {
    open: (ws) => void ws.send(String(ws.data.session.userId)),
    message() {},
  })
  .listen({ port: 0, hostname: "127.0.0.1" });

process.stdout.write(`${app.server?.port}\n`);
