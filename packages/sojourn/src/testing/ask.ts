/** Calls with their usual expectations, so that a case says only what it is about. */
import type { Entry, Expected, Head, KeyValue, Page, Put, Store } from "../store/store.ts";
import { equal, holds } from "./expect.ts";

/** The head of an entry, and nothing else of it. */
export function headOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Head): Head {
  return { key, owner, rev, meta, createdAt, touchedAt, expiresAt };
}

/** Puts an entry, which must be stored, and returns what went on the way. */
export async function stored(
  store: KeyValue,
  entry: Entry,
  now: number,
  expected: Expected = null,
): Promise<readonly Head[]> {
  const put = await store.put(entry, expected, now);
  if (put.outcome !== "stored") equal(put, { outcome: "stored" }, `the put of ${entry.key}`);
  return put.outcome === "stored" ? put.removed : [];
}

/** Expects this entry, in all its parts. */
export function sameEntry(actual: Entry | undefined, expected: Entry | undefined, what: string): void {
  equal(partsOf(actual), partsOf(expected), what);
}

/** Without a memo: what that holds is the caller's. */
function partsOf(entry: Entry | undefined): unknown {
  return entry && { ...headOf(entry), value: entry.value };
}

/** Expects exactly these heads, in any order. */
export function sameHeads(actual: readonly Head[], expected: readonly Head[], what: string): void {
  holds(Array.isArray(actual), `${what}: expected an array`);
  equal(sorted(actual), sorted(expected), what);
}

function sorted(heads: readonly Head[]): Head[] {
  return heads.map(headOf).sort((a, b) => compare(`${a.key} ${a.rev}`, `${b.key} ${b.rev}`));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Expects exactly this entry under its key, at an instant. */
export async function isThere(store: KeyValue, entry: Entry, now: number, what: string): Promise<void> {
  sameEntry(await store.get(entry.key, now), entry, what);
}

/** Expects no live entry under a key. */
export async function isAbsent(store: KeyValue, key: string, now: number, what: string): Promise<void> {
  sameEntry(await store.get(key, now), undefined, what);
}

/** Expects a conflict with this entry. */
export function isConflict(put: Put, current: Entry | undefined, what: string): void {
  equal(put.outcome, "conflict", what);
  if (put.outcome === "conflict") sameEntry(put.current, current, `${what}, what is there`);
}

/** No listing of the kit needs more pages. */
const MOST_PAGES = 2_000;

/** All items of a listing, page by page; `between` runs after each page. */
export async function everyPage<T>(
  page: (after: string | undefined) => Page<T> | Promise<Page<T>>,
  limit: number,
  between: (page: number) => Promise<void> = async () => {},
): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  for (let count = 0; count < MOST_PAGES; count++) {
    const { items: found, next } = await page(after);
    holds(found.length <= limit, `a page of at most ${limit} holds ${found.length}`);
    items.push(...found);
    if (next === undefined) return items;
    equal(typeof next, "string", "the type of `next`");
    after = next;
    await between(count);
  }
  throw new Error(`a listing did not end after ${MOST_PAGES} pages`);
}

/** The heads of all live entries. */
export async function listAll(store: KeyValue, now: number, options: ListOptions = {}): Promise<Head[]> {
  const { limit = 100, prefix, between } = options;
  return everyPage((after) => store.list({ prefix, after, limit }, now), limit, between);
}

interface ListOptions {
  readonly limit?: number;
  readonly prefix?: string;
  readonly between?: (page: number) => Promise<void>;
}

/** The live entries of an owner. */
export async function listOwned(store: Store, owner: string, now: number, options: ListOptions = {}): Promise<Entry[]> {
  const { limit = 100, between } = options;
  return everyPage((after) => store.listByOwner(owner, { after, limit }, now), limit, between);
}

/** The keys of heads, sorted. */
export function keysOf(heads: readonly Head[]): string[] {
  return heads.map(({ key }) => key).sort(compare);
}

/** Sweeps until nothing is left to sweep. */
export async function sweepAll(store: Store, now: number, limit = 100): Promise<Head[]> {
  const heads: Head[] = [];
  for (let slice = 0; slice < MOST_PAGES; slice++) {
    const swept = await store.sweep(now, limit);
    holds(swept.length <= limit, `a sweep of at most ${limit} removed ${swept.length}`);
    if (swept.length === 0) return heads;
    heads.push(...swept);
  }
  throw new Error(`sweeping did not end after ${MOST_PAGES} slices`);
}
