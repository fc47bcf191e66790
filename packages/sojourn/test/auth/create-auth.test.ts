/** Every row of the session interface that users of `createAuth` know: its type, and its value around each instant. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { createAuth, type Auth, type ListedSession, type Session, type SessionData } from "../../src/auth/index.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { modes, openAuth, SECRET } from "./support/auths.ts";

const TTL = 3_600_000;

describe("types", () => {
  test("a session", () => {
    expectTypeOf<Session["id"]>().toExtend<string>();
    expectTypeOf<Session>().toHaveProperty("userId").toEqualTypeOf<string>();
    expectTypeOf<Session["data"]>().toExtend<Readonly<SessionData>>();
    expectTypeOf<Session>().toHaveProperty("createdAt").toEqualTypeOf<number>();
    expectTypeOf<Session>().toHaveProperty("expiresAt").toEqualTypeOf<number>();
    expectTypeOf<Session>().toHaveProperty("lastAccessedAt").toEqualTypeOf<number>();
    expectTypeOf<keyof Session>().toEqualTypeOf<
      "id" | "userId" | "data" | "createdAt" | "expiresAt" | "lastAccessedAt"
    >();
  });

  test("a token and a handle are strings, and never one another", () => {
    const auth = createAuth({ jwtSecret: SECRET });
    const current = auth.createSession("u");
    auth.createSession("u");
    const listed = auth.getUserSessions("u");
    const text: string = current.id;
    expect(auth.getSession(text)).not.toBeNull();
    // @ts-expect-error -- a handle never equals a token: this would end the current session as well
    expect(listed.filter((each) => each.id !== current.id)).toHaveLength(2);
    // @ts-expect-error -- a handle opens nothing
    for (const { id } of listed) expect(auth.getSession(id)).toBeNull();
    for (const { id } of listed) expect(auth.destroySession(id)).toBe(true);
  });

  test("its data", () => {
    expectTypeOf<SessionData["userId"]>().toEqualTypeOf<string>();
    expectTypeOf<SessionData["role"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<SessionData["anything"]>().toEqualTypeOf<unknown>();
    expectTypeOf<Session<{ page: number }>["data"]["page"]>().toEqualTypeOf<number>();
    expectTypeOf<Session<{ page: number }>["data"]["userId"]>().toEqualTypeOf<string>();
  });

  test("values over a synchronous store", () => {
    const auth = createAuth({ jwtSecret: SECRET });
    expectTypeOf(auth).toEqualTypeOf<Auth<"sync">>();
    expectTypeOf(createAuth({ jwtSecret: SECRET, store: memoryStore() })).toEqualTypeOf<Auth<"sync">>();
    expectTypeOf(auth.createSession).returns.toEqualTypeOf<Session>();
    expectTypeOf(auth.getSession).returns.toEqualTypeOf<Session | null>();
    expectTypeOf(auth.refreshSession).returns.toEqualTypeOf<Session | null>();
    expectTypeOf(auth.updateSession).returns.toEqualTypeOf<Session | null>();
    expectTypeOf(auth.destroySession).returns.toEqualTypeOf<boolean>();
    expectTypeOf(auth.destroyAllUserSessions).returns.toEqualTypeOf<number>();
    expectTypeOf(auth.getUserSessions).returns.toEqualTypeOf<readonly ListedSession[]>();
    expectTypeOf(auth.cleanupExpiredSessions).returns.toEqualTypeOf<number>();
  });

  test("promises over an asynchronous store, either over one chosen at run time", () => {
    const auth = createAuth({ jwtSecret: SECRET, store: asyncStore(memoryStore()) });
    expectTypeOf(auth).toEqualTypeOf<Auth<"async">>();
    expectTypeOf(auth.createSession).returns.toEqualTypeOf<Promise<Session>>();
    expectTypeOf(auth.getSession).returns.toEqualTypeOf<Promise<Session | null>>();
    const store: Store = memoryStore();
    expectTypeOf(createAuth({ jwtSecret: SECRET, store })).toEqualTypeOf<Auth<Mode>>();
  });

  test("fields of the application's own keep their types", () => {
    const auth = createAuth<{ cart: string[] }>({ jwtSecret: SECRET });
    expectTypeOf(auth.createSession).parameter(1).toEqualTypeOf<{ cart: string[] } | undefined>();
    const { id, data } = auth.createSession("u", { cart: ["tea"] });
    expectTypeOf(data.cart).toEqualTypeOf<string[]>();
    // @ts-expect-error -- a cart is a list of strings
    auth.updateSession(id, { cart: 1 });
  });
});

describe.each(modes)("values: %s", (_, open) => {
  test("id: unlike any other, starts with sess_, the same as long as the session is not rotated", async () => {
    const { auth } = openAuth(open);
    const { id } = await auth.createSession("user-42");
    expect(id).toMatch(/^sess_[\w-]{65}$/);
    expect((await auth.getSession(id))?.id).toBe(id);
    expect((await auth.refreshSession(id))?.id).toBe(id);
    expect((await auth.updateSession(id, { page: "/" }))?.id).toBe(id);
    expect((await auth.createSession("user-42")).id).not.toBe(id);
  });

  test("userId: the one that was given", async () => {
    const { auth } = openAuth(open);
    const { id, userId } = await auth.createSession("user-42");
    expect(userId).toBe("user-42");
    expect((await auth.getSession(id))?.userId).toBe("user-42");
    expect((await auth.getUserSessions("user-42"))[0]?.userId).toBe("user-42");
  });

  test("data: what was given, with the userId, which nothing can change", async () => {
    const { auth } = openAuth(open);
    const given = { role: "admin", ip: "192.168.1.1", tags: ["a"] };
    const { id, data } = await auth.createSession("user-42", given);
    expect(data).toEqual({ ...given, userId: "user-42" });
    expect((await auth.createSession("user-42")).data).toEqual({ userId: "user-42" });
    expect((await auth.createSession("user-42", { userId: "user-1" })).data).toEqual({ userId: "user-42" });
    expect((await auth.updateSession(id, { userId: "user-1", role: undefined }))?.data).toEqual({
      ip: "192.168.1.1",
      tags: ["a"],
      userId: "user-42",
    });
    expect((await auth.getSession(id))?.data.userId).toBe("user-42");
    // What the manager beneath has, and its events, say the same.
    for (const { data } of await auth.sessions.listByUser("user-42")) expect(data.userId).toBe("user-42");
  });

  test("what is returned shares nothing with what is kept, and cannot be changed", async () => {
    const { auth } = openAuth(open);
    const given = { tags: ["a"] };
    const session = await auth.createSession("user-42", given);
    given.tags.push("b");
    expect((await auth.getSession(session.id))?.data.tags).toEqual(["a"]);
    expect(() => (session.data.tags as string[]).push("c")).toThrow(TypeError);
    expect(Object.isFrozen(session) && Object.isFrozen(session.data)).toBe(true);
  });

  test("data.userId is the session's also where another manager wrote the data", async () => {
    const { auth } = openAuth(open);
    const { token } = await auth.sessions.create("user-42", { userId: "user-1" });
    expect((await auth.getSession(token))?.data.userId).toBe("user-42");
    expect((await auth.getUserSessions("user-42"))[0]?.data.userId).toBe("user-42");
  });

  test("createdAt: the instant of the creation, for ever", async () => {
    const { auth, clock } = openAuth(open);
    const at = clock.now();
    const { id, createdAt } = await auth.createSession("user-42");
    expect(createdAt).toBe(at);
    clock.advance("59m");
    expect((await auth.refreshSession(id))?.createdAt).toBe(at);
    expect((await auth.getSession(id))?.createdAt).toBe(at);
  });

  test.each([
    [-1, true],
    [0, false],
    [1, false],
  ])("expiresAt: at %i ms from it, live is %s, in every call", async (offset, live) => {
    const { auth, clock } = openAuth(open, { sessionRefreshThreshold: 0 });
    const { id, expiresAt } = await auth.createSession("user-42");
    expect(expiresAt).toBe(clock.now() + TTL);
    clock.set(expiresAt + offset);
    expect((await auth.getSession(id)) !== null).toBe(live);
    expect((await auth.getUserSessions("user-42")).length).toBe(Number(live));
    expect((await auth.updateSession(id, { page: "/" })) !== null).toBe(live);
    expect((await auth.refreshSession(id)) !== null).toBe(live);
    expect(await auth.destroySession(id)).toBe(live);
  });

  test.each([
    [-300_001, false],
    [-300_000, false],
    [-299_999, true],
    [-1, true],
  ])("getSession at %i ms from expiresAt extends: %s", async (offset, extends_) => {
    const { auth, clock } = openAuth(open, { sessionTtl: 3_600, sessionRefreshThreshold: 300 });
    const { id, createdAt, expiresAt } = await auth.createSession("user-42");
    const at = clock.set(expiresAt + offset);
    const session = await auth.getSession(id);
    expect(session?.expiresAt).toBe(extends_ ? at + TTL : expiresAt);
    expect(session?.lastAccessedAt).toBe(extends_ ? at : createdAt);
    expect(await auth.getSession(id)).toEqual(session);
  });

  test("refreshSession: the ttl from now, whenever; updateSession: no change of expiry", async () => {
    const { auth, clock } = openAuth(open);
    const { id, expiresAt } = await auth.createSession("user-42");
    const at = clock.advance(1);
    expect((await auth.updateSession(id, { page: "/" }))?.expiresAt).toBe(expiresAt);
    const refreshed = await auth.refreshSession(id);
    expect(refreshed).toMatchObject({ expiresAt: at + TTL, lastAccessedAt: at });
    expect(refreshed?.data).toEqual({ page: "/", userId: "user-42" });
  });

  test("lastAccessedAt: the creation at first, then the last extension", async () => {
    const { auth, clock } = openAuth(open);
    const { id, createdAt, lastAccessedAt } = await auth.createSession("user-42");
    expect(lastAccessedAt).toBe(createdAt);
    clock.advance("10m");
    expect((await auth.getSession(id))?.lastAccessedAt).toBe(createdAt);
    expect((await auth.refreshSession(id))?.lastAccessedAt).toBe(createdAt + 600_000);
  });

  test("nothing extends a session beyond its absolute lifetime", async () => {
    const { auth, clock } = openAuth(open, { sessionTtl: 60, sessionAbsoluteTtl: 90 });
    const { id, createdAt } = await auth.createSession("user-42");
    clock.advance("59s");
    expect((await auth.refreshSession(id))?.expiresAt).toBe(createdAt + 90_000);
    clock.set(createdAt + 89_999);
    expect((await auth.getSession(id))?.expiresAt).toBe(createdAt + 90_000);
    clock.advance(1);
    expect(await auth.getSession(id)).toBeNull();
  });

  test("a threshold of the ttl, or more, extends at every access", async () => {
    const { auth, clock } = openAuth(open, { sessionTtl: 60, sessionRefreshThreshold: 300 });
    const { id } = await auth.createSession("user-42");
    const at = clock.advance(1);
    expect((await auth.getSession(id))?.expiresAt).toBe(at + 60_000);
  });
});
