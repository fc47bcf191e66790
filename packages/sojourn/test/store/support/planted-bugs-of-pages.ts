/** Mistakes against rule 11. */
import type { Head, Page } from "../../../src/store/store.ts";
import { bug, type PlantedBug } from "./planted-bug.ts";

/** Pages by the number of what was there before: what is deleted between two pages shifts them. */
function pageByOffset<T>(all: readonly T[], after: string | undefined, limit: number): Page<T> {
  const from = Number(after ?? 0);
  const next = from + limit < all.length ? String(from + limit) : undefined;
  return { items: all.slice(from, from + limit), next };
}

/** The order of writes. */
function orderOf({ rev }: Head): string {
  return `${rev.length}`.padStart(3, "0") + rev;
}

export const bugsOfPages: readonly PlantedBug[] = [
  bug(11, "a page holds more than its limit", ({ store }) => ({
    list: (page, now) => store.list({ ...page, limit: page.limit + 1 }, now),
  })),
  bug(11, "a listing ends after its first page", ({ store }) => ({
    list: (page, now) => ({ ...store.list(page, now), next: undefined }),
  })),
  bug(11, "a listing never ends", ({ store }) => ({
    list: (page, now) => ({ ...store.list(page, now), next: page.after ?? "k" }),
  })),
  bug(11, "pages are numbered, and shift", ({ store }) => ({
    list: ({ prefix, after, limit }, now) =>
      pageByOffset(store.list({ prefix, limit: 1_000 }, now).items, after, limit),
  })),
  bug(11, "an owner's pages are numbered, and shift", ({ store }) => ({
    listByOwner: (owner, { after, limit }, now) =>
      pageByOffset(store.listByOwner(owner, { limit: 1_000 }, now).items, after, limit),
  })),
  bug(11, "an owner's listing ends after its first page", ({ store }) => ({
    listByOwner: (owner, page, now) => ({ ...store.listByOwner(owner, page, now), next: undefined }),
  })),
  bug(11, "a prefix is a pattern", ({ store }) => ({
    list({ prefix = "", after, limit }, now) {
      const source = prefix
        .replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")
        .replaceAll("%", ".*")
        .replaceAll("_", ".");
      const all = store.list({ limit: 1_000 }, now).items.filter(({ key }) => new RegExp(`^${source}`, "su").test(key));
      return pageByOffset(all, after, limit);
    },
  })),
  bug(11, "a prefix takes no notice of case", ({ store }) => ({
    list({ prefix = "", after, limit }, now) {
      const all = store.list({ limit: 1_000 }, now).items;
      return pageByOffset(
        all.filter(({ key }) => key.toLowerCase().startsWith(prefix.toLowerCase())),
        after,
        limit,
      );
    },
  })),
  bug(11, "a prefix ends at U+FFFF", ({ store }) => ({
    list({ prefix = "", after, limit }, now) {
      const all = store.list({ prefix, limit: 1_000 }, now).items;
      return pageByOffset(
        all.filter(({ key }) => key < `${prefix}\uFFFF`),
        after,
        limit,
      );
    },
  })),
  bug(11, "expired entries take places in a page", ({ store, space }) => ({
    list({ prefix = "", after = "", limit }, now) {
      const all = [...space.entries].filter(({ key }) => key > after && key.startsWith(prefix));
      const places = all.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
      const items = places.filter((entry) => now < entry.expiresAt);
      return { items, next: items.length < limit ? undefined : store.list({ prefix, after, limit }, now).next };
    },
  })),
  bug(11, "a change moves an entry to the end of the listing", ({ space }) => ({
    list({ prefix = "", after = "", limit }, now) {
      const live = space.entries.filter((entry) => now < entry.expiresAt && entry.key.startsWith(prefix));
      const rest = live.filter((entry) => orderOf(entry) > after).sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
      const last = rest[limit - 1];
      return { items: rest.slice(0, limit), next: rest.length > limit && last ? orderOf(last) : undefined };
    },
  })),
];
