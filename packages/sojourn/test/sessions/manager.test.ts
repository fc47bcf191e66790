import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { GuaranteeError, InvalidDataError, StoreError, type StoreErrorCode } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../src/sessions/options.ts";
import type { StandardSchema } from "../../src/sessions/standard-schema.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Guarantees, Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type StoreCall } from "../../src/testing/faulty-store.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { endOf, manage, modes, type Data } from "./support/managers.ts";

const CALLS: readonly StoreCall[] = [
  "get",
  "put",
  "delete",
  "list",
  "touch",
  "listByOwner",
  "revokeOwner",
  "count",
  "sweep",
];

describe.each(modes)("%s", (mode, open) => {
  test("law 5: no token, and no secret of one, is in anything stored, listed or reported", async () => {
    const seen: unknown[] = [];
    const store = open();
    const spied = Object.fromEntries(
      Object.entries(store).map(([name, call]) => [
        name,
        typeof call !== "function"
          ? call
          : (...given: unknown[]) => {
              seen.push(given.filter((part) => typeof part === "object"));
              return (call as (...given: unknown[]) => unknown)(...given);
            },
      ]),
    ) as unknown as Store;
    const { sessions, clock } = manage(open, { store: spied });
    for (const type of ["created", "updated", "rotated", "refreshed", "ended"] as const)
      sessions.on(type, (event) => seen.push(event));
    const { token, id } = await sessions.create("u", { a: 1 }, { device: { ip: "::1", userAgent: "x" } });
    const adopted = await sessions.create("u", {}, { token: "an adopted token" });
    const rotated = await sessions.rotate(token);
    clock.advance("5m");
    await sessions.authenticate(rotated?.token);
    await sessions.update(id, { a: 2 });
    seen.push(await sessions.listByUser("u"), await sessions.list(), await sessions.explain(rotated?.token ?? ""));
    await sessions.destroy(id);
    const text = JSON.stringify(seen);
    expect(text.length).toBeGreaterThan(1_000);
    for (const secret of [token.slice(27), rotated?.token.slice(27), adopted.token]) expect(text).not.toContain(secret);
  });

  test("law 8: every end is reported once, with its reason and instant", async () => {
    const { sessions, clock, ends } = manage(open, { ttl: "30m" });
    const at: number[] = [];
    sessions.on("ended", (event) => at.push(event.at));
    const expired = await sessions.create("a", {}, { ttl: "1s" });
    const loggedOut = await sessions.create("b");
    const revoked = await sessions.create("c");
    const replaced = await sessions.create("d", {}, { token: "t" });
    clock.advance("1s");
    await sessions.destroy(loggedOut.id);
    await sessions.destroyByUser("c");
    await sessions.create("e", {}, { token: "t" });
    await sessions.cleanup();
    expect(ends.sort()).toEqual(
      [
        endOf(expired.id, "expired-idle"),
        endOf(loggedOut.id, "logout"),
        endOf(revoked.id, "revoked"),
        endOf(replaced.id, "replaced"),
      ].sort(),
    );
    expect(new Set(at)).toEqual(new Set([clock.now()]));
  });

  test("law 8: destroying what has expired reports that it had expired", async () => {
    const { sessions, clock, ends } = manage(open);
    const { id } = await sessions.create("u", {}, { ttl: "1s" });
    clock.advance("1s");
    expect(await sessions.destroy(id)).toBe(false);
    expect(ends).toEqual([endOf(id, "expired-idle")]);
  });

  test.each(CALLS)("law 9: when %s fails it is a fault, and nobody is let in or logged out", async (call) => {
    const { sessions, clock, store } = manage(open);
    const { token, id } = await sessions.create("u", { a: 1 });
    clock.advance("10m");
    const broken = createSessions<Data>({
      store: faultyStore(store, [{ call, fault: "fail" }]),
      clock,
    } as SessionsOptions<Data, Mode> & { store: Store });
    const uses: readonly (readonly [readonly StoreCall[], () => unknown])[] = [
      [["get", "touch"], () => broken.authenticate(token)],
      [["get"], () => broken.get(id)],
      [["get", "touch"], () => broken.refresh(id)],
      [["get", "put"], () => broken.update(id, { a: 2 })],
      [["get", "put"], () => broken.rotate(token)],
      [["put"], () => broken.create("u")],
      [["delete"], () => broken.destroy(id)],
      [["revokeOwner"], () => broken.destroyByUser("u")],
      [["listByOwner"], () => broken.listByUser("u")],
      [["list"], () => broken.list()],
      [["count"], () => broken.count()],
      [["sweep"], () => broken.cleanup()],
      [["get"], () => broken.explain(token)],
    ];
    const concerned = uses.filter(([calls]) => calls.includes(call));
    expect(concerned.length).toBeGreaterThan(0);
    for (const [, use] of concerned) {
      await expect(async () => use()).rejects.toThrow(StoreError);
      await expect(async () => use()).rejects.toMatchObject({ code: "store_unavailable" satisfies StoreErrorCode });
    }
    expect(await sessions.authenticate(token)).toMatchObject({ data: { a: 1 } });
  });

  test("malformed tokens are absent, malformed ids are mistakes, and the store is not asked", async () => {
    const store = faultyStore(
      open(),
      CALLS.map((call) => ({ call, fault: "fail" as const })),
    );
    const { sessions } = manage(open, { store });
    for (const wrong of ["", "x".repeat(129), "a\0b", "\ud800", undefined]) {
      expect(await sessions.authenticate(wrong)).toBeUndefined();
      expect(await sessions.rotate(wrong)).toBeUndefined();
      expect(await sessions.destroyByToken(wrong)).toBe(false);
    }
    expect(await sessions.explain("")).toEqual({ state: "malformed" });
    for (const wrong of [
      "",
      "sess_",
      "my-token",
      "__proto__",
      `sess_${"!".repeat(22)}`,
      `sess_${"a".repeat(65)}`,
      1,
      null,
    ]) {
      for (const call of [sessions.get, sessions.refresh, sessions.destroy, sessions.reauthenticate]) {
        await expect(async () => call(wrong as string)).rejects.toThrow(/^Expected .*a session id.* (got|to be)/);
        await expect(async () => call(wrong as string)).rejects.not.toThrow(/my-token|aaaaaa/);
      }
      await expect(async () => sessions.update(wrong as string, {})).rejects.toThrow(TypeError);
      await expect(async () => sessions.destroyByUser("u", { except: wrong as string })).rejects.toThrow(TypeError);
    }
    for (const wrong of ["", "x".repeat(1_025), "\0", "\ud800", 1, undefined]) {
      await expect(async () => sessions.create(wrong as string)).rejects.toThrow(/Expected a user id/);
      await expect(async () => sessions.destroyByUser(wrong as string)).rejects.toThrow(/Expected a user id/);
      await expect(async () => sessions.listByUser(wrong as string)).rejects.toThrow(/Expected a user id/);
    }
    for (const token of ["", "x".repeat(129), "\0"]) {
      await expect(async () => sessions.create("u", {}, { token })).rejects.toThrow(/Expected a token/);
    }
  });

  test("an adopted token over a live session ends that one and starts anew, for the new user", async () => {
    const { sessions, clock, ends } = manage(open);
    const first = await sessions.create("ann", { a: 1 }, { token: "t" });
    clock.advance("1m");
    await sessions.create("bob", { b: 1 }, { token: "t" });
    expect(await sessions.authenticate("t")).toMatchObject({
      userId: "bob",
      data: { b: 1 },
      createdAt: clock.now(),
      version: 1,
    });
    expect(await sessions.listByUser("ann")).toEqual([]);
    expect(await sessions.count()).toBe(1);
    expect(ends).toEqual([endOf(first.id, "replaced")]);
  });

  test("explain tells every state", async () => {
    const { sessions, clock } = manage(open, { ttl: "30m", absoluteTtl: "1h" });
    const { token, id } = await sessions.create("u");
    expect(await sessions.explain(token)).toMatchObject({
      state: "live",
      idleLeft: 1_800_000,
      absoluteLeft: 3_600_000,
      token: "current",
    });
    expect(await sessions.explain(`${id}${"A".repeat(43)}`)).toEqual({ state: "wrong-secret", id });
    await sessions.rotate(token);
    expect(await sessions.explain(token)).toMatchObject({ state: "live", token: "replaced" });
    const rotatedAt = clock.now();
    clock.advance("11s");
    expect(await sessions.explain(token)).toEqual({ state: "replaced-token", id, graceEndedAt: rotatedAt + 10_000 });
    expect(await sessions.get(id)).toBeDefined();
    const other = await sessions.create("u");
    clock.advance("30m");
    expect(await sessions.explain(other.token)).toEqual({
      state: "expired",
      reason: "expired-idle",
      at: clock.now(),
      id: other.id,
    });
    await sessions.cleanup();
    expect(await sessions.explain(other.token)).toEqual({ state: "unknown-or-ended" });
  });

  test("lists in pages, each session once, without data", async () => {
    const { sessions } = manage(open);
    const ids = new Set<string>();
    for (let n = 0; n < 25; n++) ids.add((await sessions.create(`u${n}`, { secret: n })).id);
    const listed: string[] = [];
    let after: string | undefined;
    do {
      const page = await sessions.list({ after, limit: 10 });
      expect(JSON.stringify(page)).not.toContain("secret");
      listed.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(listed.sort()).toEqual([...ids].sort());
  });

  test("lists a user's in pages as well, each once, with data, and nobody else's", async () => {
    const { sessions } = manage(open);
    const ids: string[] = [];
    for (let n = 0; n < 25; n++) ids.push((await sessions.create("ann", { n })).id);
    await sessions.create("bob");
    const listed: (readonly [string, unknown])[] = [];
    let after: string | undefined;
    let pages = 0;
    do {
      const page = await sessions.listByUser("ann", { after, limit: 10 });
      expect(page.items.length).toBeLessThanOrEqual(10);
      listed.push(...page.items.map(({ id, data }) => [id, data] as const));
      after = page.next;
      pages++;
    } while (after !== undefined);
    expect(pages).toBeGreaterThanOrEqual(3);
    expect(new Map(listed)).toEqual(new Map(ids.map((id, n) => [id, { n }])));
    expect(listed.length).toBe(25);
    expect((await sessions.listByUser("ann", {})).items.length).toBe(25);
    await expect(async () => sessions.listByUser("ann", { limit: 1_001 })).rejects.toThrow(/`limit`/);
    await expect(async () => sessions.listByUser("", {})).rejects.toThrow(TypeError);
  });

  test("a device is kept short, printable, and in listings", async () => {
    const { sessions } = manage(open);
    const userAgent = `a\n${"\u{1f600}".repeat(300)}`;
    const { id } = await sessions.create("u", {}, { device: { ip: "::1", userAgent } });
    const [session] = (await sessions.list()).items;
    expect(session).toMatchObject({ id, device: { ip: "::1" } });
    expect(session?.device?.userAgent?.startsWith("a\u{fffd}\u{1f600}")).toBe(true);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary", maxLength: 2_000 }),
        fc.string({ unit: "binary" }),
        async (ua, ip) => {
          const made = await sessions.create("u", {}, { device: { ip, userAgent: ua } });
          expect(Array.from(made.device?.userAgent ?? "").length).toBeLessThanOrEqual(256);
        },
      ),
    );
    await expect(async () => sessions.create("u", {}, { device: { ip: 1 as never } })).rejects.toThrow(/device.ip/);
    expect((await sessions.create("u", {}, { device: {} })).device).toBeUndefined();
  });

  test("a schema's output is stored, and what it refuses is not", async () => {
    const schema: StandardSchema<Data> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof (value as Data)["n"] === "number"
            ? { value: { n: (value as { n: number }).n, added: true } }
            : { issues: [{ message: "n must be a number", path: [{ key: "n" }] }] },
      },
    };
    const { sessions } = manage(open, { schema });
    const { id } = await sessions.create("u", { n: 1, extra: true });
    expect((await sessions.get(id))?.data).toEqual({ n: 1, added: true });
    await expect(async () => sessions.create("u", {})).rejects.toThrow(
      "The session data is not valid at n: n must be a number",
    );
    await expect(async () => sessions.update(id, { n: "x" })).rejects.toMatchObject({
      code: "invalid_data",
      issues: [{ path: ["n"] }],
    });
    expect((await sessions.get(id))?.version).toBe(1);
  });

  test("a schema that answers later works where the store does, and is refused where it does not", async () => {
    const schema: StandardSchema<Data> = {
      "~standard": { version: 1, vendor: "test", validate: async (value) => ({ value: value as Data }) },
    };
    const { sessions } = manage(open, { schema });
    const created = (async () => sessions.create("u", { n: 1 }))();
    if (mode === "asynchronous") expect(await created).toMatchObject({ data: { n: 1 } });
    else await expect(created).rejects.toThrow(/synchronously/);
  });

  test("a listener that throws harms nothing; one that is taken off hears nothing", async () => {
    const onListenerError = vi.fn<(error: unknown) => void>();
    const { sessions } = manage(open, { onListenerError });
    const heard: string[] = [];
    const error = new Error("listener");
    sessions.on("created", () => {
      throw error;
    });
    const off = sessions.on("created", () => heard.push("created"));
    await sessions.create("u");
    off();
    off();
    await sessions.create("u");
    expect(heard).toEqual(["created"]);
    expect(onListenerError.mock.calls).toEqual([[error], [error]]);
    expect(() => sessions.on("gone" as "ended", () => {})).toThrow(/Expected one of created, refreshed/);
    expect(() => sessions.on("ended", 1 as never)).toThrow(TypeError);
  });

  test("prototype names are users like any other", async () => {
    const { sessions } = manage(open);
    for (const name of ["__proto__", "constructor", "toString"]) {
      await sessions.create(name, { of: name });
      expect((await sessions.listByUser(name)).map(({ data }) => data)).toEqual([{ of: name }]);
      expect(await sessions.destroyByUser(name)).toBe(1);
    }
  });

  test("what is not a session in the store is corruption, not absence", async () => {
    const { sessions, store, clock } = manage(open);
    const { id, token } = await sessions.create("u", { a: 1 });
    const now = clock.now();
    const entry = await store.get(id, now);
    if (entry === undefined) throw new Error("expected the entry");
    await store.put({ ...entry, rev: "r1", value: "{" }, "any", now);
    await expect(async () => sessions.authenticate(token)).rejects.toMatchObject({ code: "store_corrupt" });
    await store.put({ ...entry, rev: "r2", meta: "{}" }, "any", now);
    await expect(async () => sessions.authenticate(token)).rejects.toMatchObject({ code: "store_corrupt" });
    await store.put({ ...entry, rev: "r3", meta: "x" }, "any", now);
    await expect(async () => sessions.authenticate(token)).rejects.toMatchObject({ code: "store_corrupt" });
    for (const [index, previous] of [5, {}, "x", [5], [null]].entries()) {
      const meta = JSON.stringify({ ...(JSON.parse(entry.meta) as object), p: previous });
      await store.put({ ...entry, rev: `p${index}`, meta }, "any", now);
      await expect(async () => sessions.authenticate(token)).rejects.toMatchObject({ code: "store_corrupt" });
    }
    expect(await sessions.destroy(id)).toBe(true);
  });
});

describe("options", () => {
  test.each([
    [{ ttl: -5 }, /Expected `ttl` to be a positive duration.*got -5/],
    [{ ttl: 40 * 86_400_000 }, /Expected `ttl` to be at most `absoluteTtl` \(30d\), got 40d/],
    [
      { ttl: "1h", refreshThreshold: 3_600_001 },
      /Expected `refreshThreshold` to be at most `ttl` \(1h\), got 3600001 ms/,
    ],
    [{ refreshThreshold: -1 }, /refreshThreshold/],
    [{ rotationGrace: "x" }, /rotationGrace/],
    [{ maxPerUser: { limit: 0, onLimit: "reject" } }, /maxPerUser.limit/],
    [{ maxPerUser: { limit: 1, onLimit: "drop" } }, /"reject" or "evict-oldest", got "drop"/],
    [{ maxDataLength: 0 }, /maxDataLength/],
    [{ clock: {} }, /`clock`/],
    [{ schema: {} }, /Standard Schema/],
    [{ store: {} }, /Expected `store` to be a store/],
    [{ store: { get() {}, put() {}, guarantees: {} } }, /key-value store/],
  ])("%j is refused", (options, message) => {
    expect(() => createSessions(options as never)).toThrow(TypeError);
    expect(() => createSessions(options as never)).toThrow(message);
  });

  test.each([
    [{ ttl: 0 }, /ttl/],
    [{ ttl: "60d" }, /at most `absoluteTtl`/],
    [{ absoluteTtl: "1m" }, /at most `absoluteTtl`/],
  ])("of create: %j is refused, and nothing is stored", (options, message) => {
    const sessions = createSessions();
    expect(() => sessions.create("u", {}, options as never)).toThrow(message);
    expect(sessions.count()).toBe(0);
  });

  test("a clock that gives no instant starts no session, and lets nobody in", () => {
    const sessions = createSessions({ clock: { now: () => Number.NaN } });
    expect(() => sessions.create("u")).toThrow(TypeError);
    expect(() => sessions.authenticate("x")).toThrow(/Expected `now` to be whole epoch milliseconds, got NaN/);
  });

  test("defaults to memory, 30 minutes and 30 days", () => {
    const clock = manualClock();
    const session = createSessions({ clock }).create("u");
    expect(session).toMatchObject({
      expiresAt: clock.now() + 1_800_000,
      absoluteExpiresAt: clock.now() + 2_592_000_000,
      version: 1,
      data: {},
    });
  });
});

describe("law 11, requirements", () => {
  const lost = { evicts: true, failoverLoss: true, exactOrder: false, removalsMs: Number.POSITIVE_INFINITY };
  const weak: Guarantees = { durability: "process", atomic: false, staleMs: 60_000, ...lost };
  const store: Store<"sync"> = { ...memoryStore(), guarantees: weak };

  test("what a store does not guarantee is refused, and all of it is named", () => {
    const kept = { evicts: false, failoverLoss: false, exactOrder: true, removalsMs: 50 } as const;
    const require = { durability: "power", atomic: true, staleMs: 0, ...kept } as const;
    expect(() => createSessions({ store, require })).toThrow(GuaranteeError);
    expect(() => createSessions({ store, require })).toThrow(
      'durability "power" (it has "process"); atomic calls; answers at most 0 ms old (its are up to 60000); ' +
        "no eviction of live sessions; no loss of acknowledged writes in a failover; " +
        "an exact order of revocations and logins; removals told within 50 ms (it tells of none)",
    );
  });

  test("what it does guarantee, or more, is accepted", () => {
    expect(createSessions({ store, require: { durability: "process", staleMs: 60_000 } }).guarantees).toBe(weak);
    expect(createSessions({ store, require: {} })).toBeDefined();
    const kept = { evicts: false, failoverLoss: false, exactOrder: true, removalsMs: 0 } as const;
    const all = { atomic: true, staleMs: 0, ...kept } as const;
    expect(createSessions({ require: all })).toBeDefined();
  });
});

test("a manager on an asynchronous store rejects, and never throws", async () => {
  const sessions = createSessions({ store: asyncStore(memoryStore()) });
  const calls = [
    () => sessions.create(""),
    () => sessions.destroy(1 as never),
    () => sessions.update("x", 1 as never),
    () => sessions.authenticate(1 as never),
    () => sessions.create("u", { a: 1n }),
  ];
  for (const call of calls) {
    const reply = call();
    expect(reply).toBeInstanceOf(Promise);
    await expect(reply).rejects.toSatisfy((error) => error instanceof TypeError || error instanceof InvalidDataError);
  }
});
