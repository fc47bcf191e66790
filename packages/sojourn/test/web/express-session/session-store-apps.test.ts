/** Whole apps with express-session and our store, on real sockets: what an app that changes one line can count on. */
import { once } from "node:events";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import session, { type SessionOptions } from "express-session";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Client } from "../../../../../bench/races/client.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { faultyStore } from "../../../src/testing/index.ts";
import { SessionStore, type SessionStoreOptions } from "../../../src/web/express-session.ts";
import { stores } from "../support/express-session.ts";

const require = createRequire(import.meta.url);
const express4 = require("express-4") as typeof express;
const frameworks = [
  { version: "Express 5", framework: express },
  { version: "Express 4", framework: express4 },
];
const cases = frameworks.flatMap((each) =>
  stores.flatMap((store) => [true, false].map((resave) => ({ ...each, ...store, resave }))),
);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1) });
});
const servers: Server[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});
const advance = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

type Fields = Record<string, unknown>;
type Handler = (req: Request & { session: Fields }, res: Response, next: NextFunction) => void;

interface App {
  readonly client: Client;
  readonly store: SessionStore;
  /** A route of this one test. */
  on(path: string, handler: Handler): void;
}

interface AppOptions {
  readonly framework?: () => Express;
  readonly store?: Store;
  readonly storeOptions?: Partial<SessionStoreOptions>;
  readonly options?: Partial<SessionOptions>;
}

/** An app that logs in and out, counts, and tells the code of what went wrong. */
async function listen(given: AppOptions = {}): Promise<App> {
  const { framework = express, store: inner = memoryStore(), storeOptions, options } = given;
  const store = new SessionStore({ store: inner, clock: { now: () => Date.now() }, ...storeOptions });
  const app = framework();
  const routes = framework();
  app.use(session({ secret: "a secret", resave: false, saveUninitialized: false, store, ...options }));
  const on: App["on"] = (path, handler) => void routes.get(path, handler as never);
  on("/login", (req, res, next) => {
    req.session.regenerate((error: unknown) => {
      if (error) return next(error);
      req.session["user"] = "ann";
      return res.send("in");
    });
  });
  on("/me", (req, res) => void res.send(req.session["user"] ?? "nobody"));
  on("/count", (req, res) => void res.send(String((req.session["count"] = Number(req.session["count"] ?? 0) + 1))));
  on("/logout", (req, res, next) => req.session.destroy((error: unknown) => (error ? next(error) : res.send("out"))));
  app.use(routes);
  app.use((error: { code?: string; message: string }, _: Request, res: Response, next: NextFunction) =>
    res.headersSent ? next(error) : res.status(500).send(error.code ?? error.message),
  );
  const server = app.listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return { client: new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), store, on };
}

describe.each(cases)("$version over $name, resave: $resave", ({ framework, make, resave }) => {
  const start = async (more: AppOptions = {}): Promise<App> =>
    listen({ framework, store: make(), ...more, options: { resave, ...more.options } });

  test("login, use, logout; the cookie of before lets nobody in", async () => {
    const { client, store } = await start();
    expect(await client.get("/me")).toBe("nobody");
    await client.get("/login");
    expect([await client.get("/count"), await client.get("/count")]).toEqual(["1", "2"]);
    expect(await client.get("/me")).toBe("ann");
    const copied = client.copy();
    expect(await client.get("/logout")).toBe("out");
    expect([await client.get("/me"), await copied.get("/me")]).toEqual(["nobody", "nobody"]);
    expect(await store.length()).toBe(0);
  });

  test("a login gives a new id, and the one of before ends", async () => {
    const { client, store } = await start();
    await client.get("/count");
    const fixed = client.copy();
    const [before] = await store.ids();
    await client.get("/login");
    const [after, ...others] = await store.ids();
    expect(others).toEqual([]);
    expect(after).not.toBe(before);
    expect([await client.get("/me"), await fixed.get("/me")]).toEqual(["ann", "nobody"]);
  });

  test("a session that is reloaded has what another request has saved", async () => {
    const { client, on } = await start();
    on("/reload", (req, res, next) => {
      const other = client.copy();
      void other
        .get("/count")
        .then(
          () => req.session.reload((error: unknown) => (error ? next(error) : res.send(String(req.session["count"])))),
          next,
        );
    });
    await client.get("/login");
    expect(await client.get("/reload")).toBe("1");
    expect(await client.get("/count")).toBe("2");
  });

  test("a session that is gone cannot be reloaded", async () => {
    const { client, store, on } = await start();
    on("/reload", (req, res, next) => {
      void store
        .clear()
        .then(() => req.session.reload((error: unknown) => (error ? next(error) : res.send("reloaded"))), next);
    });
    await client.get("/login");
    expect(await client.get("/reload")).toBe("failed to load session");
  });

  test("an explicit save is there before the answer", async () => {
    const { client, store, on } = await start();
    on("/save", (req, res, next) => {
      req.session["saved"] = true;
      req.session.save((failed: unknown) => {
        if (failed) return next(failed);
        return store.get(req.sessionID, (error, found) => (error ? next(error) : res.send(JSON.stringify(found))));
      });
    });
    expect(JSON.parse(await client.get("/save"))).toMatchObject({ saved: true });
  });

  test("req.session = null destroys the session, with unset: destroy", async () => {
    const { client, store, on } = await start({ options: { unset: "destroy" } });
    on("/unset", (req, res) => {
      Object.assign(req, { session: null });
      res.send("unset");
    });
    await client.get("/login");
    await client.get("/unset");
    expect(await store.length()).toBe(0);
    expect(await client.get("/me")).toBe("nobody");
  });

  test("the cookie's maxAge is kept, slides with use, and ends the session", async () => {
    const { client, store } = await start({ options: { cookie: { maxAge: 3_600_000 }, rolling: true } });
    await client.get("/login");
    for (let n = 0; n < 3; n++) {
      advance(3_500_000);
      expect(await client.get("/me")).toBe("ann");
    }
    const [listed] = await store.all();
    expect(listed?.cookie.originalMaxAge).toBe(3_600_000);
    expect(listed?.cookie.expires).toBe(new Date(Date.now() + 3_600_000).toISOString());
    const copied = client.copy();
    advance(3_600_000);
    expect([await copied.get("/me"), await store.length()]).toEqual(["nobody", 0]);
  });

  test("a browser-session cookie has no end, and its session that of the ttl", async () => {
    const { client, store } = await start({ storeOptions: { ttl: "2h" } });
    const { head } = client.begin("/login");
    expect((await head).headers["set-cookie"]?.[0]).not.toMatch(/expires/i);
    advance(7_199_999);
    expect(await store.length()).toBe(1);
    advance(1);
    expect(await client.get("/me")).toBe("nobody");
  });

  test("a maxAge that a request sets is kept for the requests that follow", async () => {
    const { client, on } = await start({ options: { cookie: { maxAge: 3_600_000 } } });
    on("/short", (req, res) => {
      (req.session as unknown as { cookie: { maxAge: number } }).cookie.maxAge = 60_000;
      res.send("short");
    });
    await client.get("/login");
    const copied = client.copy();
    await client.get("/short");
    advance(50_000);
    expect(await copied.get("/me")).toBe("ann");
    advance(59_900);
    expect(await copied.get("/me")).toBe("ann");
    advance(60_000);
    expect(await copied.get("/me")).toBe("nobody");
  });

  test("fields with the names of methods do no harm", async () => {
    const { client, store } = await start();
    await client.get("/login");
    const [sid = ""] = await store.ids();
    const found = (await store.get(sid)) as unknown as Fields;
    Object.assign(found, { save: "nope", touch: 1, id: "other" });
    await store.set(sid, found as never);
    expect([await client.get("/count"), await client.get("/me")]).toEqual(["1", "ann"]);
  });

  test("a session without a cookie is an error, not a login", async () => {
    const { client, store } = await start();
    await client.get("/login");
    const [sid = ""] = await store.ids();
    await store.set(sid, { user: "ann" } as never);
    expect(await client.get("/me")).toMatch(/Cannot read prop/);
  });

  test("every session of a user ends at once", async () => {
    const { client, store } = await start({ storeOptions: { owner: (data) => (data as { user?: string }).user } });
    const other = client.copy();
    await Promise.all([client.get("/login"), other.get("/login")]);
    expect(await store.destroyByUser("ann")).toBe(2);
    expect([await client.get("/me"), await other.get("/me")]).toEqual(["nobody", "nobody"]);
    expect([await client.get("/login"), await client.get("/me")]).toEqual(["in", "ann"]);
  });
});

describe("a store that fails", () => {
  test("answers an error, and logs nobody out", async () => {
    const inner = memoryStore();
    const { client } = await listen({ store: inner });
    await client.get("/login");
    const error = Object.assign(new Error("connect ENOENT"), { code: "ENOENT" });
    const failing = faultyStore(inner, [{ call: "get", nth: 1, fault: "fail", error }]);
    const { client: other } = await listen({ store: failing });
    const moved = new Client(other.url, client.cookies);
    expect(await moved.get("/me")).toBe("store_unavailable");
    expect(await moved.get("/me")).toBe("ann");
  });

  test("a logout that failed is told, and the session is still there", async () => {
    const store = faultyStore(memoryStore(), [{ call: "put", nth: 2, fault: "fail" }]);
    const { client } = await listen({ store });
    await client.get("/login");
    expect(await client.get("/logout")).toBe("store_unavailable");
    expect(await client.get("/me")).toBe("ann");
  });
});

test("what is not JSON is told to the app that saves it, and the session stays as it was", async () => {
  const { client, on } = await listen();
  on("/save", (req, res, next) => {
    const { save } = req.session as unknown as { save(callback: (error: unknown) => void): void };
    const deep = JSON.parse("[".repeat(400) + "]".repeat(400)) as unknown;
    req.session["deep"] = deep;
    save.call(req.session, (error) => {
      delete req.session["deep"];
      if (error) next(error);
      else res.send("saved");
    });
  });
  await client.get("/login");
  expect(await client.get("/save")).toBe("invalid_data");
  expect(await client.get("/me")).toBe("ann");
});
