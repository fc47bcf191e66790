import { beforeEach, describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { faultyStore, type Fault } from "../../../src/testing/faulty-store.ts";
import { manualClock, type ManualClock } from "../../../src/time/manual-clock.ts";
import { nextSessions, type NextSessions, type NextSessionsOptions } from "../../../src/web/next.ts";
import { NextVisitor } from "../support/next-headers.ts";
import { counted, KEY, stores, tokenIn, writes, type Data } from "../support/visitor.ts";

const MINUTE = 60_000;
const CROSS_SITE = { "sec-fetch-site": "cross-site", origin: "https://other.test" };
const post = (headers: Record<string, string> = {}): Request =>
  new Request("https://app.test/route", { method: "POST", headers });
const redirect = Object.assign(new Error("NEXT_REDIRECT"), { digest: "NEXT_REDIRECT;push;/next;307;" });

interface Setup extends NextSessions<Data, Mode> {
  readonly sessions: Sessions<Data, Mode>;
  readonly clock: ManualClock;
  readonly calls: string[];
}

function setUp(
  store = memoryStore() as Parameters<typeof counted>[0],
  more: Partial<NextSessionsOptions<Data, Mode>> = {},
): Setup {
  const clock = manualClock();
  const calls: string[] = [];
  const sessions = createSessions<Data>({ clock, store: counted(store, calls) });
  return { ...nextSessions<Data, Mode>({ sessions, keys: [KEY], ...more }), sessions, clock, calls };
}

async function answerLogin({ withSession }: Pick<Setup, "withSession">): Promise<Response> {
  return new NextVisitor().act(async () =>
    withSession(post(), async (session) => {
      await session.login("ann");
      return new Response("never");
    }),
  );
}

async function loggedIn(on: Setup): Promise<NextVisitor> {
  const visitor = new NextVisitor();
  await visitor.act(async () => on.withSession((session) => session.login("ann")));
  return visitor;
}

describe.each(stores)("on %s", (_, open) => {
  let on: Setup;
  let ann: NextVisitor;

  beforeEach(async () => {
    on = setUp(open());
    ann = new NextVisitor();
    await ann.act(async () => on.withSession((session) => session.login("ann", { role: "admin" })));
    on.calls.length = 0;
  });

  /** A Route Handler that logs in. */
  async function answer(response: Response, request = post()): Promise<Response> {
    const run = async (): Promise<Response> =>
      on.withSession(request, async (session) => {
        await session.login("bob");
        return response;
      });
    return ann.keep(await ann.act(run));
  }

  describe("getSession", () => {
    test("is one look-up in a request, and another one in the next", async () => {
      const seen = await ann.render(async () => Promise.all([on.getSession(), on.getSession(), on.getSession()]));
      expect(new Set(seen).size).toBe(1);
      expect(seen[0]).toMatchObject({ userId: "ann", data: { role: "admin" } });
      const reads = on.calls.length;
      await ann.render(on.getSession);
      expect(on.calls).toHaveLength(reads * 2);
    });

    test("extends nothing, so that the cookie and its session end together", async () => {
      on.clock.advance(29 * MINUTE);
      const session = await ann.render(on.getSession);
      expect(session.expiresAt).toBe(on.clock.now() + MINUTE);
      expect(writes(on.calls)).toEqual([]);
      on.clock.advance(MINUTE);
      expect((await ann.render(on.getSession)).userId).toBeNull();
    });

    test("asks no store where no cookie came, or a forged one", async () => {
      for (const cookie of [undefined, "__Host-session=sess_forged", "__Host-session="]) {
        ann.cookie = cookie;
        expect((await ann.render(on.getSession)).userId).toBeNull();
      }
      expect(on.calls).toEqual([]);
    });

    test("believes none of two cookies, and no other cookie that reads as ours once it is decoded", async () => {
      const own = ann.cookie ?? "";
      ann.cookie = `__Host-session=sess_other; ${own}`;
      expect((await ann.render(on.getSession)).userId).toBeNull();
      ann.cookie = `other=${encodeURIComponent(`x; ${own}`)}`;
      expect((await ann.render(on.getSession)).userId).toBeNull();
      ann.cookie = `other=${encodeURIComponent("x; __Host-session=sess_other")}; ${own}`;
      expect((await ann.render(on.getSession)).userId).toBe("ann");
    });
  });

  describe("withSession in an action", () => {
    test("sets the cookie with all its attributes", () => {
      expect(ann.set).toEqual([
        [
          "__Host-session",
          expect.stringMatching(/^sess_/),
          { path: "/", maxAge: 1_800, secure: true, httpOnly: true, sameSite: "lax" },
        ],
      ]);
    });

    test("what reads within it, after it, and in the page that it renders anew sees the login", async () => {
      const users: (string | null)[] = [];
      const look = async (): Promise<void> => void users.push((await on.getSession()).userId);
      await ann.act(
        async () => {
          await look();
          await on.withSession(async (session) => {
            await session.login("bob");
            await look();
          });
          await look();
        },
        { page: look },
      );
      expect(users).toEqual(["ann", "bob", "bob", "bob"]);
    });

    test("what reads after it sees a change that sets no cookie", async () => {
      const seen = await ann.act(async () => {
        await on.getSession();
        await on.withSession((session) => session.set("note", "milk"));
        return (await on.getSession()).data["note"];
      });
      expect(seen).toBe("milk");
      expect(ann.set).toEqual([]);
    });

    test("a logout deletes the cookie, and the page shows nobody", async () => {
      let user: string | null = "?";
      const page = async (): Promise<void> => void (user = (await on.getSession()).userId);
      await ann.act(async () => on.withSession((session) => session.logout()), { page });
      expect(ann.set[0]?.[2]).toMatchObject({ maxAge: 0, path: "/", secure: true });
      expect(ann.cookie).toBeUndefined();
      expect(user).toBeNull();
      expect(await on.sessions.count()).toBe(0);
    });

    test.each([
      ["redirect", redirect],
      ["notFound", Object.assign(new Error("404"), { digest: "NEXT_HTTP_ERROR_FALLBACK;404" })],
      ["notFound of Next 15.0", Object.assign(new Error("404"), { digest: "NEXT_NOT_FOUND" })],
    ])("%s keeps the changes, and is thrown as it is", async (_name, thrown) => {
      const action = async (): Promise<never> =>
        on.withSession(async (session) => {
          await session.login("bob");
          throw thrown;
        });
      await expect(ann.act(action)).rejects.toBe(thrown);
      expect((await ann.render(on.getSession)).userId).toBe("bob");
      expect(await on.sessions.count()).toBe(1);
    });

    test("any other error changes nothing, and a login in it is ended", async () => {
      const error = new Error("no");
      const action = async (): Promise<never> =>
        on.withSession(async (session) => {
          session.set("note", "lost");
          await session.login("bob");
          throw error;
        });
      await expect(ann.act(action)).rejects.toBe(error);
      expect(ann.set).toEqual([]);
      const { userId, data } = await ann.render(on.getSession);
      expect([userId, data]).toEqual(["ann", { role: "admin" }]);
      expect(await on.sessions.count()).toBe(1);
    });

    test("two at once begin one session, and keep what both have set", async () => {
      const visitor = new NextVisitor();
      await visitor.act(async () =>
        Promise.all([
          on.withSession((session) => session.set("a", 1)),
          on.withSession((session) => session.set("b", 2)),
        ]),
      );
      expect((await visitor.render(on.getSession)).data).toEqual({ a: 1, b: 2 });
      expect(await on.sessions.count()).toBe(2);
    });

    test("one within another joins it, and the outer one commits", async () => {
      const visitor = new NextVisitor();
      const result = await visitor.act(async () =>
        on.withSession(async (session) => {
          session.set("a", 1);
          const inner = await on.withSession((same) => (same.set("b", 2), same === session));
          expect(visitor.set).toEqual([]);
          return inner;
        }),
      );
      expect(result).toBe(true);
      expect((await visitor.render(on.getSession)).data).toEqual({ a: 1, b: 2 });
    });

    test("one that fails leaves the next one in its turn", async () => {
      const results = await ann.act(async () =>
        Promise.allSettled([
          on.withSession(() => Promise.reject(new Error("no"))),
          on.withSession((session) => session.userId),
        ]),
      );
      expect(results[1]).toEqual({ status: "fulfilled", value: "ann" });
    });

    test("is refused where no cookie can be set, before anything is changed", async () => {
      const run = ann.render(async () => on.withSession((session) => session.set("note", "lost")));
      await expect(run).rejects.toThrow("Expected `withSession` in a Server Action or a Route Handler");
      expect(on.calls).toEqual([]);
    });

    test("another site's action is refused, and says so by its digest", async () => {
      const action = async (): Promise<void> => on.withSession((session) => session.set("note", "forged"));
      await expect(ann.act(action, { headers: CROSS_SITE })).rejects.toMatchObject({
        code: "cross_site_request",
        digest: "sojourn:cross_site_request",
      });
      expect(on.calls).toEqual([]);
    });
  });

  describe("withSession in a Route Handler", () => {
    test("sets the headers of the answer, and nothing in the jar", async () => {
      const response = await answer(new Response("body", { headers: { "x-own": "1", "set-cookie": "other=1" } }));
      expect(await response.text()).toBe("body");
      expect(response.headers.get("x-own")).toBe("1");
      expect(response.headers.getSetCookie()).toHaveLength(2);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(ann.set).toEqual([]);
      expect((await ann.render(on.getSession)).userId).toBe("bob");
    });

    test("answers with a redirect whose headers cannot be changed", async () => {
      const response = await answer(Response.redirect("https://app.test/", 303));
      expect([response.status, response.headers.get("location")]).toEqual([303, "https://app.test/"]);
      expect(response.headers.getSetCookie()).toHaveLength(1);
    });

    test("an answer of 500 changes nothing", async () => {
      const response = await answer(new Response("", { status: 500 }));
      expect(response.headers.getSetCookie()).toEqual([]);
      expect((await ann.render(on.getSession)).userId).toBe("ann");
      expect(await on.sessions.count()).toBe(1);
    });

    test("redirect() goes on to Next, with the cookie in the jar", async () => {
      const run = ann.act(async () =>
        on.withSession(post(), async (session) => {
          await session.login("bob");
          throw redirect;
        }),
      );
      await expect(run).rejects.toBe(redirect);
      expect(ann.set).toHaveLength(1);
    });

    // Next sends the jar's cookies with a redirect, and not with these.
    test.each([
      ["notFound", "NEXT_HTTP_ERROR_FALLBACK;404", 404],
      ["forbidden", "NEXT_HTTP_ERROR_FALLBACK;403", 403],
      ["unauthorized", "NEXT_HTTP_ERROR_FALLBACK;401", 401],
      ["notFound of Next 15.0", "NEXT_NOT_FOUND", 404],
    ])("%s() is answered with the cookie", async (_, digest, status) => {
      const run = async (): Promise<Response> =>
        on.withSession(post(), async (session) => {
          session.rotate();
          throw Object.assign(new Error("ends what runs"), { digest });
        });
      const response = ann.keep(await ann.act(run));
      expect([response.status, await response.text()]).toEqual([status, ""]);
      expect(response.headers.getSetCookie()).toHaveLength(1);
      expect(response.headers.get("cache-control")).toBe("no-store");
      on.clock.advance(MINUTE);
      expect((await ann.render(on.getSession)).userId).toBe("ann");
    });

    test.each([
      ["GET", 200],
      ["POST", 403],
    ])("a %s of another site is answered with %d", async (method, status) => {
      const request = new Request("https://app.test/", { method });
      const run = async (): Promise<Response> => on.withSession(request, (session) => new Response(session.userId));
      const response = await ann.act(run, { headers: CROSS_SITE });
      expect(response.status).toBe(status);
      expect(response.headers.getSetCookie()).toEqual([]);
    });

    test("what is no Response is refused", async () => {
      const run = ann.act(async () => on.withSession(post(), () => ({ user: "ann" }) as never));
      await expect(run).rejects.toThrow("Expected `withSession(request, …)` to be given a function that answers");
    });
  });
});

describe("faults", () => {
  const down: Fault = { call: "get", fault: "fail" };
  test("a store that is down logs nobody out: a digest for pages and actions, 503 for Route Handlers", async () => {
    const on = setUp(faultyStore(memoryStore({}), [down]));
    const ann = await loggedIn(on);
    const { cookie } = ann;
    const fault = { code: "store_unavailable", digest: "sojourn:store_unavailable" };
    await expect(ann.render(on.getSession)).rejects.toMatchObject(fault);
    await expect(ann.act(async () => on.withSession(() => "never"))).rejects.toMatchObject(fault);
    const response = await ann.act(async () => on.withSession(post(), () => new Response("never")));
    expect([response.status, response.headers.get("cache-control")]).toEqual([503, "no-store"]);
    expect(await response.text()).not.toContain(tokenIn(cookie ?? ""));
    expect([ann.cookie, ann.set]).toEqual([cookie, []]);
  });

  test("a commit that fails sends no cookie, and ends what has begun", async () => {
    const on = setUp(faultyStore(memoryStore(), [{ call: "delete", nth: 1, fault: "fail" }]));
    const ann = await loggedIn(on);
    // The commit of a login ends the session of before, which fails.
    const run = async (): Promise<unknown> => on.withSession(async (session) => session.login("bob"));
    await expect(ann.act(run)).rejects.toMatchObject({ digest: "sojourn:store_unavailable" });
    expect(ann.set).toEqual([]);
    expect(on.sessions.count()).toBe(1);
    expect((await ann.render(on.getSession)).userId).toBe("ann");
  });

  test("a redirect whose commit fails is no redirect", async () => {
    const on = setUp(faultyStore(memoryStore(), [{ call: "delete", nth: 1, fault: "fail" }]));
    const ann = await loggedIn(on);
    const run = async (): Promise<never> =>
      on.withSession(async (session) => {
        await session.login("bob");
        throw redirect;
      });
    await expect(ann.act(run)).rejects.toMatchObject({ code: "store_unavailable" });
  });

  test("a fault that a handler throws keeps its status, and onError answers in its place", async () => {
    const sessions = createSessions<Data>({ maxPerUser: { limit: 1, onLimit: "reject" } });
    sessions.create("ann");
    const plain = await answerLogin(nextSessions({ sessions, keys: [KEY] }));
    expect([plain.status, await plain.text()]).toEqual([
      409,
      "The user already has 1 live session, which is the limit",
    ]);
    const errors: unknown[] = [];
    const onError = (error: unknown): Response => (
      errors.push(error),
      Response.json({ error: "busy" }, { status: 409 })
    );
    const own = await answerLogin(nextSessions({ sessions, keys: [KEY], onError }));
    expect(await own.json()).toEqual({ error: "busy" });
    expect(errors).toMatchObject([{ code: "too_many_sessions" }]);
  });

  test("the guard's refusal says when to try again; the address is what the application names", async () => {
    const asked: (string | undefined)[] = [];
    const on = setUp(memoryStore(), {
      address: (headers) => headers.get("x-real-ip") ?? undefined,
      guard: { admits: (address) => (asked.push(address), { retryAfter: 60 }) },
    });
    const visitor = new NextVisitor();
    visitor.cookie = "__Host-session=sess_guess";
    const run = async (): Promise<Response> => on.withSession(post(), () => new Response("never"));
    const response = await visitor.act(run, { headers: { "x-real-ip": "198.51.100.7" } });
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(asked).toEqual(["198.51.100.7"]);
  });

  test("what is no fault of ours goes on to Next as it is", async () => {
    const on = setUp();
    const error = new RangeError("mine");
    const run = async (): Promise<Response> => on.withSession(post(), () => Promise.reject(error));
    await expect(new NextVisitor().act(run)).rejects.toBe(error);
    expect("digest" in error).toBe(false);
  });
});
