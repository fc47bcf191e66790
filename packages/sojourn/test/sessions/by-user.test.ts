import { describe, expect, test } from "vitest";
import { RevokedError, TooManySessionsError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, gate } from "../../src/testing/faulty-store.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { endOf, manage, modes, type Manage } from "./support/managers.ts";

describe.each(modes)("law 6, destroyByUser: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("ends all of one user's, none of another's, and says how many were live", async () => {
    const { sessions, clock, ends } = managed();
    const gone = await sessions.create("ann", {}, { ttl: "1s" });
    clock.advance("1s");
    const one = await sessions.create("ann", {}, { token: "one" });
    const two = await sessions.create("ann");
    const other = await sessions.create("bob");
    // The put of `one` has reclaimed what was expired.
    expect(ends).toEqual([endOf(gone.id, "expired-idle")]);
    expect(await sessions.destroyByUser("ann")).toBe(2);
    expect(ends.slice(1).sort()).toEqual([endOf(one.id, "revoked"), endOf(two.id, "revoked")].sort());
    expect(await sessions.authenticate(other.token)).toBeDefined();
    expect(await sessions.destroyByUser("ann")).toBe(0);
  });

  test("leaves the excepted session, which can be used and changed afterwards", async () => {
    const { sessions } = managed();
    const stays = await sessions.create("ann", { n: 0 });
    await sessions.create("ann");
    expect(await sessions.destroyByUser("ann", { except: stays.id })).toBe(1);
    expect(await sessions.update(stays.id, { n: 1 })).toMatchObject({ data: { n: 1 } });
    expect(await sessions.rotate(stays.token)).toBeDefined();
  });

  test("a misspelt exception is refused, before anything ends", async () => {
    const { sessions } = managed();
    const { id } = await sessions.create("ann");
    const misspelt = { excpet: id } as object;
    await expect(async () => sessions.destroyByUser("ann", misspelt)).rejects.toThrow(/such as `except`, got "excpet"/);
    expect(await sessions.count()).toBe(1);
  });

  test("an exception that is not an id is refused, before anything ends", async () => {
    const { sessions } = managed();
    const { token } = await sessions.create("ann");
    await expect(async () => sessions.destroyByUser("ann", { except: token })).rejects.toThrow(/got a token/);
    await expect(async () => sessions.destroyByUser("ann", { except: "x" })).rejects.toThrow(/session id/);
    expect(await sessions.count()).toBe(1);
  });

  test("a login right after it, in the same millisecond, and after a jump back, works", async () => {
    const { sessions, clock } = managed();
    await sessions.create("ann");
    await sessions.destroyByUser("ann");
    const one = await sessions.create("ann");
    clock.set(clock.now() - 60_000);
    const two = await sessions.create("ann");
    expect(await sessions.authenticate(one.token)).toBeDefined();
    expect(await sessions.authenticate(two.token)).toMatchObject({ expiresAt: clock.now() + 1_800_000 });
    expect(await sessions.destroyByUser("ann")).toBe(2);
    expect(await sessions.authenticate(two.token)).toBeUndefined();
  });
});

test.each(["minted", "adopted"])("a login in flight with a %s token is refused when it arrives", async (kind) => {
  const held = gate();
  const store = faultyStore(asyncStore(memoryStore()), [{ call: "put", nth: 2, fault: "hold", gate: held }]);
  const clock = manualClock();
  const sessions = createSessions({ store, clock });
  await sessions.create("bob", {}, { token: "mine" });
  const login = sessions.create("ann", {}, kind === "adopted" ? { token: "mine" } : {}).then(
    () => undefined,
    (error: unknown) => error,
  );
  await held.reached;
  await sessions.destroyByUser("ann");
  held.open();
  expect(await login).toBeInstanceOf(RevokedError);
  expect(await sessions.listByUser("ann")).toEqual([]);
  // What the login would have replaced is untouched: nothing half done.
  expect(await sessions.authenticate("mine")).toMatchObject({ userId: "bob" });
});

describe("law 6, dates", () => {
  test.each([
    ["memory", () => memoryStore()],
    ["SQLite", () => sqliteStore({ path: ":memory:" })],
  ])("a clock that is ten minutes off on one node refuses nobody, and lets nobody through: %s", async (_, open) => {
    const store = open();
    const [ahead, behind] = [manualClock(Date.UTC(2030, 0, 1, 0, 10)), manualClock(Date.UTC(2030, 0, 1))];
    const fast = createSessions({ store, clock: ahead });
    const slow = createSessions({ store, clock: behind });
    for (const [one, other] of [
      [fast, slow],
      [slow, fast],
    ] as const) {
      const begun = other.begin();
      one.destroyByUser("ann");
      expect(() => other.create("ann", {}, { begun })).toThrow(RevokedError);
      const { id } = other.create("ann");
      expect(one.get(id)).toBeDefined();
      expect(one.destroyByUser("ann")).toBe(1);
    }
  });
});

describe.each(modes)("law 6, begin: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("a login begins where it was said to, before the password was checked", async () => {
    const { sessions } = managed();
    const begun = sessions.begin();
    expect((await sessions.create("ann", {}, { begun })).userId).toBe("ann");
    await sessions.destroyByUser("ann");
    await expect(async () => sessions.create("ann", {}, { begun })).rejects.toBeInstanceOf(RevokedError);
    await expect(async () => sessions.create("ann", {}, { begun })).rejects.toBeInstanceOf(RevokedError);
    expect(await sessions.create("bob", {}, { begun })).toBeDefined();
    expect(await sessions.create("ann", {}, { begun: sessions.begin() })).toBeDefined();
    expect(await sessions.listByUser("ann")).toHaveLength(1);
  });

  test("without it, a login begins when create is called, before its data is validated", async () => {
    const validated = gate();
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        async validate(value: unknown) {
          await validated.pass();
          return { value: value as Record<string, unknown> };
        },
      },
    } as const;
    const { sessions } = manage(() => asyncStore(memoryStore()), { schema });
    const login = Promise.resolve(sessions.create("ann")).catch((error: unknown) => error);
    await validated.reached;
    await sessions.destroyByUser("ann");
    validated.open();
    expect(await login).toBeInstanceOf(RevokedError);
  });

  test("a beginning of another manager's store is refused", async () => {
    const { sessions } = managed();
    const begun = managed().sessions.begin();
    await expect(async () => sessions.create("ann", {}, { begun })).rejects.toThrow(/`begun` to come from `begin\(\)`/);
    expect(await sessions.count()).toBe(0);
  });
});

describe.each(modes)("maxPerUser: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("evict-oldest ends the oldest, also when all begin in one millisecond", async () => {
    const { sessions, ends } = managed({ maxPerUser: { limit: 2, onLimit: "evict-oldest" } });
    const created = [];
    for (let n = 0; n < 5; n++) created.push(await sessions.create("ann"));
    expect((await sessions.listByUser("ann")).map(({ id }) => id)).toEqual(created.slice(3).map(({ id }) => id));
    expect(ends).toEqual(created.slice(0, 3).map(({ id }) => endOf(id, "evicted")));
  });

  test("reject refuses, tells the limit, reports nothing, and others are not concerned", async () => {
    const { sessions, ends } = managed({ maxPerUser: { limit: 2, onLimit: "reject" } });
    const created: string[] = [];
    sessions.on("created", ({ session }) => created.push(session.id));
    await sessions.create("ann");
    await sessions.create("ann");
    await expect(async () => sessions.create("ann")).rejects.toThrow(TooManySessionsError);
    await expect(async () => sessions.create("ann")).rejects.toMatchObject({ code: "too_many_sessions", limit: 2 });
    await sessions.create("bob");
    await sessions.create(null);
    expect(created).toHaveLength(4);
    expect(ends).toEqual([]);
    expect(await sessions.count()).toBe(4);
  });

  test("a refused login with an adopted token leaves the session under it alone", async () => {
    const { sessions } = managed({ maxPerUser: { limit: 1, onLimit: "reject" } });
    await sessions.create("bob", {}, { token: "mine" });
    await sessions.create("ann");
    await expect(async () => sessions.create("ann", {}, { token: "mine" })).rejects.toThrow(TooManySessionsError);
    expect(await sessions.authenticate("mine")).toMatchObject({ userId: "bob" });
  });

  test("a login with the token of one of the user's own sessions is within the limit", async () => {
    const { sessions } = managed({ maxPerUser: { limit: 1, onLimit: "reject" } });
    await sessions.create("ann", { n: 1 }, { token: "mine" });
    await sessions.create("ann", { n: 2 }, { token: "mine" });
    expect(await sessions.authenticate("mine")).toMatchObject({ data: { n: 2 } });
  });

  test("expired sessions do not count", async () => {
    const { sessions, clock } = managed({ maxPerUser: { limit: 1, onLimit: "reject" } });
    await sessions.create("ann", {}, { ttl: "1s" });
    clock.advance("1s");
    expect(await sessions.create("ann")).toBeDefined();
  });

  test.each(["reject", "evict-oldest"] as const)(
    "%s holds exactly once 16 concurrent logins have resolved",
    async (onLimit) => {
      const { sessions } = managed({ maxPerUser: { limit: 3, onLimit } });
      const results = await Promise.allSettled(Array.from({ length: 16 }, async () => sessions.create("ann")));
      expect(await sessions.listByUser("ann")).toHaveLength(3);
      const live = results.filter((result) => result.status === "fulfilled").map((result) => result.value.id);
      for (const { id } of await sessions.listByUser("ann")) expect(live).toContain(id);
    },
  );
});
