/** For how long a signal is kept, with a real collector. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Session } from "../../../src/sessions/session.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Until what can be collected is, and those who are told of it have been. */
async function collected(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const sessions = createSessions();

/** What becomes of a signal that nobody holds, after something was done with it: whether it is kept, and aborts. */
async function fateOf(use: (signal: AbortSignal) => void): Promise<string> {
  const { id } = sessions.create("ann");
  let isAborted = false;
  const kept = ((): WeakRef<AbortSignal> => {
    const signal = sessions.signal(id);
    use(signal);
    return new WeakRef(signal);
  })();
  await collected();
  const signal = kept.deref();
  // Without a signal, nothing is watched any more: that is what `isCurrent` is about.
  if (signal === undefined) return sessions.ends.isCurrent(id) ? "collected, and still watched" : "collected";
  signal.addEventListener("abort", () => (isAborted = true));
  sessions.destroy(id);
  return isAborted ? "kept" : "kept in vain";
}

const nothing = (): void => {};

const uses: readonly (readonly [name: string, use: (signal: AbortSignal) => unknown, fate: "collected" | "kept"])[] = [
  ["nothing", () => {}, "collected"],
  ["a look at it", (signal) => signal.aborted, "collected"],
  ["a listener", (signal) => signal.addEventListener("abort", () => {}), "kept"],
  ["a listener that is told once", (signal) => signal.addEventListener("abort", () => {}, { once: true }), "kept"],
  ["a handler", (signal) => Object.assign(signal, { onabort: nothing }), "kept"],
  [
    "a listener that was removed",
    (signal) => {
      signal.addEventListener("abort", nothing);
      signal.removeEventListener("abort", nothing);
    },
    "collected",
  ],
];

test.each(uses)("after %s", async (_, use, fate) => {
  expect(await fateOf(use)).toBe(fate);
});

test("what `AbortSignal.any` made of it aborts, though nobody holds the signal", async () => {
  const { id } = sessions.create("ann");
  let count = 0;
  ((): void => {
    const signal = sessions.signal(id);
    AbortSignal.any([signal, AbortSignal.timeout(60_000)]).addEventListener("abort", () => count++);
    AbortSignal.any([AbortSignal.any([signal]), new AbortController().signal]).addEventListener("abort", () => count++);
  })();
  await collected();
  sessions.destroy(id);
  expect(count).toBe(2);
});

test("a signal that is asked for again after it was collected is a new one, which aborts", async () => {
  const { id } = sessions.create("ann");
  const first = new WeakRef(((): AbortSignal => sessions.signal(id))());
  collect();
  await collected();
  expect(first.deref()).toBeUndefined();
  const again = sessions.signal(id);
  await collected();
  expect(sessions.ends.isCurrent(id)).toBe(true);
  sessions.destroy(id);
  expect(again.aborted).toBe(true);
});

test("nothing is left of a signal whose session has ended, whoever listened", async () => {
  const refs = Array.from({ length: 100 }, (_, index): WeakRef<AbortSignal> => {
    const { id } = sessions.create("ann");
    const signal = sessions.signal(id);
    if (index % 2 === 0) signal.addEventListener("abort", () => {});
    if (index % 3 === 0) AbortSignal.any([signal]).addEventListener("abort", () => {});
    sessions.destroy(id);
    return new WeakRef(signal);
  });
  await collected();
  expect(refs.filter((ref) => ref.deref() !== undefined).length).toBe(0);
});

test("a signal that is held stays when the last listener of `watch` goes", () => {
  const { id } = sessions.create("ann");
  const signal = sessions.signal(id);
  const unwatch = sessions.watch(id, nothing);
  unwatch();
  sessions.destroy(id);
  expect(signal.aborted).toBe(true);
});

test("what is watched by a listener stays, without any signal", async () => {
  const { id }: Session = sessions.create("ann");
  const told: string[] = [];
  sessions.watch(id, ({ reason }) => told.push(reason));
  void sessions.signal(id);
  await collected();
  sessions.destroy(id);
  expect(told).toEqual(["logout"]);
});

test("sessions that come and go leave nothing, however they are watched", async () => {
  let told = 0;
  async function heapAfter(count: number): Promise<number> {
    for (let index = 0; index < count; index++) {
      const { id } = sessions.create("ann");
      const signal = sessions.signal(id);
      if (index % 2 === 0) signal.addEventListener("abort", () => told++);
      if (index % 3 === 0) sessions.watch(id, () => told++);
      sessions.destroy(id);
    }
    await collected();
    return process.memoryUsage().heapUsed;
  }
  const before = await heapAfter(10_000);
  const after = await heapAfter(20_000);
  expect(told).toBe(25_001);
  // Fifty bytes that are left of each would be as many.
  expect(after - before).toBeLessThan(1_000_000);
});
