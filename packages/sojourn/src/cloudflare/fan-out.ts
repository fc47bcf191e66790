/** Which shard a key belongs to, and calls that every shard has a part in. */
import { show } from "../show.ts";
import type { Page, PageOptions } from "../store/store.ts";

/**
 * Which of so many shards a key belongs to: FNV-1a over its UTF-16 units, and a last mixing, since keys that differ
 * only in their last letters would differ only in a few bits. What is stored depends on it: it must never change.
 */
export function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}

/**
 * The answers of all shards, in their order. A call that fails in one of them is over in the others when this rejects,
 * so that it can be repeated.
 */
export async function everyShard<T>(shards: number, ask: (shard: number) => Promise<T>): Promise<T[]> {
  const answers = await Promise.allSettled(Array.from({ length: shards }, async (_, shard) => ask(shard)));
  return answers.map((answer) => {
    if (answer.status === "rejected") throw answer.reason;
    return answer.value;
  });
}

/** How many of the `limit` expired entries that expired first are in each shard. */
export async function shares(
  shards: number,
  limit: number,
  expired: (shard: number) => Promise<readonly number[]>,
): Promise<readonly number[]> {
  if (shards === 1) return [limit];
  const found = await everyShard(shards, expired);
  const first = found
    .flatMap((instants, shard) => instants.map((at) => ({ at, shard })))
    .sort((a, b) => a.at - b.at)
    .slice(0, limit);
  return found.map((_, shard) => first.filter((each) => each.shard === shard).length);
}

/** Which page of how many shards. */
export interface ShardPages extends PageOptions {
  readonly shards: number;
}

type PageOf<T> = (shard: number, page: PageOptions) => Promise<Page<T>>;

/**
 * A page of a listing that goes through the shards one after the other: as a rule it asks one of them. An entry never
 * changes its shard, so that what each of them lists once is listed once.
 *
 * @throws TypeError if `after` is not a cursor
 */
export async function pageInTurn<T>({ shards, after, limit }: ShardPages, pageOf: PageOf<T>): Promise<Page<T>> {
  const items: T[] = [];
  let place = placeOf(after, shards);
  for (;;) {
    const page = await pageOf(place.shard, { after: place.inner, limit: limit - items.length });
    items.push(...page.items);
    if (page.next === undefined && place.shard === shards - 1) return { items, next: undefined };
    place = page.next === undefined ? { shard: place.shard + 1, inner: undefined } : { ...place, inner: page.next };
    // A page that is not full though there are more has read its part of entries that had expired.
    if (items.length === limit || page.next !== undefined) return { items, next: cursorOf(place) };
  }
}

/**
 * A page of a listing for which all shards are asked at once: most owners have a few entries, all on the first page.
 * Of the shards' pages it takes as many whole ones, in order, as it has room for.
 *
 * @throws TypeError if `after` is not a cursor
 */
export async function pageAtOnce<T>({ shards, after, limit }: ShardPages, pageOf: PageOf<T>): Promise<Page<T>> {
  const { shard: first, inner } = placeOf(after, shards);
  const pages = await everyShard(shards - first, async (ahead) =>
    pageOf(first + ahead, { after: ahead === 0 ? inner : undefined, limit }),
  );
  const items: T[] = [];
  for (const [ahead, page] of pages.entries()) {
    const shard = first + ahead;
    if (items.length + page.items.length > limit) return { items, next: cursorOf({ shard, inner: undefined }) };
    items.push(...page.items);
    if (page.next !== undefined) return { items, next: cursorOf({ shard, inner: page.next }) };
  }
  return { items, next: undefined };
}

/** Where a listing goes on: in which shard, and after what in it. */
interface Place {
  readonly shard: number;
  readonly inner: string | undefined;
}

const CURSOR = /^(\d{1,3})(?:\.(.+))?$/s;

function placeOf(after: string | undefined, shards: number): Place {
  if (after === undefined) return { shard: 0, inner: undefined };
  const [, shard, inner] = CURSOR.exec(after) ?? [];
  if (shard !== undefined && Number(shard) < shards) return { shard: Number(shard), inner };
  throw new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(after)}`);
}

function cursorOf({ shard, inner }: Place): string {
  return inner === undefined ? String(shard) : `${shard}.${inner}`;
}
