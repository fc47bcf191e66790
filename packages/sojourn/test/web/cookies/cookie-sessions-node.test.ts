/** The program of "Serve sessions" on bare node:http, over real sockets. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { cookieSessions, type CookieSessions } from "../../../src/web/cookies/index.ts";
import { KEY, keptOf, stores, type Data } from "../support/visitor.ts";

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(web: CookieSessions<Data>): Promise<(method: string, path: string) => Promise<Answer>> {
  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const session = await web.start(req);
    let body: unknown = { error: "not found" };
    if (req.url === "/login") {
      await session.login("42", { role: "admin" });
      body = { logged_in: true };
    } else if (req.url === "/profile") {
      if (session.userId === null) res.statusCode = 401;
      body = session.userId === null ? { error: "not logged in" } : { user_id: session.userId };
    } else if (req.url === "/logout") {
      await session.logout();
      body = { logged_out: true };
    } else res.statusCode = 500;
    res.setHeader("Set-Cookie", "theme=dark");
    await session.commit(res);
    res.setHeader("Content-Type", "application/json").end(JSON.stringify(body));
  }
  const server = createServer((req, res) => void handle(req, res));
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const jar = new Map<string, string>();
  return async (method, path) => {
    const cookie = [...jar.values()].join("; ");
    const sent = request({ port, method, path, headers: cookie === "" ? {} : { cookie } }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const lines = response.headers["set-cookie"] ?? [];
    for (const line of lines) {
      const kept = keptOf(line);
      const name = line.slice(0, line.indexOf("="));
      if (kept === undefined) jar.delete(name);
      else jar.set(name, kept);
    }
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return { status: response.statusCode, lines, body: JSON.parse(Buffer.concat(parts).toString()) as unknown };
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly lines: readonly string[];
  readonly body: unknown;
}

describe.each(stores)("node:http, on %s", (_, open) => {
  test("login, profile, logout", async () => {
    const sessions = createSessions<Data>({ store: open(), ttl: "1h" });
    const web = cookieSessions({ sessions, keys: [KEY], cookie: { name: "nyx_session" } });
    const ask = await serve(web);
    expect(await ask("GET", "/profile")).toMatchObject({ status: 401, lines: ["theme=dark"] });
    const login = await ask("POST", "/login");
    expect(login.body).toEqual({ logged_in: true });
    expect(login.lines).toEqual([
      "theme=dark",
      expect.stringMatching(
        /^nyx_session=sess_[\w-]{65}\.[\da-z]{8}\.[\w-]{40,42}\.[\w-]{43}; Max-Age=3600; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    expect(await ask("GET", "/profile")).toMatchObject({ status: 200, body: { user_id: "42" } });
    expect((await ask("GET", "/crash")).lines).toEqual(["theme=dark"]);
    expect((await ask("POST", "/logout")).body).toEqual({ logged_out: true });
    expect((await ask("GET", "/profile")).status).toBe(401);
    expect(await sessions.count()).toBe(0);
  });
});
