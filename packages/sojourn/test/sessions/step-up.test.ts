import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { manage, modes, type Manage } from "./support/managers.ts";

const MINUTE = 60_000;

describe.each(modes)("step-up and lock: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, { ttl: "1h", absoluteTtl: "12h", ...options });

  test("a re-authentication is noted until its instant, and starts both lifetimes anew", async () => {
    const { sessions, clock } = managed();
    const { token, id, absoluteExpiresAt, ...before } = await sessions.create("u", { a: 1 });
    expect(before).not.toHaveProperty("reauthenticatedUntil");
    clock.advance("30m");
    const noted = await sessions.reauthenticate(id, { for: "10m" });
    expect(noted).toMatchObject({
      reauthenticatedUntil: clock.now() + 10 * MINUTE,
      lastAccessedAt: clock.now(),
      expiresAt: clock.now() + 60 * MINUTE,
      absoluteExpiresAt: absoluteExpiresAt + 30 * MINUTE,
      data: { a: 1 },
      version: 1,
    });
    expect(await sessions.authenticate(token)).toEqual(noted);
    expect((await sessions.list()).items[0]).toMatchObject({ reauthenticatedUntil: clock.now() + 10 * MINUTE });
  });

  test("a second one reckons from the session's own absolute lifetime, not from the extended one", async () => {
    const { sessions, clock } = managed();
    const { id } = await sessions.create("u", {}, { absoluteTtl: "2h" });
    clock.advance("30m");
    await sessions.reauthenticate(id);
    clock.advance("30m");
    expect(await sessions.reauthenticate(id)).toMatchObject({ absoluteExpiresAt: clock.now() + 120 * MINUTE });
  });

  test("none is noted on what has ended", async () => {
    const { sessions, clock } = managed();
    const { id } = await sessions.create("u");
    clock.advance("1h");
    expect(await sessions.reauthenticate(id)).toBeUndefined();
    await expect(async () => sessions.reauthenticate(id, { for: 0 })).rejects.toThrow(/`for`/);
  });

  test("it survives an update and a rotation, and an update at once", async () => {
    const { sessions } = managed();
    const { id, token } = await sessions.create("u", { n: 0 });
    await Promise.all([sessions.reauthenticate(id), sessions.update(id, { n: 1 })]);
    await sessions.rotate(token);
    const session = await sessions.get(id);
    expect(session).toMatchObject({ data: { n: 1 } });
    expect(session?.reauthenticatedUntil).toBeGreaterThan(0);
  });

  test("with `rotate`, the step-up and the new token are one write, and the old one is refused, then theft", async () => {
    const { sessions, clock, store, ends } = managed();
    const { token: old, id } = await sessions.create("u", { a: 1 });
    const told: string[] = [];
    for (const type of ["reauthenticated", "rotated", "refreshed", "updated"] as const)
      sessions.on(type, () => told.push(type));
    const before = await store.get(id, clock.now());
    const session = await sessions.reauthenticate(old, { rotate: true, for: "10m" });
    expect(session).toMatchObject({ id, data: { a: 1 }, reauthenticatedUntil: clock.now() + 10 * MINUTE });
    expect(told.toSorted()).toEqual(["reauthenticated", "rotated"]);
    const after = await store.get(id, clock.now());
    expect(after?.rev).not.toBe(before?.rev);
    expect(await sessions.authenticate(session?.token)).toMatchObject({ reauthenticatedUntil: expect.any(Number) });
    expect(ends).toEqual([]);
    expect(await sessions.authenticate(old)).toBeUndefined();
    expect(ends).toEqual([]);
    clock.advance("10s");
    expect(await sessions.authenticate(old)).toBeUndefined();
    expect(ends).toEqual([`${id} reuse`]);
  });

  test("a write that fails leaves neither step-up nor new token", async () => {
    const inner = open();
    let fails = false;
    const store: Store = {
      ...inner,
      put: (...given) => {
        if (fails) throw new StoreError("store_unavailable", "away");
        return inner.put(...given);
      },
    };
    const { sessions } = managed({ store });
    const { token } = await sessions.create("u");
    fails = true;
    await expect(async () => sessions.reauthenticate(token, { rotate: true })).rejects.toThrow("away");
    fails = false;
    const session = await sessions.authenticate(token);
    expect(session).toBeDefined();
    expect(session).not.toHaveProperty("reauthenticatedUntil");
  });

  test("a token in its grace sees no step-up, makes none, and leads to no token that has one", async () => {
    const { sessions, clock } = managed();
    const { token: old, id } = await sessions.create("u");
    const token = (await sessions.rotate(old))?.token;
    const rejections: unknown[] = [];
    sessions.on("rejected", ({ reason }) => rejections.push(reason));
    expect(await sessions.reauthenticate(old, { rotate: true })).toBeUndefined();
    expect(rejections).toEqual(["replaced"]);
    expect(await sessions.authenticate(token)).not.toHaveProperty("reauthenticatedUntil");
    await sessions.reauthenticate(id);
    expect(await sessions.authenticate(token)).toHaveProperty("reauthenticatedUntil");
    clock.advance("9s");
    expect(await sessions.authenticate(old)).toMatchObject({ id });
    expect(await sessions.authenticate(old)).not.toHaveProperty("reauthenticatedUntil");
    expect(await sessions.rotate(old)).toBeUndefined();
    expect(rejections).toEqual(["replaced", "replaced"]);
  });

  test("a token that was replaced after a step-up leads to no token that has it", async () => {
    const { sessions, clock } = managed({ rotationGrace: "1h" });
    const { token: old, id } = await sessions.create("u");
    await sessions.reauthenticate(id, { for: "10m" });
    expect(await sessions.rotate(old)).toHaveProperty("reauthenticatedUntil");
    const rejections: unknown[] = [];
    sessions.on("rejected", ({ reason }) => rejections.push(reason));
    clock.advance(10 * MINUTE - 1);
    expect(await sessions.authenticate(old)).not.toHaveProperty("reauthenticatedUntil");
    expect(await sessions.rotate(old)).toBeUndefined();
    expect(rejections).toEqual(["replaced"]);
    clock.advance(1);
    expect(await sessions.rotate(old)).toMatchObject({ id });
  });

  test("what an extension by a token in its grace returns and reports has no step-up either", async () => {
    const { sessions, clock } = managed({ rotationGrace: "1h", refreshThreshold: "1h" });
    const { token: old, id } = await sessions.create("u");
    await sessions.rotate(old);
    await sessions.reauthenticate(id, { for: "1h" });
    const seen: unknown[] = [];
    sessions.on("refreshed", ({ session }) => seen.push(session));
    clock.advance("10m");
    const session = await sessions.authenticate(old);
    expect(session).toMatchObject({ lastAccessedAt: clock.now() });
    expect(session).not.toHaveProperty("reauthenticatedUntil");
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(session);
  });

  test("an idle session locks at the very millisecond: alive, counted, and refused", async () => {
    const { sessions, clock } = managed({ lockAfter: "15m" });
    const { token, id, lastAccessedAt } = await sessions.create("u");
    clock.set(lastAccessedAt + 15 * MINUTE - 1);
    expect(await sessions.authenticate(token, { extend: false })).toBeDefined();
    clock.advance(1);
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await sessions.refresh(id)).toBeUndefined();
    expect(await sessions.rotate(token)).toBeUndefined();
    expect(await sessions.authenticate(token, { allowLocked: true })).toMatchObject({
      id,
      locked: true,
      lastAccessedAt,
    });
    expect(await sessions.explain(token)).toMatchObject({ state: "live", locked: true });
    expect(await sessions.get(id)).toMatchObject({ id });
    expect(await sessions.count()).toBe(1);
  });

  test("a re-authentication lifts the lock", async () => {
    const { sessions, clock } = managed({ lockAfter: "15m" });
    const { token, id } = await sessions.create("u");
    clock.advance("20m");
    await sessions.reauthenticate(id);
    const session = await sessions.authenticate(token);
    expect(session).toMatchObject({ id });
    expect(session).not.toHaveProperty("locked");
  });

  test("a session in use does not lock, also where its expiry cannot move any more", async () => {
    const { sessions, clock } = managed({ lockAfter: "15m", ttl: "1h", absoluteTtl: "1h", refreshThreshold: 0 });
    const { token, expiresAt } = await sessions.create("u");
    for (let minute = 1; minute < 60; minute++) {
      clock.advance("1m");
      expect(await sessions.authenticate(token)).toMatchObject({ lastAccessedAt: clock.now(), expiresAt });
    }
    clock.advance("1m");
    expect(await sessions.authenticate(token)).toBeUndefined();
  });

  test("and in between, activity is written at most once in a tenth of the time, at most a minute", async () => {
    const { sessions, clock } = managed({ lockAfter: "5m", refreshThreshold: 0 });
    const { token, lastAccessedAt } = await sessions.create("u");
    clock.advance(29_999);
    expect(await sessions.authenticate(token)).toMatchObject({ lastAccessedAt });
    clock.advance(1);
    expect(await sessions.authenticate(token)).toMatchObject({ lastAccessedAt: clock.now() });
  });

  test("a lock later than the session's end is refused", () => {
    expect(() => managed({ lockAfter: "2h" })).toThrow(/`lockAfter` to be at most `ttl`/);
  });
});
