import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
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
