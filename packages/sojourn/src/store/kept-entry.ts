/** Entries as a process keeps them in memory: rule 13, nothing is shared, without a copy for each reader. */
import type { Entry, Head } from "./store.ts";

/** An entry as it is kept: a copy that cannot be changed, with room for what the caller makes of it. */
export function keepEntry(entry: Entry): Entry {
  const { value } = entry;
  return Object.freeze({ ...headOf(entry), value: typeof value === "string" ? value : value.slice(), memo: {} });
}

/** A kept entry with other instants. Its memo starts empty: what it held was made of the instants before. */
export function touchEntry(kept: Entry, touchedAt: number, expiresAt: number): Entry {
  return Object.freeze({ ...kept, touchedAt, expiresAt, memo: {} });
}

/** A kept entry as it is given away: bytes can be changed, so they are copied. */
export function giveEntry(kept: Entry): Entry {
  return typeof kept.value === "string" ? kept : { ...kept, value: kept.value.slice() };
}

/** The head of an entry. */
export function headOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Head): Head {
  return Object.freeze({ key, owner, rev, meta, createdAt, touchedAt, expiresAt });
}
