/** What `ends` takes, and what a bundle of `sojourn/core` has without it. */
import { expect, test } from "vitest";
import * as core from "../../../src/core.ts";
import { createSessions, memoryStore } from "../../../src/index.ts";
import type { EndsOptions } from "../../../src/core.ts";

test.each([
  [{ maxstale: "1s" }, /Expected an option of `ends`, such as `maxStale`, got "maxstale"/],
  [{ maxStale: 0 }, /Expected `ends.maxStale` to be a positive duration/],
  [{ maxStale: "soon" }, /Expected `ends.maxStale` to be a positive duration .*, got "soon"/],
  [{ poll: -1 }, /Expected `ends.poll` to be a positive duration/],
  [{ onLost: "ignore" }, /Expected `ends.onLost` to be "abort" or "recheck", got "ignore"/],
  [{ timer: {} }, /Expected `ends.timer` to have `elapsed\(\)` and `after\(\)`, got an object/],
  [null, /Expected the options of `ends` to be an object, got null/],
  ["1s", /Expected the options of `ends` to be an object, got "1s"/],
])("an option that is not what it should be is a mistake: %j", (ends, message) => {
  expect(() => createSessions({ ends: ends as EndsOptions })).toThrow(TypeError);
  expect(() => createSessions({ ends: ends as EndsOptions })).toThrow(message);
});

test("`on` takes `everywhere` for `ended` only, and no other option", () => {
  const sessions = createSessions();
  const on = sessions.on as (type: string, listener: unknown, options: object) => unknown;
  expect(() => on("ended", () => {}, { everywhere: "yes" as never })).toThrow(
    /`everywhere` to be true or false, got "yes"/,
  );
  expect(() => on("created", () => {}, { everywhere: true })).toThrow(/`everywhere` for `ended` only, .* "created"/);
  expect(() => on("ended", () => {}, { everywere: true })).toThrow(/such as `everywhere`/);
  expect(() => on("ended", "nobody", { everywhere: true })).toThrow(/Expected a listener to be a function/);
  expect(() => sessions.watch(sessions.create("ann").id, "nobody" as never)).toThrow(/a listener to be a function/);
});

test("`destroy` takes the two reasons that a caller can know", () => {
  const sessions = createSessions();
  const reasons: string[] = [];
  sessions.on("ended", ({ reason }) => reasons.push(reason));
  sessions.destroy(sessions.create("ann").id, { reason: "replaced" });
  sessions.destroy(sessions.create("ann").id, {});
  expect(reasons).toEqual(["replaced", "logout"]);
  const { id } = sessions.create("ann");
  expect(() => sessions.destroy(id, { reason: "reuse" as never })).toThrow(/`reason` to be "logout" or "replaced"/);
  expect(() => sessions.destroy(id, { why: "x" } as never)).toThrow(/got "why"/);
  expect(sessions.get(id)).toBeDefined();
});

test("whoever hears all ends counts as listening", () => {
  const sessions = createSessions();
  expect(sessions.listens("ended")).toBe(false);
  const stop = sessions.on("ended", () => {}, { everywhere: true });
  expect(sessions.listens("ended")).toBe(true);
  stop();
  expect(sessions.listens("ended")).toBe(false);
  sessions.ends.close();
});

test("a listener of all ends is told until it stops, and hears nothing from before", () => {
  const sessions = createSessions();
  const told: string[] = [];
  sessions.destroy(sessions.create("before").id);
  const stop = sessions.on("ended", ({ session }) => told.push(String(session.userId)), { everywhere: true });
  sessions.destroy(sessions.create("ann").id);
  stop();
  stop();
  sessions.destroy(sessions.create("after").id);
  expect(told).toEqual(["ann"]);
  sessions.ends.close();
});

test("what is no session in the store is nobody's end", () => {
  const store = memoryStore();
  const sessions = createSessions({ store });
  const told: unknown[] = [];
  sessions.on("ended", (event) => told.push(event), { everywhere: true });
  const instants = { createdAt: 0, touchedAt: 0, expiresAt: Date.now() + 60_000 };
  store.put({ key: "of storage.kv", owner: null, rev: "1", meta: "", value: "", ...instants }, null, Date.now());
  store.delete("of storage.kv", "logout 5");
  expect(told).toEqual([]);
  sessions.ends.close();
});

test("`sojourn/core` tells of ends if it is given what does", () => {
  const bare = core.createSessions({ store: memoryStore() });
  const { id } = bare.create("ann");
  expect(() => bare.signal(id)).toThrow("Expected `ends: sessionEnds()` in the options of `createSessions`");
  expect(() => bare.on("ended", () => {}, { everywhere: true })).toThrow(TypeError);
  expect(() => bare.ends.isCurrent(id)).toThrow(TypeError);
  expect(() => core.createSessions({ store: memoryStore(), ends: { maxStale: "1s" } })).toThrow(/sessionEnds\(\)/);

  const sessions = core.createSessions({ store: memoryStore(), ends: core.sessionEnds({ maxStale: "1s" }) });
  const signal = sessions.signal(sessions.create("ann").id);
  sessions.destroyByUser("ann");
  expect(signal.reason).toBeInstanceOf(core.SessionEndedError);
  sessions.ends.close();
});
