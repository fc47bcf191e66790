import { describe, expect, test } from "vitest";
import { endOf, manage, modes, type Manage } from "./support/managers.ts";

const MINUTE = 60_000;

describe.each(modes)("law 1, a session is live while now < expiresAt: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("ends at the very millisecond, by every way of asking", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    const { token, id, expiresAt } = await sessions.create("u");
    expect(expiresAt).toBe(clock.now() + 30 * MINUTE);
    clock.set(expiresAt - 1);
    expect(await sessions.get(id)).toMatchObject({ id });
    expect(await sessions.authenticate(token, { extend: false })).toMatchObject({ id });
    expect(await sessions.count()).toBe(1);
    clock.set(expiresAt);
    expect(await sessions.get(id)).toBeUndefined();
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await sessions.refresh(id)).toBeUndefined();
    expect(await sessions.update(id, { a: 1 })).toBeUndefined();
    expect(await sessions.rotate(token)).toBeUndefined();
    expect(await sessions.listByUser("u")).toEqual([]);
    expect((await sessions.list()).items).toEqual([]);
    expect(await sessions.count()).toBe(0);
    expect(await sessions.destroyByUser("u")).toBe(0);
    expect(await sessions.destroy(id)).toBe(false);
  });

  test("activity never extends it beyond its absolute lifetime", async () => {
    const { sessions, clock } = managed({ ttl: "30m", absoluteTtl: "1h" });
    const { token, id, absoluteExpiresAt } = await sessions.create("u");
    expect(absoluteExpiresAt).toBe(clock.now() + 60 * MINUTE);
    clock.advance("29m");
    await sessions.authenticate(token);
    clock.advance("29m");
    expect(await sessions.authenticate(token)).toMatchObject({ expiresAt: absoluteExpiresAt });
    expect(await sessions.refresh(id)).toMatchObject({ expiresAt: absoluteExpiresAt });
    clock.set(absoluteExpiresAt);
    expect(await sessions.authenticate(token)).toBeUndefined();
  });

  test("a session has its own lifetimes, and keeps them", async () => {
    const { sessions, clock } = managed({ ttl: "30m", absoluteTtl: "1d" });
    const { token, expiresAt, absoluteExpiresAt } = await sessions.create("u", {}, { ttl: "7d", absoluteTtl: "60d" });
    expect([expiresAt, absoluteExpiresAt]).toEqual([clock.now() + 7 * 1440 * MINUTE, clock.now() + 60 * 1440 * MINUTE]);
    clock.advance("6d");
    expect(await sessions.authenticate(token)).toMatchObject({ expiresAt: clock.now() + 7 * 1440 * MINUTE });
  });

  test("an expired session is told apart by its reason, once, by the call that removes it", async () => {
    const { sessions, clock, ends } = managed({ ttl: "30m", absoluteTtl: "40m" });
    const idle = await sessions.create("idle");
    const busy = await sessions.create("busy");
    clock.advance("20m");
    await sessions.refresh(busy.id);
    clock.advance("20m");
    expect(ends).toEqual([]);
    expect(await sessions.cleanup()).toBe(2);
    expect(ends).toEqual([endOf(idle.id, "expired-idle"), endOf(busy.id, "expired-absolute")]);
    expect(await sessions.cleanup()).toBe(0);
    expect(ends).toHaveLength(2);
  });

  test("a clock that jumps back neither shortens nor lengthens a life", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    const { token, id, expiresAt } = await sessions.create("u");
    clock.set(clock.now() - 3_600_000);
    expect(await sessions.authenticate(token)).toMatchObject({ expiresAt });
    expect(await sessions.refresh(id)).toMatchObject({ expiresAt });
    clock.set(expiresAt);
    expect(await sessions.authenticate(token)).toBeUndefined();
  });

  test("cleanup takes a bounded slice, the earliest first", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    for (let n = 0; n < 5; n++) await sessions.create(`u${n}`, {}, { ttl: `${1_000 + n}ms` });
    await sessions.create("stays");
    clock.advance("2s");
    expect(await sessions.cleanup({ limit: 3 })).toBe(3);
    expect(await sessions.cleanup({ limit: 3 })).toBe(2);
    expect(await sessions.count()).toBe(1);
  });

  test("count is right with thousands expired and none reclaimed", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    for (let n = 0; n < 2_000; n++) await sessions.create(null, {}, { ttl: n % 2 === 0 ? "1s" : "1h" });
    clock.advance("1s");
    expect(await sessions.count()).toBe(1_000);
  });
});

describe.each(modes)("law 4, refreshing: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("by default writes at most once a minute, and not at all before", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    const { token, lastAccessedAt, expiresAt } = await sessions.create("u");
    clock.advance("1m");
    expect(await sessions.authenticate(token)).toMatchObject({ lastAccessedAt, expiresAt });
    clock.advance(1);
    const extended = await sessions.authenticate(token);
    expect(extended).toMatchObject({ lastAccessedAt: clock.now(), expiresAt: clock.now() + 30 * MINUTE });
    clock.advance("1m");
    expect(await sessions.authenticate(token)).toEqual(extended);
  });

  test("a threshold of ones own is exact: less than it, not equal to it", async () => {
    const { sessions, clock } = managed({ ttl: "30m", refreshThreshold: "5m" });
    const { token, expiresAt } = await sessions.create("u");
    clock.set(expiresAt - 5 * MINUTE);
    expect(await sessions.authenticate(token)).toMatchObject({ expiresAt });
    clock.advance(1);
    expect(await sessions.authenticate(token)).toMatchObject({ expiresAt: clock.now() + 30 * MINUTE });
  });

  test("a threshold of 0, or a look without extending, never does", async () => {
    const never = managed({ ttl: "30m", refreshThreshold: 0 });
    const one = await never.sessions.create("u");
    never.clock.set(one.expiresAt - 1);
    expect(await never.sessions.authenticate(one.token)).toMatchObject({ expiresAt: one.expiresAt });

    const looking = managed({ ttl: "30m" });
    const two = await looking.sessions.create("u");
    looking.clock.set(two.expiresAt - 1);
    expect(await looking.sessions.authenticate(two.token, { extend: false })).toMatchObject({
      expiresAt: two.expiresAt,
    });
    expect(await looking.sessions.get(two.id)).toMatchObject({ expiresAt: two.expiresAt });
  });

  test("touches neither data nor version, and update touches no expiry", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    const { id, expiresAt, lastAccessedAt } = await sessions.create("u", { a: 1 });
    clock.advance("10m");
    expect(await sessions.update(id, { b: 2 })).toMatchObject({ version: 2, expiresAt, lastAccessedAt });
    expect(await sessions.refresh(id)).toMatchObject({
      version: 2,
      data: { a: 1, b: 2 },
      expiresAt: expiresAt + 10 * MINUTE,
    });
  });

  test("an update that began before a refresh does not take its time away", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    const { id, expiresAt } = await sessions.create("u", { n: 0 });
    clock.advance("10m");
    const updated = sessions.update(id, (data) => ({ n: (data["n"] as number) + 1 }));
    await sessions.refresh(id);
    await updated;
    expect(await sessions.get(id)).toMatchObject({ data: { n: 1 }, expiresAt: expiresAt + 10 * MINUTE });
  });
});
