/** Callers that go about their work at the same time, each a few calls long. */
import fc from "fast-check";
import type { Entry, Put } from "../../../src/store/store.ts";
import type { History } from "./history.ts";

export const now: number = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;

/** What a caller does with the store that its history is of. */
export interface Caller {
  readonly name: string;
  readonly work: (history: History, id: number) => Promise<void>;
}

export function entry(key: string, rev: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + HOUR };
  return { key, owner: null, rev, meta: "", ...instants, value: "0", ...parts };
}

/** Adds one to the number under a key, as often as it takes; how often it was refused, if it gives up. */
export async function increment(history: History, key: string, id: number): Promise<"done" | "gone"> {
  let current = await history.make<Entry | undefined>({ call: "get", key, now });
  for (let attempt = 0; current !== undefined; attempt++) {
    const value = String(Number(current.value) + 1);
    const next = { ...entry(key, `w${id}.${attempt}`), owner: current.owner, value };
    const put = await history.make<Put>({ call: "put", entry: next, expected: current.rev, now });
    if (put.outcome === "stored") return "done";
    current = put.outcome === "conflict" ? put.current : undefined;
  }
  return "gone";
}

const keys = fc.constantFrom("a", "b");

const kinds: fc.Arbitrary<Caller>[] = [
  keys.map((key) => ({
    name: `increment ${key}`,
    work: async (history, id) => void (await increment(history, key, id)),
  })),
  fc.tuple(keys, fc.constantFrom("ann", null)).map(([key, owner]) => ({
    name: `insert ${key} of ${owner}`,
    work: async (history, id) => {
      await history.make({ call: "put", entry: entry(key, `i${id}`, { owner }), expected: null, now });
    },
  })),
  keys.map((key) => ({
    name: `replace ${key}`,
    work: async (history, id) => {
      const made = entry(key, `r${id}`, { owner: "ann", expiresAt: now + 1 });
      await history.make({ call: "put", entry: made, expected: "any", now });
    },
  })),
  keys.map((key) => ({
    name: `touch ${key}`,
    work: async (history) => {
      const there = await history.make<Entry | undefined>({ call: "get", key, now });
      const to = { touchedAt: now + 1, expiresAt: now + 2 * HOUR };
      if (there !== undefined) await history.make({ call: "touch", key, rev: there.rev, to, now });
    },
  })),
  keys.map((key) => ({
    name: `delete ${key}`,
    work: async (history) => {
      await history.make({ call: "delete", key });
      await history.make({ call: "get", key, now });
    },
  })),
  fc.constant({
    name: "revoke ann",
    work: async (history: History) => {
      await history.make({ call: "revokeOwner", owner: "ann", except: undefined });
      await history.make({ call: "listByOwner", owner: "ann", limit: 10, now });
    },
  }),
  fc.constant({
    name: "sweep and count",
    work: async (history: History) => {
      await history.make({ call: "sweep", now: now + 1, limit: 1 });
      await history.make({ call: "count", now });
    },
  }),
];

/** A few callers of all kinds. */
export const callers: fc.Arbitrary<Caller[]> = fc.array(fc.oneof(...kinds), { minLength: 2, maxLength: 5 });
