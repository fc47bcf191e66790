/** The middleware, with what Astro does around it. A whole app is in frameworks/astro. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionMiddleware, type SessionMiddleware, type SessionMiddlewareOptions } from "../../src/web/astro.ts";
import { astro, type Answering, type Page } from "./support/astro-app.ts";
import { KEY, keptOf, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];

interface Started {
  readonly sessions: Sessions<Data, Mode>;
  readonly onRequest: SessionMiddleware<Data, Mode>;
  cookie: string | undefined;
  ask(page: (page: Page) => unknown, init?: RequestInit & Partial<Answering>): Promise<Response>;
}

function started(store: Store, options: Partial<SessionMiddlewareOptions<Data, Mode>> = {}): Started {
  const sessions = createSessions<Data>({ store });
  const onRequest = sessionMiddleware<Data, Mode>({ sessions, keys, ...options });
  const self: Started = {
    sessions,
    onRequest,
    cookie: undefined,
    async ask(page, { address, errorPage, isPrerendered, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (self.cookie !== undefined) headers.set("cookie", self.cookie);
      const response = await astro(new Request("https://app.test/", { ...init, headers }), {
        onRequest,
        page: async (given) => {
          const made = await page(given);
          return made instanceof Response ? made : new Response(String(made));
        },
        errorPage,
        isPrerendered,
        address,
      });
      for (const line of response.headers.getSetCookie()) self.cookie = keptOf(line);
      return response;
    },
  };
  return self;
}

const empty = (status: number): Response => new Response(null, { status });

describe.each(stores)("Astro, on %s", (_, open) => {
  test("login, profile, logout", async () => {
    const { ask, onRequest, sessions } = started(open());
    const user = async (): Promise<string> => (await ask((page) => onRequest.of(page).userId)).text();
    expect(await user()).toBe("null");
    const login = await ask(async (page) => (await onRequest.of(page).login("ann")).id, { method: "POST" });
    expect(login.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect(login.headers.get("cache-control")).toBe("no-store");
    expect(await user()).toBe("ann");
    const logout = await ask(async (page) => onRequest.of(page).logout(), { method: "POST" });
    expect(logout.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=; Max-Age=0;/)]);
    expect(await user()).toBe("null");
    expect(await sessions.count()).toBe(0);
  });

  test("a rewrite is the same request: it sees what was done, and one cookie is set", async () => {
    const { ask, onRequest, sessions } = started(open());
    const seen: unknown[] = [];
    const answer = await ask(async (page) => {
      await onRequest.of(page).login("ann");
      return page.rewrite("/other", (other) => {
        seen.push(onRequest.of(other).userId);
        onRequest.of(other).set("n", 1);
        return new Response("ok");
      });
    });
    expect(seen).toEqual(["ann"]);
    expect(answer.headers.getSetCookie()).toHaveLength(1);
    expect(await (await ask((page) => onRequest.of(page).get("n"))).text()).toBe("1");
    expect(await sessions.count()).toBe(1);
  });

  test("the page for an empty 404 does not take back what the request has done", async () => {
    const app = started(open());
    await app.ask((page) => app.onRequest.of(page).set("n", 1));
    const errorPage = (page: Page): Response => new Response(app.onRequest.of(page).userId, { status: 404 });
    const answer = await app.ask(
      async (page) => {
        await app.onRequest.of(page).login("ann");
        return empty(404);
      },
      { errorPage },
    );
    expect([answer.status, await answer.text()]).toEqual([404, "ann"]);
    expect(answer.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect(await (await app.ask((page) => app.onRequest.of(page).userId)).text()).toBe("ann");
  });

  test.each([
    ["an empty 500", async () => empty(500)],
    ["an error", async () => Promise.reject(new Error("on purpose"))],
  ])("%s keeps nothing, and its page shows who was there before", async (_name, end) => {
    const app = started(open());
    await app.ask(async (page) => app.onRequest.of(page).login("bob"));
    const errorPage = (page: Page): Response => new Response(app.onRequest.of(page).userId, { status: 500 });
    const answer = await app.ask(
      async (page) => {
        await app.onRequest.of(page).login("ann");
        return end();
      },
      { errorPage },
    );
    expect([answer.status, await answer.text()]).toEqual([500, "bob"]);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await app.sessions.count()).toBe(1);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("Astro, where something is refused", () => {
  test.each(down({ call: "get", nth: 1, fault: "fail" }))(
    "a store that cannot tell is a 503, on %s",
    async (_name, open) => {
      const app = started(open());
      await app.ask(async (page) => app.onRequest.of(page).login("ann"));
      const { cookie } = app;
      const answer = await app.ask(() => "never");
      expect(answer.status).toBe(503);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(app.cookie).toBe(cookie);
      expect(await (await app.ask((page) => app.onRequest.of(page).userId)).text()).toBe("ann");
    },
  );

  test.each(down({ call: "put", fault: "fail" }))(
    "a change that cannot be saved is a 503, in a page and after it, on %s",
    async (_name, open) => {
      for (const change of [
        async (page: Page, app: Started) => app.onRequest.of(page).login("ann"),
        async (page: Page, app: Started) => app.onRequest.of(page).set("n", 1),
      ]) {
        const app = started(open());
        const answer = await app.ask(async (page) => {
          await change(page, app);
          return "all is well";
        });
        expect(answer.status).toBe(503);
        expect(answer.headers.getSetCookie()).toEqual([]);
        expect(await answer.text()).toBe("The session cannot be read or saved now. Please try again.");
      }
    },
  );

  test("another site's request is a 403, a guesser's a 429 with Retry-After", async () => {
    const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
    const app = started(memoryStore(), { guard });
    app.cookie = "__Host-session=x";
    const cross = await app.ask(() => "done", { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
    expect(cross.status).toBe(403);
    const guess = await app.ask(() => "done", { address: "6.6.6.6" });
    expect([guess.status, guess.headers.get("retry-after")]).toEqual([429, "30"]);
    // An adapter that does not know the address throws when it is asked.
    expect((await app.ask(() => "done")).status).toBe(200);
    const named = started(memoryStore(), { guard, address: ({ request }) => request.headers.get("x-from") ?? "" });
    named.cookie = "__Host-session=x";
    expect((await named.ask(() => "done", { headers: { "x-from": "6.6.6.6" } })).status).toBe(429);
  });

  test("onError makes the answer, also to a fault that a page throws", async () => {
    const app = started(faultyStore(memoryStore(), [{ call: "put", fault: "fail" }]), {
      onError: () => new Response("closed", { status: 503 }),
    });
    expect(await (await app.ask(async (page) => app.onRequest.of(page).login("ann"))).text()).toBe("closed");
  });

  test("a prerendered page has no session, and says so where one is asked for", async () => {
    const app = started(faultyStore(memoryStore(), [{ call: "get", fault: "fail" }]));
    app.cookie = "__Host-session=x";
    const page = await app.ask(({ locals }) => JSON.stringify({ ...locals }), { isPrerendered: true });
    expect(await page.text()).toBe("{}");
    const ask = async (page: (page: Page) => unknown): Promise<string> =>
      (await app.ask(page, { isPrerendered: true })).text();
    for (const text of [
      await ask((page) => app.onRequest.of(page)),
      await ask(({ locals }) => (locals as { session: unknown }).session),
    ]) {
      expect(text).toMatch(/^TypeError: Expected a page that is rendered on demand: .*prerender = false/);
    }
  });

  test("a context that no middleware has given a session says where it belongs", () => {
    const { onRequest } = started(memoryStore());
    for (const context of [{ locals: {} }, {}, undefined]) {
      expect(() => onRequest.of(context as never)).toThrow(
        /^Expected a context that has a session: .*src\/middleware\.ts/,
      );
    }
  });

  test("types: fields, and values or promises, as the manager has them", () => {
    const onRequest = sessionMiddleware({ sessions: createSessions<{ role: "admin" | "reader" }>(), keys });
    const read = (page: Page): void => {
      expectTypeOf(onRequest.of(page).get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      expectTypeOf(onRequest.of(page).logout()).toEqualTypeOf<boolean>();
      // @ts-expect-error a field that is none
      onRequest.of(page).get("rule");
    };
    expect(read).toBeTypeOf("function");
  });
});
