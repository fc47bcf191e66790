/**
 * Listings over all shards. An owner's entries come in the order of their keys; all entries in the order in which they
 * were created. Of those whose keys begin with something, nobody's come first, by key: they are found by the owners' index
 * at once, and are all that a key-value storage has. Those with owners, if there are any, are looked for one by one.
 */
import { show } from "../../show.ts";
import { utf8Length } from "../check.ts";
import { fromStored, toStored } from "../stored-text.ts";
import type { Entry, Head, Page, PageOptions } from "../store.ts";
import { entryOf, headOf } from "./record.ts";
import { pairsOf, type Pair } from "./replies.ts";
import { compareStored } from "./shards.ts";

/** Greater than anything that can go on a stored text. */
const ABOVE = "\u{10FFFF}\u{10FFFF}";
/** How many members a search for a prefix looks at in one step, on each shard. */
const LOOKED_AT = 1_000;

/** Runs a script that goes by an index, on every shard at once. */
export type Everywhere = <T>(
  name: "list" | "walk",
  args: readonly string[],
  decode: (reply: unknown) => T,
) => Promise<readonly T[]>;

export interface ListingOptions {
  readonly everywhere: Everywhere;
  readonly shards: number;
  readonly stamp: string;
}

/** The listings of a store, with entries live or not. */
export interface Listing {
  list(options: PageOptions & { readonly prefix: string }): Promise<Page<Head>>;
  listByOwner(owner: string, options: PageOptions): Promise<Page<Entry>>;
}

export function listing({ everywhere, shards, stamp }: ListingOptions): Listing {
  /** A page of an owner's entries, from one key to before another. */
  async function owned<T>(range: Range, limit: number, decode: (key: string, record: string) => T): Promise<Owned<T>> {
    const share = shareOf(limit, shards);
    const whole = range.whole ? "1" : "0";
    const begin = `${range.owner}\0`;
    const args = [range.from(begin), range.till(begin), `${share + 1}`, `${utf8Length(begin)}`, whole, stamp];
    const parts = await everywhere("list", args, ownedOf);
    const found = parts.map(({ pairs }) => pairs);
    const { items, next } = pageOf(found, share, limit);
    // The index can name what Redis has reclaimed since.
    const there = items.flatMap(([key, record]) => (record === null ? [] : [decode(fromStored(key), record)]));
    return { items: there, next, hasOwners: parts.some(({ owners }) => owners > 0) };
  }

  async function walk(from: Place | undefined, limit: number, prefix: string): Promise<Page<Head>> {
    const count = prefix === "" ? shareOf(limit, shards) + 1 : LOOKED_AT;
    const place = from === undefined ? ["", ""] : [`${from.score}`, from.key];
    const args = [...place, `${count}`, prefix, prefix === "" ? "0" : "1", stamp];
    const steps = await everywhere("walk", args, stepOf);
    // Beyond the first place that a shard came to, it may have kept something back.
    const bound = steps.flatMap(({ cameTo }) => (cameTo === undefined ? [] : [cameTo])).sort(comparePlaces)[0];
    const found = steps.flatMap(({ items }) => items).sort(comparePlaces);
    const within = bound === undefined ? found : found.filter((item) => comparePlaces(item, bound) <= 0);
    const shown = within.slice(0, limit);
    const last = within.length > limit ? shown.at(-1) : bound;
    const items = shown.map(({ key, text }) => headOf(fromStored(key), text));
    return { items, next: last && `b${last.score} ${last.key}` };
  }

  return {
    async list({ prefix, after, limit }) {
      const begin = toStored(prefix);
      if (begin === "" || after?.startsWith("b") === true) return walk(placeOf(after), limit, begin);
      if (after?.startsWith("o") === false) throw notACursor(after);
      const range: Range = {
        owner: "",
        from: (nobody) => (after === undefined ? `[${nobody}${begin}` : `(${nobody}${after.slice(1)}`),
        till: (nobody) => `(${nobody}${begin}${ABOVE}`,
        whole: false,
      };
      const { items, next, hasOwners } = await owned(range, limit, headOf);
      return { items, next: next === undefined ? (hasOwners ? "b" : undefined) : `o${next}` };
    },

    async listByOwner(owner, { after, limit }) {
      const range: Range = {
        owner: toStored(owner),
        from: (begin) => (after === undefined ? `[${begin}` : `(${begin}${after}`),
        till: (begin) => `(${begin.slice(0, -1)}\u0001`,
        whole: true,
      };
      const { items, next } = await owned(range, limit, entryOf);
      // Under a key that Redis has reclaimed, another owner's entry can be.
      return { items: items.filter((entry) => entry.owner === owner), next };
    },
  };
}

/** A part of the owners' index: from which member to before which one, given what all of the owner's begin with. */
interface Range {
  /** As it is stored; empty for nobody. */
  readonly owner: string;
  readonly from: (begin: string) => string;
  readonly till: (begin: string) => string;
  /** Whether records are wanted, not heads only. */
  readonly whole: boolean;
}

interface Owned<T> extends Page<T> {
  /** Whether there are entries with an owner at all. */
  readonly hasOwners: boolean;
}

/** A place in the order of creation. */
interface Place {
  readonly score: number;
  readonly key: string;
}

interface Step {
  /** `undefined` for the end. */
  readonly cameTo: Place | undefined;
  readonly items: readonly (Place & { readonly text: string })[];
}

/** How many a shard is asked for: keys are spread evenly, so that it need not answer with a whole page of its own. */
function shareOf(limit: number, shards: number): number {
  return shards === 1 ? limit : Math.min(limit, Math.ceil(limit / shards) + 8);
}

/** The page that the answers of the shards make; each was asked for one more than its share. `next` is a stored key. */
function pageOf(found: readonly (readonly Pair[])[], share: number, limit: number): Page<Pair> {
  // What a shard kept back comes after its last item here, and so must everything of the next page.
  const bounds = found.flatMap((pairs) => (pairs.length > share ? [pairs[share - 1]![0]] : []));
  const bound = bounds.sort(compareStored)[0];
  const shown = found.flatMap((pairs) => pairs.slice(0, share)).sort(([a], [b]) => compareStored(a, b));
  const within = bound === undefined ? shown : shown.filter(([key]) => compareStored(key, bound) <= 0);
  const items = within.slice(0, limit);
  const isLast = bound === undefined && within.length <= limit;
  return { items, next: isLast ? undefined : items.at(-1)?.[0] };
}

function ownedOf(reply: unknown): { readonly owners: number; readonly pairs: readonly Pair[] } {
  const [owners, ...pairs] = reply as readonly [number, ...string[]];
  return { owners, pairs: pairsOf(pairs) };
}

function stepOf(reply: unknown): Step {
  const [score = "", key = "", ...rest] = reply as readonly string[];
  const items = Array.from({ length: rest.length / 3 }, (_, index) => {
    const [itsKey = "", itsScore = "", text = ""] = rest.slice(3 * index, 3 * index + 3);
    return { key: itsKey, score: Number(itsScore), text };
  });
  return { cameTo: key === "" ? undefined : { score: Number(score), key }, items };
}

function comparePlaces(a: Place, b: Place): number {
  return a.score - b.score || compareStored(a.key, b.key);
}

/** @throws TypeError if the cursor is none */
function placeOf(after: string | undefined): Place | undefined {
  if (after === undefined || after === "b") return undefined;
  const [, score, key] = /^b(-?\d{1,16}) (.+)$/su.exec(after) ?? [];
  if (score === undefined || key === undefined) throw notACursor(after);
  return { score: Number(score), key };
}

function notACursor(after: string): TypeError {
  return new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(after)}`);
}
