/** The storage beside React Router's own: what its users have written does the same with both. */
import { createMemorySessionStorage, isSession, type SessionStorage } from "react-router";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore } from "../../../src/testing/faulty-store.ts";
import { manualClock } from "../../../src/time/manual-clock.ts";
import { sessionMiddleware, sessionStorage, type SessionStorageOptions } from "../../../src/web/react-router.ts";
import { reactRouterApp } from "../support/react-router-app.ts";
import { KEY, keptOf, stores, type Data } from "../support/visitor.ts";

const keys = [KEY];

/** What was said with a `Set-Cookie` line, as a browser that had this cookie sends it next. */
const next = (line: string, before?: string): string | undefined => (line === "" ? before : keptOf(line));

const storages: readonly (readonly [name: string, make: () => SessionStorage])[] = [
  ["React Router's own storage", () => createMemorySessionStorage({ cookie: { name: "own", secrets: [KEY] } })],
  ...stores.map(
    ([name, open]) =>
      [
        `the one on ${name}`,
        (): SessionStorage => sessionStorage({ sessions: createSessions<Data>({ store: open() }), keys }),
      ] as const,
  ),
];

describe.each(storages)("%s", (_, make) => {
  test("keeps fields from one request to the next", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession(undefined);
    expect([isSession(first), first.id, first.data, first.has("theme")]).toEqual([true, "", {}, false]);
    first.set("theme", "dark");
    first.set("gone", 1);
    first.unset("gone");
    expect([first.get("theme"), first.has("theme"), first.has("gone")]).toEqual(["dark", true, false]);
    const cookie = next(await commitSession(first));
    const second = await getSession(cookie);
    expect(second.id).not.toBe("");
    expect([second.get("theme"), second.get("gone"), second.data]).toEqual(["dark", undefined, { theme: "dark" }]);
    second.unset("theme");
    const third = await getSession(next(await commitSession(second), cookie));
    expect([third.get("theme"), third.data]).toEqual([undefined, {}]);
  });

  test("a flashed value is read once, in this request or a later one", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession();
    first.flash("notice", "saved");
    first.flash("read here", "now");
    expect([first.has("notice"), first.get("read here"), first.get("read here")]).toEqual([true, "now", undefined]);
    const cookie = next(await commitSession(first));
    const look = await getSession(cookie);
    expect([look.has("notice"), look.has("read here")]).toEqual([true, false]);
    // It was looked at and not read, and stays.
    const second = await getSession(next(await commitSession(look), cookie));
    expect([second.get("notice"), second.has("notice"), second.get("notice")]).toEqual(["saved", false, undefined]);
    const third = await getSession(next(await commitSession(second), cookie));
    expect([third.has("notice"), third.get("notice")]).toEqual([false, undefined]);
  });

  test("a field comes before a flashed value of its name", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession();
    first.set("a", "field");
    first.flash("a", "flashed");
    expect(first.get("a")).toBe("field");
    const second = await getSession(next(await commitSession(first)));
    second.unset("a");
    expect([second.has("a"), second.get("a"), second.has("a")]).toEqual([true, "flashed", false]);
  });

  test("what is destroyed is gone, and its cookie with it", async () => {
    const { getSession, commitSession, destroySession } = make();
    const first = await getSession(null);
    first.set("userId", "ann");
    const cookie = next(await commitSession(first));
    const line = await destroySession(await getSession(cookie));
    expect(line).toMatch(/=; .*(Max-Age=0|Expires=Thu, 01 Jan 1970)/);
    expect((await getSession(cookie)).has("userId")).toBe(false);
  });
});

function open(store: Store = memoryStore(), options: Partial<SessionStorageOptions<Data>> = {}) {
  const clock = manualClock();
  const sessions = createSessions<Data>({ store, clock, ttl: "1h", absoluteTtl: "7d" });
  const storage = sessionStorage({ sessions, keys, ...options });
  const login = async (userId: unknown, cookie?: string): Promise<string | undefined> => {
    const session = await storage.getSession(cookie);
    session.set("userId", userId);
    return next(await storage.commitSession(session), cookie);
  };
  return { ...storage, sessions, clock, login };
}

describe("the storage", () => {
  test("a user in the field is a login: a new id and token, and listed as that user's", async () => {
    const { getSession, commitSession, sessions, login } = open();
    const visit = await getSession();
    visit.set("cart", ["book"]);
    const anonymous = next(await commitSession(visit));
    const { id } = await getSession(anonymous);
    const cookie = await login(42, anonymous);
    expect(cookie).not.toBe(anonymous);
    // Whoever knew the cookie of before is not let in with it.
    expect((await getSession(anonymous)).data).toEqual({});
    const own = await getSession(cookie);
    expect(own.id).not.toBe(id);
    expect([own.get("userId"), own.get("cart")]).toEqual([42, ["book"]]);
    expect((await sessions.listByUser("42")).map((session) => session.id)).toEqual([own.id]);
    await sessions.destroyByUser("42");
    expect((await getSession(cookie)).has("userId")).toBe(false);
  });

  test("the same user again gets a new token for the same session, another one nothing of it", async () => {
    const { getSession, login, sessions } = open();
    const first = await login("ann");
    const { id } = await getSession(first);
    const again = await login("ann", first);
    expect(again).not.toBe(first);
    expect((await getSession(again)).id).toBe(id);
    const session = await getSession(again);
    expect(session.get("userId")).toBe("ann");
    const bob = await login("bob", again);
    expect((await getSession(bob)).data).toEqual({ userId: "bob" });
    expect(await sessions.count()).toBe(1);
  });

  test("an unset user is a logout, which keeps what was flashed with it", async () => {
    const { getSession, commitSession, sessions, login } = open();
    const cookie = await login("ann");
    const session = await getSession(cookie);
    session.set("secret", "of ann's");
    session.unset("userId");
    session.flash("notice", "Good-bye");
    const after = await getSession(next(await commitSession(session), cookie));
    expect([after.has("userId"), after.get("notice")]).toEqual([false, "Good-bye"]);
    expect((await getSession(cookie)).data).toEqual({});
    expect(await sessions.listByUser("ann")).toEqual([]);
  });

  test("a user that is no id is a TypeError, and logs nobody in", async () => {
    const { login, sessions } = open();
    await expect(login({ id: 42 })).rejects.toThrow("Expected `userId` to be a user's id, a string or a number, got");
    expect(await sessions.count()).toBe(0);
  });

  test("without a field for users, a session is nobody's", async () => {
    const { login, sessions, getSession } = open(memoryStore(), { userField: false });
    const cookie = await login("ann");
    expect((await getSession(cookie)).get("userId")).toBe("ann");
    expect(await sessions.listByUser("ann")).toEqual([]);
  });

  test("maxAge and expires are the lifetime of a user's session that begins", async () => {
    const { getSession, commitSession, clock, sessions } = open();
    const ends = async (options: Parameters<typeof commitSession>[1], user: string): Promise<number | undefined> => {
      const session = await getSession();
      session.set("userId", user);
      await commitSession(session, options);
      return (await sessions.listByUser(user))[0]?.expiresAt;
    };
    const now = clock.now();
    expect(await ends({ maxAge: 7_200 }, "a")).toBe(now + 7_200_000);
    expect(await ends({ expires: new Date(now + 5_000_000) }, "b")).toBe(now + 5_000_000);
    // No session outlives what the manager says.
    expect(await ends({ maxAge: 31_536_000 }, "c")).toBe(now + 7 * 86_400_000);
    expect(await ends(undefined, "d")).toBe(now + 3_600_000);
    await expect(commitSession(await getSession(), { path: "/" })).rejects.toThrow(
      "Expected an option of `commitSession`",
    );
  });

  test("of two loaders that set different fields, both are kept", async () => {
    const { getSession, commitSession, login } = open();
    const cookie = await login("ann");
    const [one, two] = [await getSession(cookie), await getSession(cookie)];
    one.set("a", 1);
    two.set("b", 2);
    await Promise.all([commitSession(one), commitSession(two)]);
    expect((await getSession(cookie)).data).toEqual({ userId: "ann", a: 1, b: 2 });
  });

  test("a commit of nothing is an empty line, and a second one the same as the first", async () => {
    const { getSession, commitSession, login } = open();
    expect(await commitSession(await getSession())).toBe("");
    const session = await getSession();
    session.set("a", 1);
    const line = await commitSession(session);
    expect(line).toMatch(/^__Host-session=/);
    expect(await commitSession(session)).toBe(line);
    expect(() => session.set("b", 2)).toThrow("The session was committed with the response's headers");
    expect(await commitSession(await getSession(await login("ann")))).toBe("");
  });

  test("a session of another storage is a TypeError, and so is an option that is not known", async () => {
    const { getSession } = open();
    const { commitSession, destroySession } = open();
    const session = await getSession();
    const message = "Expected a session that `getSession` of this storage has returned";
    await expect(commitSession(session)).rejects.toThrow(message);
    await expect(destroySession(session)).rejects.toThrow(message);
    const options = { sessions: createSessions<Data>(), keys };
    expect(() => sessionStorage({ ...options, bearer: true } as never)).toThrow("an option of `sessionStorage`");
    expect(() => sessionStorage({ ...options, userField: true } as never)).toThrow("Expected `userField` to be");
  });

  test.each([
    ["a synchronous store", () => memoryStore()],
    ["an asynchronous one", () => asyncStore(memoryStore())],
  ])("a store that is down is a fault, and nobody is logged out, on %s", async (_name, make) => {
    const { getSession, login } = open(faultyStore(make(), [{ call: "get", nth: 1, fault: "fail" }]));
    const cookie = await login("ann");
    await expect(getSession(cookie)).rejects.toMatchObject({ code: "store_unavailable" });
    expect((await getSession(cookie)).get("userId")).toBe("ann");
  });

  test("a whole Request is checked for other sites, a cookie alone cannot be", async () => {
    const { getSession, login } = open();
    const cookie = (await login("ann")) ?? "";
    const from = (site: string): Request =>
      new Request("https://app.test/", { method: "POST", headers: { cookie, "sec-fetch-site": site } });
    expect((await getSession(from("same-origin"))).get("userId")).toBe("ann");
    await expect(getSession(from("cross-site"))).rejects.toMatchObject({ code: "cross_site_request" });
    expect((await getSession(from("cross-site").headers.get("cookie"))).get("userId")).toBe("ann");
  });

  test("in development the cookie has no Secure", async () => {
    const { getSession, commitSession } = open(memoryStore(), { development: true });
    const session = await getSession();
    session.set("a", 1);
    expect(await commitSession(session)).toMatch(/^session=sess_(?!.*Secure)/);
    const request = new Request("http://192.168.1.7:3000/");
    await expect(getSession(request)).rejects.toMatchObject({ code: "development_host" });
  });

  test("names of Object.prototype are names like others", async () => {
    const { getSession, commitSession } = open();
    const session = await getSession();
    expect([session.has("constructor"), session.get("__proto__"), session.has("toString")]).toEqual([
      false,
      undefined,
      false,
    ]);
    session.flash("__proto__", { admin: true });
    const after = await getSession(next(await commitSession(session)));
    expect(after.get("__proto__")).toEqual({ admin: true });
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    expect(() => session.flash("a", () => 1)).toThrow("is JSON");
  });

  test("the middleware and the storage read each other's sessions", async () => {
    const sessions = createSessions<Data>();
    const session = sessionMiddleware({ sessions, keys });
    const { getSession } = sessionStorage({ sessions, keys });
    const app = reactRouterApp({
      middleware: [session],
      routes: [{ path: "login", page: false, action: ({ context }) => (session.of(context).login("ann"), "ok") }],
    });
    const { headers } = await app(new Request("https://app.test/login", { method: "POST" }));
    const own = await getSession(keptOf(headers.getSetCookie()[0] ?? ""));
    expect([own.get("userId"), own.has("userId")]).toEqual(["ann", true]);
  });

  test("types are those of createCookieSessionStorage", () => {
    interface Fields {
      userId: string;
    }
    interface Flashes {
      error: string;
    }
    const storage = sessionStorage<Fields, Flashes>({ sessions: createSessions<Fields>(), keys });
    expectTypeOf(storage).toExtend<SessionStorage<Fields, Flashes>>();
    type Own = Awaited<ReturnType<typeof storage.getSession>>;
    expectTypeOf<ReturnType<Own["get"]>>().toEqualTypeOf<string | undefined>();
  });
});
