import { describe, expect, test } from "vitest";
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
    expect(await sessions.reauthenticate("x")).toBeUndefined();
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
