import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode, Reply } from "../../src/store/reply.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, gate } from "../../src/testing/faulty-store.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { endOf, manage, modes, type Manage } from "./support/managers.ts";

describe.each(modes)("law 2, logout means logout: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("nothing yields or revives a destroyed session", async () => {
    const { sessions, clock, ends } = managed();
    const { token, id } = await sessions.create("u", { a: 1 });
    expect(await sessions.destroy(id)).toBe(true);
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await sessions.refresh(id)).toBeUndefined();
    expect(await sessions.update(id, { a: 2 })).toBeUndefined();
    expect(await sessions.rotate(token)).toBeUndefined();
    clock.set(clock.now() - 1_000);
    expect(await sessions.get(id)).toBeUndefined();
    expect(await sessions.count()).toBe(0);
    expect(await sessions.destroy(id)).toBe(false);
    expect(ends).toEqual([endOf(id, "logout")]);
  });

  test("destroying one session leaves the user's others", async () => {
    const { sessions } = managed();
    const one = await sessions.create("u");
    const two = await sessions.create("u");
    await sessions.destroy(one.id);
    expect((await sessions.listByUser("u")).map((session) => session.id)).toEqual([two.id]);
  });

  test("a token where an id belongs is refused: it would say that a live session is not there", async () => {
    const { sessions } = managed();
    const { token } = await sessions.create("u");
    await expect(async () => sessions.destroy(token)).rejects.toThrow(/Expected a session id, got a token/);
    await expect(async () => sessions.get(token)).rejects.toThrow(TypeError);
    expect(await sessions.authenticate(token)).toBeDefined();
    await sessions.create("ann", {}, { token: "mine" });
    await expect(async () => sessions.destroy("mine")).rejects.toThrow(/`id` to be a session id, got a string of 4/);
    expect(await sessions.authenticate("mine")).toBeDefined();
  });

  test.each([undefined, "mine"])("destroyByToken ends the session of a token, as destroy does: %s", async (given) => {
    const { sessions, ends } = managed();
    const { token, id } = await sessions.create("u", {}, given === undefined ? {} : { token: given });
    expect(await sessions.destroyByToken(token)).toBe(true);
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await sessions.update(id, { a: 2 })).toBeUndefined();
    expect(await sessions.destroyByToken(token)).toBe(false);
    expect(await sessions.destroyByToken(undefined)).toBe(false);
    expect(ends).toEqual([endOf(id, "logout")]);
  });

  test("destroyByToken: a wrong secret ends nothing, a token in its grace logs out, a former one is theft", async () => {
    const { sessions, clock, ends } = managed();
    const rejections: unknown[] = [];
    sessions.on("rejected", ({ reason }) => rejections.push(reason));
    const one = await sessions.create("u");
    expect(await sessions.destroyByToken(one.id + "A".repeat(43))).toBe(false);
    expect(await sessions.authenticate(one.token)).toBeDefined();
    await sessions.rotate(one.token);
    expect(await sessions.destroyByToken(one.token)).toBe(true);
    const two = await sessions.create("u");
    await sessions.rotate(two.token);
    clock.advance("1m");
    expect(await sessions.destroyByToken(two.token)).toBe(true);
    expect(ends).toEqual([endOf(one.id, "logout"), endOf(two.id, "reuse")]);
    expect(rejections).toEqual(["wrong-secret", "reuse"]);
  });

  test("destroyByToken on what has expired reports that, and answers false", async () => {
    const { sessions, clock, ends } = managed();
    const { token, id } = await sessions.create("u");
    clock.advance("30m");
    expect(await sessions.destroyByToken(token)).toBe(false);
    expect(ends).toEqual([endOf(id, "expired-idle")]);
  });

  test("destroyByToken waits until no node can answer from before, also when it finds nothing", async () => {
    const inner = open();
    let waits = 0;
    const propagated = (): Reply<Mode, void> => {
      waits++;
      return inner.mode === "sync" ? undefined : Promise.resolve();
    };
    const { sessions } = managed({ store: { ...inner, propagated } });
    const { token } = await sessions.create("u");
    await sessions.destroyByToken(token);
    expect(waits).toBe(1);
    await sessions.destroyByToken(token);
    expect(waits).toBe(2);
  });

  test("what ends a session or its token waits for every node, and nothing else does", async () => {
    const inner = open();
    let waits = 0;
    const propagated = (): Reply<Mode, void> => {
      waits++;
      return inner.mode === "sync" ? undefined : Promise.resolve();
    };
    const { sessions, clock } = managed({ store: { ...inner, propagated }, refreshThreshold: "30m" });
    const waiting = async (call: () => unknown): Promise<number> => {
      const before = waits;
      await call();
      return waits - before;
    };
    const { token, id } = await sessions.create("u");
    clock.advance("1m");
    expect(await waiting(() => sessions.create("u"))).toBe(0);
    expect(await waiting(() => sessions.authenticate(token))).toBe(0);
    expect(await waiting(() => sessions.refresh(id))).toBe(0);
    expect(await waiting(() => sessions.update(id, { a: 1 }))).toBe(0);
    expect(await waiting(() => sessions.reauthenticate(id))).toBe(0);
    expect(await waiting(() => sessions.cleanup())).toBe(0);

    const stepped = await sessions.reauthenticate(token, { rotate: true });
    expect(waits).toBe(1);
    const rotated = await sessions.rotate(stepped?.token);
    expect(waits).toBe(2);
    clock.advance("1m");
    expect(await waiting(() => sessions.authenticate(stepped?.token))).toBe(1);
    expect(await sessions.authenticate(rotated?.token)).toBeUndefined();
    await sessions.create("u", {}, { token: "mine" });
    expect(await waiting(() => sessions.create("u", {}, { token: "mine" }))).toBe(1);
    expect(await waiting(() => sessions.destroy(id))).toBe(1);
    expect(await waiting(() => sessions.destroyByUser("u"))).toBe(1);
    expect(await waiting(() => sessions.destroyByUser("u"))).toBe(1);
  });

  test("an adopted token can log in again, as a new session", async () => {
    const { sessions, clock } = managed();
    const first = await sessions.create("ann", { a: 1 }, { token: "mine" });
    await sessions.destroy(first.id);
    clock.advance(1);
    const second = await sessions.create("bob", {}, { token: "mine" });
    expect(await sessions.authenticate("mine")).toMatchObject({
      userId: "bob",
      data: {},
      createdAt: clock.now(),
      version: 1,
    });
    expect(second.id).toBe(first.id);
  });
});

describe("a slow request that still holds the session", () => {
  const slow = ["update", "refresh", "rotate"] as const;

  test.each(slow)("%s, held between its read and its write, while the session is destroyed", async (call) => {
    const clock = manualClock();
    const held = gate();
    const inner = asyncStore(memoryStore());
    const store = faultyStore(inner, [
      { call: call === "refresh" ? "touch" : "put", nth: call === "refresh" ? 1 : 2, fault: "hold", gate: held },
    ]);
    const sessions = createSessions({ store, clock });
    const { token, id } = await sessions.create("u", { a: 1 });
    clock.advance("10m");
    const pending = {
      update: () => sessions.update(id, { a: 2 }),
      refresh: () => sessions.refresh(id),
      rotate: () => sessions.rotate(token),
    }[call]();
    await held.reached;
    expect(await sessions.destroy(id)).toBe(true);
    held.open();
    expect(await pending).toBeUndefined();
    expect(await sessions.get(id)).toBeUndefined();
    expect(await sessions.count()).toBe(0);
  });
});
