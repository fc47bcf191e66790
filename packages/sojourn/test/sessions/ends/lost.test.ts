/** What happens while nobody can tell whether a session still lives. */
import { describe, expect, test } from "vitest";
import { StoreError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store, Watch } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, gate, type Fault } from "../../../src/testing/faulty-store.ts";
import type { EndsOptions } from "../../../src/sessions/ends/ends-options.ts";
import { heldRemovals } from "./support/held-removals.ts";
import { flush, node, reasonOf, time, type Node } from "./support/ends.ts";

/** A process whose way to the store can be cut, and another one that has none. */
function held(ends: EndsOptions = {}, script: readonly Fault[] = []) {
  const memory = memoryStore();
  const shared = time();
  const link = heldRemovals(asyncStore(memory));
  // Scripted faults befall only the process under test.
  const here = Object.assign(shared, node(faultyStore(link.store, script), shared, { ttl: "30m" }, ends));
  const there = node(asyncStore(memory), shared, { ttl: "30m" });
  return { here, there, link, memory };
}

describe("the way by which ends come is cut", () => {
  test("what is watched is lost after `maxStale`, and not before", async () => {
    const { here, link } = held();
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("2s");
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
    link.cut();
    await here.pass("300ms");
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass("400ms");
    expect(reasonOf(signal)).toBe("lost");
    expect(signal.reason).toMatchObject({ code: "session_ended", status: 401, id, session: undefined });
    // It lives, and whoever comes again is let in when the way is there again.
    expect(await here.sessions.get(id)).toBeDefined();
    const again = here.sessions.signal(id);
    expect(again).not.toBe(signal);
    link.mend();
    await here.pass("1s");
    expect(reasonOf(again)).toBeUndefined();
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
  });

  test("a signal that is taken while it is cut has `maxStale` as well", async () => {
    const { here, link } = held();
    const { id } = await here.sessions.create("ann");
    link.cut();
    await here.pass("5s");
    const signal = here.sessions.signal(id);
    await here.pass("300ms");
    expect(reasonOf(signal)).toBeUndefined();
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
    await expect(here.sessions.ends.confirm(id)).rejects.toBeInstanceOf(StoreError);
    await here.pass("400ms");
    expect(reasonOf(signal)).toBe("lost");
  });

  test.each([
    ["250ms", "100ms", "300ms"],
    ["5s", "3s", "3s"],
  ] as const)("`maxStale` is an option: %s", async (maxStale, before, after) => {
    const { here, link } = held({ maxStale });
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("10s");
    link.cut();
    await here.pass(before);
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass(after);
    expect(reasonOf(signal)).toBe("lost");
  });

  test("with `recheck` what is watched stays, is not current, and is asked about when the way is there again", async () => {
    const { here, there, link } = held({ onLost: "recheck" });
    const [kept, ended] = [await here.sessions.create("ann"), await here.sessions.create("bob")];
    const signals = [kept, ended].map(({ id }) => here.sessions.signal(id));
    await here.pass("1s");
    link.cut();
    await there.sessions.destroy(ended.id);
    await here.pass("1m");
    expect(signals.map(reasonOf)).toEqual([undefined, undefined]);
    expect([kept, ended].map(({ id }) => here.sessions.ends.isCurrent(id))).toEqual([false, false]);
    link.mend();
    await here.pass("1s");
    expect(signals.map(reasonOf)).toEqual([undefined, "unknown"]);
    expect(here.sessions.ends.isCurrent(kept.id)).toBe(true);
  });

  test("what was missed is found out, also where the way is back within `maxStale`", async () => {
    const { here, there, link } = held();
    const [kept, ended] = [await here.sessions.create("ann"), await here.sessions.create("bob")];
    const signals = [kept, ended].map(({ id }) => here.sessions.signal(id));
    await here.pass("1s");
    link.cut();
    await there.sessions.destroy(ended.id);
    await here.pass("100ms");
    link.mend();
    await here.pass("200ms");
    expect(signals.map(reasonOf)).toEqual([undefined, "unknown"]);
  });

  test("only those that are watched are asked about again, and a few at a time", async () => {
    const { here, link } = held();
    const ids: string[] = [];
    for (let count = 0; count < 200; count++) ids.push((await here.sessions.create("ann")).id);
    const watched = ids.slice(0, 150);
    const signals = watched.map((id) => here.sessions.signal(id));
    await here.pass("1s");
    link.cut();
    link.mend();
    await here.pass("200ms");
    expect(new Set(signals.map(reasonOf))).toEqual(new Set([undefined]));
    expect(watched.every((id) => here.sessions.ends.isCurrent(id))).toBe(true);
  });
});

describe("the way is slow", () => {
  test("what is held up does not count as known, and arrives all the same", async () => {
    const { here, there, link } = held({ onLost: "recheck" });
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("1s");
    link.hold();
    await there.sessions.destroy(id);
    await here.pass("300ms");
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
    await here.pass("300ms");
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
    expect(reasonOf(signal)).toBeUndefined();
    link.release();
    await flush();
    expect(reasonOf(signal)).toBe("logout");
  });

  test("there is one question at a time, however many wait", async () => {
    const { here, link } = held({ onLost: "recheck" });
    const { id } = await here.sessions.create("ann");
    here.sessions.signal(id);
    await here.pass("1s");
    link.hold();
    const before = link.asked;
    const waiting = Array.from({ length: 1_000 }, () => here.sessions.ends.confirm(id));
    await here.pass("5s");
    expect(link.asked - before).toBe(1);
    link.release();
    await flush();
    await flush();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([true]));
    // One for all who had come while the first was under way.
    expect(link.asked - before).toBeLessThanOrEqual(3);
  });

  test("`confirm` tells an end that was held up before it resolves", async () => {
    const { here, there, link } = held();
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("1s");
    link.hold();
    await there.sessions.destroy(id);
    const confirmed = here.sessions.ends.confirm(id);
    await flush();
    expect(reasonOf(signal)).toBeUndefined();
    link.release();
    expect(await confirmed).toBe(false);
    expect(reasonOf(signal)).toBe("logout");
    expect(await here.sessions.ends.confirm(id)).toBe(false);
    const other = await here.sessions.create("ann");
    expect(await here.sessions.ends.confirm(other.id)).toBe(true);
  });
});

test("what is found absent is ended with its reason, though word of it comes later", async () => {
  const { here, there, link } = held();
  const { id } = await here.sessions.create("ann");
  const signal = here.sessions.signal(id);
  await here.pass("1s");
  link.hold();
  await there.sessions.destroy(id);
  // Its time seems to be up, so the store is asked, and has nothing.
  here.clock.advance("30m");
  await here.pass("300ms");
  expect(reasonOf(signal)).toBeUndefined();
  link.release();
  await flush();
  expect(reasonOf(signal)).toBe("logout");
});

describe("one session follows another under an adopted token", () => {
  test("late word of the first one's end does not end the second", async () => {
    const { here, there, link } = held();
    const { id } = await there.sessions.create("ann", {}, { token: "adopted" });
    const first = here.sessions.signal(id);
    await here.pass("1s");
    await there.sessions.destroy(id);
    expect(reasonOf(first)).toBe("logout");
    await there.sessions.create("ann", {}, { token: "adopted" });
    link.hold();
    await there.sessions.create("bob", {}, { token: "adopted" });
    const second = here.sessions.signal(id);
    await here.pass("100ms");
    link.release();
    await here.pass("100ms");
    expect(reasonOf(second)).toBeUndefined();
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
  });

  test("where word of the first one's end was missed, it is found out by the second", async () => {
    const { here, there, link } = held();
    const { id } = await there.sessions.create("ann", {}, { token: "adopted" });
    const first = here.sessions.signal(id);
    await here.pass("1s");
    link.cut();
    await there.sessions.create("ann", {}, { token: "adopted" });
    link.mend();
    await here.pass("200ms");
    expect(reasonOf(first)).toBe("unknown");
  });
});

/** As of a server that drops what it has no space for: nobody hears of it, and nothing is missing. */
function tellsNothing(): Watch {
  return { confirm: async () => {}, close: async () => {} };
}

test.each([
  ["a synchronous store", (memory: Store<"sync">): Store => memory],
  ["an asynchronous store", (memory: Store<"sync">): Store => asyncStore(memory)],
])("whether a session lives is asked of %s, also where no end was told", async (_, wrap) => {
  const memory = memoryStore();
  const { watchRemovals: _unused, ...rest } = memory;
  const shared = time();
  const here = Object.assign(shared, node(wrap({ ...rest, watchRemovals: tellsNothing }), shared));
  const { id } = await here.sessions.create("ann");
  const signal = here.sessions.signal(id);
  await here.pass("1s");
  expect(await here.sessions.ends.confirm(id)).toBe(true);
  expect(here.sessions.ends.isCurrent(id)).toBe(true);
  memory.delete(id);
  expect(await here.sessions.ends.confirm(id)).toBe(false);
  expect(reasonOf(signal)).toBe("unknown");
});

test("nothing is asked at a deadline that was moved here", async () => {
  const memory = memoryStore();
  const asked: string[] = [];
  const shared = time();
  const counting = {
    ...memory,
    get: (...given: Parameters<typeof memory.get>) => (asked.push("get"), memory.get(...given)),
    sweep: (...given: Parameters<typeof memory.sweep>) => (asked.push("sweep"), memory.sweep(...given)),
  };
  const { sessions } = node(counting, shared, { ttl: "30m" });
  const { id, token } = await sessions.create("ann");
  const signal = sessions.signal(id);
  shared.clock.advance("20m");
  await sessions.authenticate(token);
  shared.clock.advance("10m");
  asked.length = 0;
  await shared.pass("5s");
  expect(asked).toEqual([]);
  shared.clock.advance("20m");
  await shared.pass("1s");
  expect(asked).toEqual(["sweep"]);
  expect(reasonOf(signal)).toBe("expired-idle");
});

describe("the process was stopped", () => {
  test("nothing is current when it goes on, and it asks before it gives up", async () => {
    const { here, there, link } = held();
    const [kept, ended] = [await here.sessions.create("ann"), await here.sessions.create("bob")];
    const signals = [kept, ended].map(({ id }) => here.sessions.signal(id));
    await here.pass("1s");
    // Stopped for 30 seconds: what is sent waits in the socket, and both clocks go on.
    link.hold();
    await there.sessions.destroy(ended.id);
    here.stop("30s");
    expect([kept, ended].map(({ id }) => here.sessions.ends.isCurrent(id))).toEqual([false, false]);
    expect(signals.map(reasonOf)).toEqual([undefined, undefined]);
    await here.pass("200ms");
    expect(signals.map(reasonOf)).toEqual([undefined, undefined]);
    link.release();
    await here.pass("300ms");
    expect(signals.map(reasonOf)).toEqual([undefined, "logout"]);
    expect(here.sessions.ends.isCurrent(kept.id)).toBe(true);
  });
});

test("whoever hears all ends is told of time that is up when the store can be swept again", async () => {
  const script: Fault[] = [{ call: "sweep", fault: "fail" }];
  const { here } = held({}, script);
  const told: string[] = [];
  here.sessions.on("ended", ({ reason }) => told.push(reason), { everywhere: true });
  await here.sessions.create("ann");
  here.clock.advance("30m");
  await here.pass("3s");
  expect(told).toEqual([]);
  script.length = 0;
  await here.pass("1s");
  expect(told).toEqual(["expired-idle"]);
});

describe.each([
  ["a synchronous store", (memory: Store<"sync">): Store => memory],
  ["an asynchronous store", (memory: Store<"sync">): Store => asyncStore(memory)],
])("word of an adopted token's former session comes late, on %s", (_, wrap) => {
  const token = "adopted";
  const login = async (sessions: Node["sessions"], user: string) => sessions.create(user, {}, { token });

  function late() {
    const memory = memoryStore();
    const store = wrap(memory);
    const way = heldRemovals(asyncStore(memory));
    const shared = time();
    const guarantees = { ...store.guarantees, removalsMs: 50 };
    const watched = { ...store, guarantees, watchRemovals: way.store.watchRemovals! };
    return { here: Object.assign(shared, node(watched, shared)), there: node(wrap(memory), shared), way };
  }

  test.each(["replaced", "logout"])("%s: its end is not that of the one that follows", async (how) => {
    const { here, there, way } = late();
    const told: string[] = [];
    const first = await login(there.sessions, "ann");
    const [signal, again] = [here.sessions.signal(first.id), here.sessions.signal(first.id)];
    here.sessions.watch(first.id, ({ reason, session }) => told.push(`first ${session?.userId} ${reason}`));
    await here.pass("1s");
    expect(here.sessions.ends.isCurrent(first.id)).toBe(true);
    way.hold();
    if (how === "logout") await there.sessions.destroy(first.id);
    const second = await login(there.sessions, "eve");
    expect(second.id).toBe(first.id);
    const follows = here.sessions.signal(second.id);
    here.sessions.watch(second.id, ({ reason, session }) => told.push(`second ${session?.userId} ${reason}`));
    await flush();
    // One of the two under this id is over, as far as can be told.
    expect(here.sessions.ends.isCurrent(second.id)).toBe(false);
    way.release();
    await here.pass("100ms");
    expect([signal, again, follows].map(reasonOf)).toEqual([how, how, undefined]);
    expect(told).toEqual([`first ann ${how}`]);
    expect(here.sessions.ends.isCurrent(second.id)).toBe(true);
    await there.sessions.destroy(second.id);
    await here.pass("100ms");
    expect(reasonOf(follows)).toBe("logout");
    expect(told).toEqual([`first ann ${how}`, "second eve logout"]);
    // Nothing is left of either.
    await here.pass("20s");
    expect(here.waiting).toBe(0);
  });

  test("all who watch the same session under it are told, but for those that have stopped", async () => {
    const { here, there } = late();
    const { id } = await login(there.sessions, "ann");
    const told: number[] = [];
    const stops = [1, 2, 3, 4].map((each) => here.sessions.watch(id, () => told.push(each)));
    await here.pass("1s");
    stops[1]!();
    stops[3]!();
    const last = here.sessions.signal(id);
    await here.pass("100ms");
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
    expect(await here.sessions.ends.confirm(id)).toBe(true);
    await there.sessions.destroy(id);
    expect(await here.sessions.ends.confirm(id)).toBe(false);
    expect(new Set(told)).toEqual(new Set([1, 3]));
    expect(told).toHaveLength(2);
    expect(reasonOf(last)).toBe("logout");
  });
});

describe("the process is busy", () => {
  test.each([60, 95, 150, 300])("for %i ms at a time, what takes several turns to prove is not lost", async (block) => {
    const { here, link } = held();
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("1s");
    link.hold();
    for (let turn = 0; turn < 100; turn++) {
      // All that is due runs late, and then the sockets are read: an answer takes four turns.
      here.compute(`${block}ms`);
      if (turn % 4 === 3) link.release();
      link.hold();
      await flush();
    }
    expect(reasonOf(signal)).toBeUndefined();
  });

  test("what cannot be proven is lost all the same", async () => {
    const { here, link } = held();
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("1s");
    link.hold();
    for (let turn = 0; turn < 100; turn++) {
      here.compute("95ms");
      await flush();
    }
    expect(reasonOf(signal)).toBe("lost");
  });
});

describe("the store fails while an end is confirmed", () => {
  const failures: readonly Fault[] = [
    { call: "sweep", fault: "fail" },
    { call: "get", fault: "fail" },
  ];

  test.each(["abort", "recheck"] as const)("with %s, it is neither ended nor kept as if it lived", async (onLost) => {
    const script: Fault[] = [];
    const { here } = held({ onLost }, script);
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    here.clock.advance("30m");
    script.push(...failures);
    await here.pass("300ms");
    expect(reasonOf(signal)).toBeUndefined();
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
    await here.pass("1s");
    expect(reasonOf(signal)).toBe(onLost === "abort" ? "lost" : undefined);
    script.length = 0;
    await here.pass("1s");
    expect(reasonOf(signal)).toBe(onLost === "abort" ? "lost" : "expired-idle");
  });

  test("an answer that never comes is not waited for any longer", async () => {
    const script: Fault[] = [];
    const { here } = held({}, script);
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    here.clock.advance("30m");
    script.push({ call: "sweep", fault: "hold", gate: gate() });
    await here.pass("400ms");
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass("1s");
    expect(reasonOf(signal)).toBe("lost");
  });

  test("those that are sure are not lost with it", async () => {
    const script: Fault[] = [];
    const { here } = held({}, script);
    const [short, long] = [await here.sessions.create("ann"), await here.sessions.create("bob", {}, { ttl: "2h" })];
    const signals = [short, long].map(({ id }) => here.sessions.signal(id));
    await flush();
    here.clock.advance("30m");
    script.push(...failures);
    await here.pass("2s");
    expect(signals.map(reasonOf)).toEqual(["lost", undefined]);
    expect(here.sessions.ends.isCurrent(long.id)).toBe(true);
  });

  test("a new signal asks until the store answers", async () => {
    const script: Fault[] = [...failures];
    const { here, there } = held({}, script);
    const { id } = await there.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("300ms");
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
    script.length = 0;
    await here.pass("300ms");
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
    expect(reasonOf(signal)).toBeUndefined();
  });

  test("what is no session any more is lost alone", async () => {
    const { here, memory, link } = held();
    const [broken, kept] = [await here.sessions.create("ann"), await here.sessions.create("bob")];
    const signals = [broken, kept].map(({ id }) => here.sessions.signal(id));
    await flush();
    const entry = memory.get(broken.id, here.clock.now())!;
    memory.put({ ...entry, meta: "garbage", rev: "by somebody else" }, entry.rev, here.clock.now());
    link.cut();
    link.mend();
    await here.pass("2s");
    expect(signals.map(reasonOf)).toEqual(["lost", undefined]);
    expect(here.sessions.ends.isCurrent(kept.id)).toBe(true);
    expect(await here.sessions.ends.confirm(kept.id)).toBe(true);
  });
});

/** As Durable Objects are. */
function silent(store: Store): Store {
  const { watchRemovals: _, ...rest } = store;
  return { ...rest, guarantees: { ...store.guarantees, removalsMs: Number.POSITIVE_INFINITY } };
}

test("with `recheck`, those that cannot be read stand in nobody's way", async () => {
  const { here, memory, link } = held({ onLost: "recheck" });
  const ids: string[] = [];
  for (let count = 0; count < 100; count++) ids.push((await here.sessions.create("ann")).id);
  const [kept = "", ...broken] = ids.toReversed();
  const signals = ids.map((id) => here.sessions.signal(id));
  await here.pass("1s");
  for (const id of broken) {
    const entry = memory.get(id, here.clock.now())!;
    memory.put({ ...entry, meta: "garbage", rev: `by somebody else ${id}` }, entry.rev, here.clock.now());
  }
  link.cut();
  link.mend();
  // While all are asked about.
  expect(here.sessions.ends.isCurrent(kept)).toBe(false);
  expect(await here.sessions.ends.confirm(kept)).toBe(true);
  await here.pass("1s");
  expect(new Set(signals.map(reasonOf))).toEqual(new Set([undefined]));
  expect(here.sessions.ends.isCurrent(kept)).toBe(true);
  expect(here.sessions.ends.isCurrent(broken[0]!)).toBe(false);
  expect(await here.sessions.ends.confirm(kept)).toBe(true);
  await expect(here.sessions.ends.confirm(broken[0]!)).rejects.toMatchObject({ code: "store_corrupt" });
});

describe("a store that tells of nothing is asked now and then", () => {
  test.each([
    ["synchronous", (memory: Store<"sync">): Store => memory],
    ["asynchronous", (memory: Store<"sync">): Store => asyncStore(memory)],
  ])("%s", async (_, wrap) => {
    const memory = memoryStore();
    const shared = time();
    const here = Object.assign(shared, node(silent(wrap(memory)), shared, { ttl: "30m" }, { poll: "2s" }));
    const there = node(silent(wrap(memory)), shared);
    const [kept, ended, own] = [
      await here.sessions.create("ann"),
      await here.sessions.create("bob"),
      await here.sessions.create("cat"),
    ];
    const signals = [kept, ended, own].map(({ id }) => here.sessions.signal(id));
    await here.pass("100ms");
    expect(here.sessions.ends.isCurrent(ended.id)).toBe(true);
    // What ends here is told here, at once.
    await here.sessions.destroy(own.id);
    expect(signals.map(reasonOf)).toEqual([undefined, undefined, "logout"]);
    await there.sessions.destroy(ended.id);
    await here.pass("1s");
    expect(signals.map(reasonOf)).toEqual([undefined, undefined, "logout"]);
    await here.pass("2s");
    expect(signals.map(reasonOf)).toEqual([undefined, "unknown", "logout"]);
    expect(here.sessions.ends.isCurrent(kept.id)).toBe(true);
    expect(await here.sessions.ends.confirm(kept.id)).toBe(true);
    await there.sessions.destroy(kept.id);
    expect(await here.sessions.ends.confirm(kept.id)).toBe(false);
    expect(reasonOf(signals[0]!)).toBe("unknown");
  });

  test("one that has expired, and that the store has reclaimed by itself, has expired", async () => {
    const memory = memoryStore();
    const shared = time();
    const here = Object.assign(shared, node(silent(asyncStore(memory)), shared, { ttl: "1m" }));
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    memory.sweep(here.clock.now() + 60_000, 10);
    here.clock.advance("1m");
    await here.pass("1s");
    expect(reasonOf(signal)).toBe("expired-idle");
  });

  test("it is lost when it does not answer", async () => {
    const script: Fault[] = [];
    const shared = time();
    const store = silent(faultyStore(asyncStore(memoryStore()), script));
    const here = Object.assign(shared, node(store, shared, {}, { poll: "2s" }));
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("1s");
    script.push({ call: "get", fault: "fail" });
    await here.pass("1s");
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass("3s");
    expect(reasonOf(signal)).toBe("lost");
  });

  test("it cannot tell of all ends", () => {
    const { sessions } = node(silent(memoryStore()), time());
    expect(() => sessions.on("ended", () => {}, { everywhere: true })).toThrow(
      expect.objectContaining({ code: "guarantee_unmet" }),
    );
  });
});

test("a synchronous store that tells later proves that nothing is missing", async () => {
  const store = sqliteStore({ path: ":memory:" });
  const shared = time();
  const here = Object.assign(shared, node(store, shared, { ttl: "30m" }));
  const { id } = await here.sessions.create("ann");
  const signal = here.sessions.signal(id);
  await here.pass("1s");
  expect(here.sessions.ends.isCurrent(id)).toBe(true);
  await here.sessions.destroy(id);
  await here.pass("1s");
  expect(reasonOf(signal)).toBe("logout");
  store.close();
});
