/** The `handle` hook, with what SvelteKit does around it. A whole app is in frameworks/sveltekit. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionHandle, type SessionHandle, type SessionHandleOptions } from "../../src/web/sveltekit.ts";
import { svelteKit, type Event } from "./support/sveltekit-app.ts";
import { KEY, keptOf, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];

interface Started {
  readonly sessions: Sessions<Data, Mode>;
  readonly handle: SessionHandle<Data, Mode>;
  cookie: string | undefined;
  ask(resolve: (event: Event) => unknown, init?: RequestInit & { readonly address?: string }): Promise<Response>;
}

function started(store: Store, options: Partial<SessionHandleOptions<Data, Mode>> = {}): Started {
  const sessions = createSessions<Data>({ store });
  const handle = sessionHandle<Data, Mode>({ sessions, keys, ...options });
  const self: Started = {
    sessions,
    handle,
    cookie: undefined,
    async ask(resolve, { address, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (self.cookie !== undefined) headers.set("cookie", self.cookie);
      const answer = async (event: Event): Promise<Response> => {
        const made = await resolve(event);
        return made instanceof Response ? made : new Response(String(made));
      };
      const request = new Request("https://app.test/", { ...init, headers });
      const response = await svelteKit(request, { handle, resolve: answer, address });
      for (const line of response.headers.getSetCookie()) self.cookie = keptOf(line);
      return response;
    },
  };
  return self;
}

/** As `redirect` and `error` of SvelteKit throw. */
const thrown = (fields: object): never => {
  throw fields as Error;
};

describe.each(stores)("SvelteKit, on %s", (_, open) => {
  test("login, profile, logout", async () => {
    const { ask, handle, sessions } = started(open());
    const user = async (): Promise<string> => (await ask((event) => handle.of(event).userId)).text();
    expect(await user()).toBe("null");
    const login = await ask(async (event) => (await handle.of(event).login("ann")).id, { method: "POST" });
    expect(login.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect(login.headers.get("cache-control")).toBe("no-store");
    expect(await user()).toBe("ann");
    const logout = await ask(async (event) => handle.of(event).logout(), { method: "POST" });
    expect(logout.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=; Max-Age=0;/)]);
    expect(await user()).toBe("null");
    expect(await sessions.count()).toBe(0);
  });

  test("what a later hook throws: a redirect keeps what was done, in the cookies that SvelteKit sends with it", async () => {
    const { ask, handle, sessions } = started(open(), {
      cookie: { name: "__Secure-s", path: "/App", partitioned: true },
    });
    const moved = await ask(async (event) => {
      await handle.of(event).login("ann");
      return thrown({ status: 303, location: "/home" });
    });
    expect([moved.status, moved.headers.get("location")]).toEqual([303, "/home"]);
    const [line = ""] = moved.headers.getSetCookie();
    expect(line).toMatch(/^__Secure-s=sess_[\w.-]+; /);
    expect(line.split("; ").slice(1).toSorted()).toEqual(
      ["HttpOnly", "Max-Age=1800", "Partitioned", "Path=/App", "SameSite=lax", "Secure"].toSorted(),
    );
    expect(await (await ask((event) => handle.of(event).userId)).text()).toBe("ann");
    expect(await sessions.count()).toBe(1);
    const out = await ask(async (event) => {
      await handle.of(event).logout();
      return thrown({ status: 303, location: "/" });
    });
    expect(out.headers.getSetCookie()[0]).toMatch(/^__Secure-s=; Max-Age=0;/);
  });

  test.each([
    ["an error of SvelteKit's", { status: 403, body: { message: "no" } }],
    ["any error", new Error("on purpose")],
    ["what is no object", "text"],
  ])("what a later hook throws: %s keeps nothing", async (_name, error) => {
    const { ask, handle, sessions } = started(open());
    const answer = await ask(async (event) => {
      await handle.of(event).login("ann");
      return thrown(error as object);
    });
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await sessions.count()).toBe(0);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("SvelteKit, where something is refused", () => {
  test.each(down({ call: "get", nth: 1, fault: "fail" }))(
    "a store that cannot tell is a 503, on %s",
    async (_name, open) => {
      const app = started(open());
      await app.ask(async (event) => app.handle.of(event).login("ann"));
      const { cookie } = app;
      const answer = await app.ask(() => "never");
      expect(answer.status).toBe(503);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(app.cookie).toBe(cookie);
      expect(await (await app.ask((event) => app.handle.of(event).userId)).text()).toBe("ann");
    },
  );

  test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
    for (const end of [() => "all is well", () => thrown({ status: 303, location: "/home" })]) {
      const { ask, handle } = started(open());
      const answer = await ask((event) => {
        handle.of(event).set("n", 1);
        return end();
      });
      expect(answer.status).toBe(503);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(await answer.text()).not.toContain("all is well");
    }
  });

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

  test("onError makes the answer", async () => {
    const app = started(faultyStore(memoryStore(), [{ call: "get", fault: "fail" }]), {
      onError: () => new Response("closed", { status: 503 }),
    });
    await app.ask(async (event) => app.handle.of(event).login("ann"));
    expect(await (await app.ask(() => "never")).text()).toBe("closed");
  });

  test("an event that no hook has given a session says where the hook belongs", () => {
    const { handle } = started(memoryStore());
    for (const event of [{ locals: {} }, {}, undefined]) {
      expect(() => handle.of(event as never)).toThrow(
        /^Expected an event that has a session: .*src\/hooks\.server\.ts/,
      );
    }
  });

  test("types: fields, and values or promises, as the manager has them", () => {
    const handle = sessionHandle({ sessions: createSessions<{ role: "admin" | "reader" }>(), keys });
    const read = (event: Event): void => {
      expectTypeOf(handle.of(event).get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      expectTypeOf(handle.of(event).logout()).toEqualTypeOf<boolean>();
      // @ts-expect-error a field that is none
      handle.of(event).get("rule");
    };
    expect(read).toBeTypeOf("function");
  });
});
