/** What takes a token, what takes a handle, and what the calls answer when there is nothing. */
import { describe, expect, test } from "vitest";
import { InvalidDataError, RevokedError, StoreError, TooManySessionsError } from "../../src/errors.ts";
import { handleOf, modes, openAuth, type Open } from "./support/auths.ts";

describe.each(modes)("session calls: %s", (_, open) => {
  const opened: Open = (options) => openAuth(open, options);

  test("a listing shows handles, the oldest session first, and no token", async () => {
    const { auth, clock } = opened();
    const first = await auth.createSession("user-42", { device: "laptop" });
    clock.advance("1s");
    const second = await auth.createSession("user-42", { device: "phone" });
    await auth.createSession("user-1");
    const listed = await auth.getUserSessions("user-42");
    expect(listed).toEqual([
      { ...first, id: handleOf(first.id) },
      { ...second, id: handleOf(second.id) },
    ]);
    expect(JSON.stringify(listed)).not.toContain(first.id.slice(-43));
    expect(await auth.getUserSessions("nobody")).toEqual([]);
  });

  test("a listed handle used as a credential is refused by every call that needs a token", async () => {
    const { auth, ends } = opened();
    const session = await auth.createSession("user-42", { role: "admin" });
    const [listed] = await auth.getUserSessions("user-42");
    const handle: string = listed?.id ?? "";
    expect(handle).toBe(handleOf(session.id));
    expect(await auth.getSession(handle)).toBeNull();
    expect(await auth.refreshSession(handle)).toBeNull();
    expect(await auth.updateSession(handle, { role: "root" })).toBeNull();
    expect(await auth.refreshToken(handle)).toBeNull();
    expect(await auth.signToken({ id: handle })).toBeNull();
    expect(await auth.getSession(session.id)).toEqual(session);
    expect(ends).toEqual([]);
  });

  test("deployed with other lifetimes: sessions keep those that they began with, and the threshold counts at once", async () => {
    const { auth: before, clock, store } = opened({ sessionTtl: 3_600, sessionAbsoluteTtl: 7_200 });
    const { id, createdAt } = await before.createSession("user-42");
    const { auth: after } = opened({ store, clock, sessionTtl: 600, sessionRefreshThreshold: 600 });
    expect((await after.createSession("user-1")).expiresAt).toBe(createdAt + 600_000);
    clock.advance("40m");
    expect((await after.refreshSession(id))?.expiresAt).toBe(clock.now() + 3_600_000);
    clock.advance("50m");
    expect((await before.getSession(id))?.expiresAt).toBe(createdAt + 100 * 60_000);
    clock.advance(1);
    expect((await after.getSession(id))?.expiresAt).toBe(createdAt + 7_200_000);
  });

  test("a wrong secret on a known handle reads as absent, and ends nothing", async () => {
    const { auth, ends } = opened();
    const { id } = await auth.createSession("user-42");
    const wrong = handleOf(id) + "A".repeat(43);
    expect(await auth.getSession(wrong)).toBeNull();
    expect(await auth.refreshSession(wrong)).toBeNull();
    expect(await auth.updateSession(wrong, { role: "root" })).toBeNull();
    expect(await auth.destroySession(wrong)).toBe(false);
    expect(await auth.getSession(id)).not.toBeNull();
    expect(ends).toEqual([]);
  });

  test.each([undefined, null, "", "sess_abc123", "sess_", "x".repeat(10_000), "\0", "\u{d800}", "a.b.c"])(
    "no session has the token %j",
    async (token) => {
      const { auth } = opened();
      await auth.createSession("user-42");
      expect(await auth.getSession(token)).toBeNull();
      expect(await auth.refreshSession(token)).toBeNull();
      expect(await auth.updateSession(token, {})).toBeNull();
      expect(await auth.destroySession(token)).toBe(false);
    },
  );

  test.each([42, {}, ["a"], true])("a token that is %j is a mistake of the program", async (token) => {
    const { auth } = opened();
    for (const call of [auth.getSession, auth.refreshSession, auth.destroySession]) {
      await expect(async () => call(token as never)).rejects.toThrow(TypeError);
    }
    await expect(async () => auth.updateSession(token as never, {})).rejects.toThrow(TypeError);
  });

  test("destroySession takes the token or the handle, and says whether there was one", async () => {
    const { auth, ends } = opened();
    const one = await auth.createSession("user-42");
    const other = await auth.createSession("user-42");
    expect(await auth.destroySession(one.id)).toBe(true);
    expect(await auth.destroySession(one.id)).toBe(false);
    expect(await auth.destroySession(handleOf(other.id))).toBe(true);
    expect(await auth.destroySession(handleOf(other.id))).toBe(false);
    expect(await auth.getSession(one.id)).toBeNull();
    expect(await auth.getSession(other.id)).toBeNull();
    expect(ends).toEqual([`${handleOf(one.id)} logout`, `${handleOf(other.id)} logout`]);
  });

  test("a logout waits until no node can let the session in, also when it is repeated", async () => {
    const inner = open();
    let waits = 0;
    const propagated = (): void | Promise<void> => {
      waits++;
      return inner.mode === "sync" ? undefined : Promise.resolve();
    };
    const { auth } = opened({ store: { ...inner, propagated } });
    const { id } = await auth.createSession("user-42");
    for (const [count, which] of [id, id, handleOf(id), handleOf(id)].entries()) {
      expect(await auth.destroySession(which)).toBe(count === 0);
      expect(waits).toBe(count + 1);
    }
  });

  test("a session with an adopted token ends by that token, and by its handle", async () => {
    const { auth } = opened();
    await auth.sessions.create("user-42", { userId: "user-42" }, { token: "brought along" });
    expect(await auth.getSession("brought along")).toMatchObject({ id: "brought along", userId: "user-42" });
    expect(await auth.destroySession("brought along")).toBe(true);
    await auth.sessions.create("user-42", { userId: "user-42" }, { token: "brought along" });
    expect(await auth.destroySession((await auth.getUserSessions("user-42"))[0]?.id)).toBe(true);
  });

  test("destroyAllUserSessions counts the live ones, and spares other users", async () => {
    const { auth, clock } = opened();
    await auth.createSession("user-42");
    clock.advance("1h");
    await auth.createSession("user-42");
    await auth.createSession("user-42");
    const other = await auth.createSession("user-1");
    expect(await auth.destroyAllUserSessions("user-42")).toBe(2);
    expect(await auth.destroyAllUserSessions("user-42")).toBe(0);
    expect(await auth.getUserSessions("user-42")).toEqual([]);
    expect(await auth.getSession(other.id)).not.toBeNull();
  });

  test("except takes a token or a handle", async () => {
    const { auth } = opened();
    const kept = await auth.createSession("user-42");
    await auth.createSession("user-42");
    expect(await auth.destroyAllUserSessions("user-42", { except: kept.id })).toBe(1);
    await auth.createSession("user-42");
    expect(await auth.destroyAllUserSessions("user-42", { except: handleOf(kept.id) })).toBe(1);
    expect(await auth.getSession(kept.id)).not.toBeNull();
    expect(await auth.destroyAllUserSessions("user-42", { except: undefined })).toBe(1);
  });

  test.each(["", "\0", "x".repeat(200), null, 7])("except: %j is neither, and ends nothing", async (except) => {
    const { auth } = opened();
    await auth.createSession("user-42");
    await expect(async () => auth.destroyAllUserSessions("user-42", { except: except as never })).rejects.toThrow(
      TypeError,
    );
    expect(await auth.getUserSessions("user-42")).toHaveLength(1);
  });

  test("cleanupExpiredSessions removes all that have expired, however many, and counts them", async () => {
    const { auth, clock } = opened();
    for (let n = 0; n < 2_345; n++) await auth.createSession(`user-${n}`);
    clock.advance("59m");
    const live = await auth.createSession("user-42");
    expect(await auth.cleanupExpiredSessions()).toBe(0);
    clock.advance("1m");
    expect(await auth.cleanupExpiredSessions()).toBe(2_345);
    expect(await auth.cleanupExpiredSessions()).toBe(0);
    expect(await auth.getSession(live.id)).not.toBeNull();
  });

  test("100 updates at once are all there", async () => {
    const { auth } = opened();
    const { id } = await auth.createSession("user-42", { role: "admin" });
    const fields = Array.from({ length: 50 }, (_, n) => `field${n}`);
    await Promise.all(fields.map(async (name) => auth.updateSession(id, { [name]: true })));
    expect(Object.keys((await auth.getSession(id))?.data ?? {})).toHaveLength(52);
  });

  test("a session that is destroyed while it is used stays away", async () => {
    const { auth, clock } = opened({ sessionRefreshThreshold: 3_600 });
    const { id } = await auth.createSession("user-42");
    clock.advance("1m");
    const calls = [
      async () => auth.getSession(id),
      async () => auth.updateSession(id, { a: 1 }),
      async () => auth.refreshSession(id),
      async () => auth.destroySession(id),
    ];
    await Promise.all(calls.map(async (call) => call()));
    expect(await auth.getSession(id)).toBeNull();
    expect(await auth.getUserSessions("user-42")).toEqual([]);
  });

  test("an anonymous session of another manager is none of these calls'", async () => {
    const { auth } = opened();
    const { token } = await auth.sessions.create(null, { userId: "root" });
    expect(await auth.getSession(token)).toBeNull();
    expect(await auth.refreshSession(token)).toBeNull();
    expect(await auth.signToken({ id: token })).toBeNull();
    expect(await auth.refreshToken(token)).toBeNull();
  });

  test("a limit for each user", async () => {
    const { auth } = opened({ maxPerUser: { limit: 1, onLimit: "reject" } });
    await auth.createSession("user-42");
    await expect(async () => auth.createSession("user-42")).rejects.toThrow(TooManySessionsError);
  });

  test.each(["", 42, null, undefined, "x".repeat(1_025)])("%j is not a user id", async (userId) => {
    const { auth } = opened();
    for (const call of [auth.createSession, auth.getUserSessions, auth.destroyAllUserSessions]) {
      await expect(async () => call(userId as never)).rejects.toThrow(TypeError);
    }
  });

  test.each([[[]], ["text"], [null], [1]])("%j is no data to set", async (data) => {
    const { auth } = opened();
    const { id } = await auth.createSession("user-42");
    if (data !== null)
      await expect(async () => auth.createSession("user-42", data as never)).rejects.toThrow(TypeError);
    await expect(async () => auth.updateSession(id, data as never)).rejects.toThrow(TypeError);
  });

  test("data that is not JSON is refused", async () => {
    const { auth } = opened();
    await expect(async () => auth.createSession("user-42", { big: 1n })).rejects.toThrow(InvalidDataError);
    const { id } = await auth.createSession("user-42");
    await expect(async () => auth.updateSession(id, { big: 1n })).rejects.toThrow(InvalidDataError);
  });

  test("a misspelt option is refused, and ends nothing", async () => {
    const { auth } = opened();
    const { id } = await auth.createSession("user-42");
    const misspelt = { excpt: id } as { readonly except?: string };
    await expect(async () => auth.destroyAllUserSessions("user-42", misspelt)).rejects.toThrow(
      'such as `except`, got "excpt"',
    );
    expect(await auth.getSession(id)).not.toBeNull();
  });

  test("a store that fails is not an absent session", async () => {
    const { auth, store } = opened();
    const { id } = await auth.createSession("user-42");
    await store.close();
    const calls: readonly (() => unknown)[] = [
      () => auth.getSession(id),
      () => auth.refreshSession(id),
      () => auth.updateSession(id, {}),
      () => auth.destroySession(id),
      () => auth.destroySession(handleOf(id)),
      () => auth.destroyAllUserSessions("user-42"),
      () => auth.getUserSessions("user-42"),
      () => auth.cleanupExpiredSessions(),
      () => auth.createSession("user-42"),
    ];
    for (const call of calls) await expect(async () => call()).rejects.toThrow(StoreError);
  });
});

test("a login that a destroyAllUserSessions overtakes is refused", async () => {
  const [, open] = modes[1] ?? modes[0] ?? [];
  if (open === undefined) throw new Error("There should be an asynchronous store");
  const { auth } = openAuth(open);
  const login = auth.createSession("user-42");
  const all = auth.destroyAllUserSessions("user-42");
  const results = await Promise.allSettled([login, all]);
  const [created] = results;
  if (created?.status === "rejected") expect(created.reason).toBeInstanceOf(RevokedError);
  expect(await auth.getUserSessions("user-42")).toEqual([]);
});

test("on an asynchronous store even a mistake arrives as a rejection", async () => {
  const [, open] = modes[1] ?? [];
  if (open === undefined) throw new Error("There should be an asynchronous store");
  const { auth } = openAuth(open);
  const promise = auth.createSession(42 as never);
  expect(promise).toBeInstanceOf(Promise);
  await expect(promise).rejects.toThrow(TypeError);
});
