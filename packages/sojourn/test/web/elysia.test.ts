/** The plugin in whole apps of Elysia: on Node, and on Bun's own server and router. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { Elysia } from "elysia";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionPlugin, type SessionPlugin, type SessionPluginOptions } from "../../src/web/elysia.ts";
import { binaryOf } from "../runtimes/support/binary-of.ts";
import { visit, visitPort, type SocketVisitor } from "./support/socket-visitor.ts";
import { KEY, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];

interface Started extends SocketVisitor {
  readonly sessions: Sessions<Data, Mode>;
}

type Build = (app: Elysia, session: SessionPlugin<Data, Mode>) => Pick<Elysia, "fetch">;

async function started(
  store: Store,
  build: Build,
  options: Partial<SessionPluginOptions<Data, Mode>> = {},
): Promise<Started> {
  const sessions = options.sessions ?? createSessions<Data>({ store });
  const app = build(new Elysia(), sessionPlugin<Data, Mode>({ sessions, keys, ...options }));
  const answer = getRequestListener((request) => app.fetch(request));
  return { ...(await visit((request, response) => void answer(request, response))), sessions };
}

const pages: Build = (app, session) =>
  app
    .use(session)
    .post("/login", async ({ session }) => {
      await session.login("42", { role: "admin" });
      return { logged_in: true };
    })
    .get("/profile", ({ session }) => ({ user_id: session.userId }))
    .post("/logout", async ({ session }) => {
      await session.logout();
      return { logged_out: true };
    })
    .get("/n", ({ session }) => JSON.stringify(session.get("n") ?? null))
    .get("/text", ({ session, set, cookie }) => {
      session.set("n", 1);
      set.headers["vary"] = "Accept";
      cookie["theme"]?.set({ value: "dark" });
      return "one two";
    })
    .get("/response", ({ session }) => (session.set("n", 1), new Response("one two")))
    .get("/fetched", ({ session }) => (session.set("n", 1), fetch("data:text/plain,one two")))
    .get("/nothing", ({ session }) => session.set("n", 1))
    .get("/redirect", ({ session, redirect }) => (session.set("n", 1), redirect("https://app.test/profile", 303)))
    .get("/stream", async function* ({ session }) {
      session.set("n", 1);
      yield "one ";
      yield "two";
    })
    .get("/status", ({ session, status }) => (session.set("n", 1), status(418, "one two")))
    .get("/refused", ({ session, status }) => {
      session.set("n", 1);
      throw status(418, "one two");
    })
    .get("/crash", async ({ session }) => {
      await session.login("ann");
      session.set("n", 1);
      throw new Error("on purpose");
    });

const WAYS = ["text", "response", "fetched", "nothing", "redirect", "stream", "status", "refused"];

describe.each(stores)("Elysia, on %s", (_, open) => {
  test("login, profile, logout", async () => {
    const { ask, sessions } = await started(open(), pages);
    expect(await ask("/profile")).toMatchObject({ status: 200, body: '{"user_id":null}', lines: [] });
    const login = await ask("/login", { method: "POST" });
    expect(login.body).toBe('{"logged_in":true}');
    expect(login.lines).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect(login.headers["cache-control"]).toBe("no-store");
    const profile = await ask("/profile");
    expect(profile).toMatchObject({ body: '{"user_id":"42"}', lines: [] });
    expect(profile.headers.vary).toBe("Cookie");
    expect((await ask("/logout", { method: "POST" })).lines).toEqual([
      expect.stringMatching(/^__Host-session=; Max-Age=0;/),
    ]);
    expect((await ask("/profile")).body).toBe('{"user_id":null}');
    expect(await sessions.count()).toBe(0);
  });

  test.each(WAYS)("commits before the headers go out: %s", async (way) => {
    const { ask, sessions } = await started(open(), pages);
    const answer = await ask(`/${way}`);
    expect(answer.lines.at(-1)).toMatch(/^__Host-session=sess_/);
    expect(answer.lines).toHaveLength(way === "text" ? 2 : 1);
    if (way === "text") expect(answer.headers.vary).toBe("Accept, Cookie");
    if (answer.status !== 303 && way !== "nothing") expect(answer.body).toBe("one two");
    expect(await sessions.count()).toBe(1);
    expect((await ask("/n")).body).toBe("1");
  });

  test("a route that fails keeps nothing; what is not found, and HEAD, have a session", async () => {
    const { ask, sessions } = await started(open(), pages);
    expect(await ask("/crash")).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBe(0);
    await ask("/login", { method: "POST" });
    expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
    expect(await ask("/profile", { method: "HEAD" })).toMatchObject({ status: 200, body: "", lines: [] });
  });

  test("an error handler of the app's has what it answers committed, and finds the session by its request", async () => {
    const { ask, sessions } = await started(open(), (app, session) =>
      app
        .use(session)
        .onError(({ request, status }) => {
          session.of(request).flash("notice", "try again");
          return status(422, "handled");
        })
        .get("/", () => {
          throw new Error("on purpose");
        }),
    );
    expect(await ask("/")).toMatchObject({ status: 422, body: "handled", lines: [expect.any(String)] });
    expect(await ask("/nowhere")).toMatchObject({ status: 422 });
    expect(await sessions.count()).toBe(1);
  });

  test("a sub-app that uses it as well shares the session, after one look-up", async () => {
    let looks = 0;
    const { ask } = await started(
      open(),
      (app, session) =>
        app.use(session).use(
          new Elysia({ prefix: "/inner" })
            .use(session)
            .post("/login", async ({ session }) => void (await session.login("42")))
            .get("/profile", ({ session }) => String(session.userId)),
        ),
      { guard: { admits: () => (looks++, true) } },
    );
    expect((await ask("/inner/login", { method: "POST" })).lines).toHaveLength(1);
    expect((await ask("/inner/profile")).body).toBe("42");
    expect(looks).toBe(1);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("Elysia, where something is refused", () => {
  test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
    const { ask } = await started(open(), pages);
    for (const way of WAYS) {
      const answer = await ask(`/${way}`);
      expect(answer).toMatchObject({ status: 503, lines: [], headers: { "cache-control": "no-store" } });
      expect(answer.body).not.toContain("one");
    }
  });

  test.each(down({ call: "get", fault: "fail" }))("a store that cannot tell is a 503, on %s", async (_name, open) => {
    const { ask } = await started(open(), pages);
    expect((await ask("/login", { method: "POST" })).lines).toHaveLength(1);
    const answer = await ask("/profile");
    expect(answer).toMatchObject({ status: 503, lines: [], headers: { "cache-control": "no-store" } });
  });

  test("another site's request is a 403 before any route, a guesser's a 429, one session too many a 409", async () => {
    const sessions = createSessions<Data>({ maxPerUser: { limit: 1, onLimit: "reject" } });
    sessions.create("42", {});
    const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
    const options = { sessions, guard, address: ({ headers }: Request) => headers.get("x-from") ?? undefined };
    let reached = 0;
    const { ask } = await started(
      memoryStore(),
      (app, session) => pages(app.post("/before", () => String(reached++)) as never, session),
      options,
    );
    const cookie = "__Host-session=x";
    const cross = await ask("/before", { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
    expect([cross.status, reached]).toEqual([403, 0]);
    const guess = await ask("/profile", { headers: { cookie, "x-from": "6.6.6.6" } });
    expect(guess).toMatchObject({ status: 429, headers: { "retry-after": "30" } });
    expect(await ask("/login", { method: "POST" })).toMatchObject({ status: 409, lines: [] });
  });

  test("an answer of one's own", async () => {
    const store = faultyStore(memoryStore(), [{ call: "put", fault: "fail" }]);
    const { ask } = await started(store, pages, {
      onError: (error) => Response.json({ code: (error as { code: string }).code }),
    });
    expect((await ask("/text")).body).toBe('{"code":"store_unavailable"}');
  });

  test("an app that leaves plugins out says so", async () => {
    const session = sessionPlugin({ sessions: createSessions(), keys });
    const app = new Elysia({ aot: false })
      .use(session)
      .onError(({ error }) => (error as Error).message)
      .get("/", ({ session }) => session.userId ?? "nobody");
    const answer = await app.handle(new Request("https://app.test/"));
    expect(await answer.text()).toContain("`aot: false`");
    expect(() => session.of(new Request("https://app.test/"))).toThrow(TypeError);
  });
});

const bun = binaryOf("bun", `bin/bun${process.platform === "win32" ? ".exe" : ""}`);

async function onBun(): Promise<SocketVisitor> {
  const file = fileURLToPath(new URL("support/elysia-app.ts", import.meta.url));
  const app = spawn(bun ?? "", ["run", file], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void app.kill());
  for await (const line of createInterface(app.stdout)) return visitPort(Number(line));
  throw new Error("It ended without a port");
}

describe.skipIf(bun === undefined)("Elysia on Bun's own server and router", () => {
  test("login, every kind of answer, and what fails", async () => {
    const { ask } = await onBun();
    expect(await ask("/static")).toMatchObject({ status: 200, body: "one two", lines: [] });
    for (const way of ["text/1", "response", "redirect", "stream", "refused"]) {
      expect((await ask(`/${way}`, { headers: { cookie: "" } })).lines, way).toHaveLength(1);
    }
    const login = await ask("/login", { method: "POST" });
    expect(login).toMatchObject({ status: 200, body: "welcome", lines: [expect.stringMatching(/^__Host-session=/)] });
    expect(await ask("/profile")).toMatchObject({ body: '{"user_id":"42"}', lines: [], headers: { vary: "Cookie" } });
    expect((await ask("/device")).body).toContain("127.0.0.1");
    expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
    const before = (await ask("/count")).body;
    expect(await ask("/crash", { headers: { cookie: "" } })).toMatchObject({ status: 500, lines: [] });
    expect((await ask("/count")).body).toBe(before);
    const cross = await ask("/login", { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
    expect(cross.status).toBe(403);
  });

  test("a socket knows whose it is, and another site's is refused", async () => {
    const browser = await onBun();
    await browser.ask("/login", { method: "POST" });
    const { cookie = "", port } = browser;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { cookie } } as never);
    onTestFinished(() => socket.close());
    const message = await new Promise<unknown>((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(data));
    });
    expect(message).toBe("42");
    const headers = { upgrade: "websocket", connection: "Upgrade", "sec-fetch-site": "cross-site" };
    expect((await browser.ask("/socket", { headers })).status).toBe(403);
  });
});

test("types: fields, and values or promises, as the manager has them", () => {
  type Fields = { role: "admin" | "reader"; visits: number };
  const session = sessionPlugin({ sessions: createSessions<Fields>(), keys });
  new Elysia().use(session).get("/", ({ session }) => {
    expectTypeOf(session.get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
    expectTypeOf(session.logout()).toEqualTypeOf<boolean>();
    // @ts-expect-error a field that is none
    session.get("rule");
    return "";
  });
  expect(session.of).toBeTypeOf("function");
});
