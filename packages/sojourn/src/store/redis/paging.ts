/** Listings over all shards, in the order of the keys' bytes. */
import type { Page } from "../store.ts";
import { pairsOf, type Pair } from "./replies.ts";
import { compareStored } from "./shards.ts";

/** How many items every shard is asked for, and how many the page may hold. */
export interface Shares {
  readonly share: number;
  readonly limit: number;
}

/** Keys are spread evenly, so that a shard need not answer with a whole page of its own. */
export function sharesOf(limit: number, shards: number): Shares {
  return { share: shards === 1 ? limit : Math.min(limit, Math.ceil(limit / shards) + 8), limit };
}

/** The page that the answers of the shards make; each was asked for one more than its share. `next` is a stored key. */
export function pageOf(replies: readonly unknown[], { share, limit }: Shares): Page<Pair> {
  const found = replies.map(pairsOf);
  // What a shard kept back comes after its last item here, and so must everything of the next page.
  const bounds = found.flatMap((pairs) => (pairs.length > share ? [pairs[share - 1]![0]] : []));
  const bound = bounds.sort(compareStored)[0];
  const shown = found.flatMap((pairs) => pairs.slice(0, share)).sort(([a], [b]) => compareStored(a, b));
  const within = bound === undefined ? shown : shown.filter(([key]) => compareStored(key, bound) <= 0);
  const items = within.slice(0, limit);
  const isLast = bound === undefined && within.length <= limit;
  return { items, next: isLast ? undefined : items.at(-1)?.[0] };
}
