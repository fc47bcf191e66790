import { isCacheable, recentMap } from "../store/recent-map.ts";
import type { Entry } from "../store/store.ts";
import type { KnownState } from "./shard-wire.ts";

/** Entries that were read before. A shard is asked at each read whether one is still in that state. */
export interface KnownEntries {
  /** @param ask asks the shard, and says which state is known */
  read(
    key: string,
    ask: (state: KnownState | undefined) => Promise<Entry | "known" | undefined>,
  ): Promise<Entry | undefined>;
  forget(): void;
}

/** @param max how many are kept at most; 0 for none */
export function knownEntries(max: number): KnownEntries {
  const entries = recentMap<Entry>(max);
  return {
    async read(key, ask) {
      const known = entries.get(key);
      const found = await ask(known && [known.rev, known.touchedAt, known.expiresAt]);
      if (found === "known") return known;
      if (found === undefined || max === 0 || !isCacheable(found)) {
        if (known !== undefined) entries.delete(key);
        return found;
      }
      const entry = Object.freeze({ ...found, memo: {} });
      entries.set(key, entry);
      return entry;
    },
    forget: () => entries.clear(),
  };
}
