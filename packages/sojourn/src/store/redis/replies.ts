/** What the scripts answer, as what the store answers. */
import type { Refused } from "../revocation-order.ts";
import { fromStored } from "../stored-text.ts";
import type { Head, Put, Removed } from "../store.ts";
import { entryOf, headOf } from "./record.ts";

/** Keys and heads, one after the other. */
export function headsOf(reply: unknown): readonly Head[] {
  return pairsOf(reply).map(([key, head]) => headOf(fromStored(key), head ?? ""));
}

/** A key as it is stored, and what was found under it. */
export type Pair = readonly [key: string, text: string | null];

/** Keys as they are stored, each with what follows it. */
export function pairsOf(reply: unknown): readonly Pair[] {
  const flat = reply as readonly string[];
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!] as const);
}

/** The answer to a put: 1 or 2 for stored, 0 for a conflict, -1 for a revocation, and what belongs to it. */
export function putOf(key: string, reply: unknown): Exclude<Put, { readonly outcome: "revoked" }> | Refused {
  if (typeof reply === "number") return { outcome: "stored", removed: [] };
  const [code, ...rest] = reply as readonly [number, ...string[]];
  if (code > 0) return { outcome: "stored", removed: headsOf(rest) };
  if (code === 0) return { outcome: "conflict", current: rest[0] === undefined ? undefined : entryOf(key, rest[0]) };
  const [number, ago] = rest;
  return { outcome: "refused", number: Number(number), ago: ago ? Number(ago) : undefined };
}

/** Whether a put or a touch had to make the marker or an index. */
export function hasMade(reply: unknown): boolean {
  return reply === 2 || (Array.isArray(reply) && reply[0] === 2);
}

/** How many parts of a message end with NUL for each entry: its key, and of its head the instants and rev, owner and meta. */
const PARTS = 4;

/** What a message on the channel of removals tells; `null` if it names nothing that can be read. */
export function removalsOf(text: string): readonly Removed[] | null {
  const [note = "", ...parts] = text.split("\0");
  if (parts.pop() !== "" || parts.length === 0 || parts.length % PARTS !== 0) return null;
  try {
    return Array.from({ length: parts.length / PARTS }, (_, index) => {
      const [key = "", ...head] = parts.slice(PARTS * index, PARTS * (index + 1));
      return { head: headOf(fromStored(key), `${head.join("\0")}\0`), note };
    });
  } catch {
    // Of another version of this library.
    return null;
  }
}

/** A slice of a revocation. */
export interface RevokedSlice {
  /** That of the first slice numbers the revocation. */
  readonly number: number;
  /** After what the next slice goes on; empty if this was the last. */
  readonly next: string;
  readonly heads: readonly Head[];
}

export function revokedOf(reply: unknown): RevokedSlice {
  const [number = "", next = "", ...rest] = reply as readonly string[];
  return { number: Number(number), next, heads: headsOf(rest) };
}
