/** What the stores of this library give as a `Begun`. */
import { show } from "../show.ts";
import type { Moment } from "../time/moment.ts";
import type { Begun } from "./store.ts";

/** What one store knew when it was asked. */
export interface Snapshot extends Begun {
  /** The store that was asked: numbers of two stores have nothing to do with each other. */
  readonly source: object;
  /** By shard, the number of the last revocation that it knew of. */
  readonly seen: readonly number[];
  /** When that was; only a store across a network needs it. */
  readonly at?: Moment;
}

/** @throws TypeError if this is not from `begin` of the same store */
export function checkBegun(source: object, begun: Begun): Snapshot {
  if (isSnapshot(begun) && begun.source === source) return begun;
  throw new TypeError(`Expected \`begun\` to come from \`begin()\` of the same store, got ${show(begun)}`);
}

function isSnapshot(begun: unknown): begun is Snapshot {
  return typeof begun === "object" && begun !== null && "source" in begun && "seen" in begun;
}
