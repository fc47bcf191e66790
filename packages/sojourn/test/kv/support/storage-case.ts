/** What a case of the storage suite is. There is no test runner in it: it also runs inside workerd. */
import { storage } from "../../../src/kv/index.ts";
import type { KvOptions, KvStorage } from "../../../src/kv/index.ts";
import type { KeyValue } from "../../../src/store/store.ts";
import { manualClock, type ManualClock } from "../../../src/testing/index.ts";

export interface StorageCase {
  readonly name: string;
  /** Plays on a store, which may hold what other cases left. Rejects with what was expected. */
  readonly run: (store: KeyValue) => Promise<void>;
}

/** What a case plays with. */
export interface Scene {
  /** A storage that nobody has used, whose keys live for a day. */
  readonly kv: KvStorage;
  readonly clock: ManualClock;
  /** Another storage on the same store; by default a new one. */
  open(options?: Partial<KvOptions>): KvStorage;
}

export const DAY_SECONDS = 86_400;
const DAY = DAY_SECONDS * 1_000;

export function storageCase(name: string, play: (scene: Scene) => Promise<void>): StorageCase {
  return {
    name,
    async run(store) {
      // Ahead of the machine's, so that a store which reclaims by that one does not interfere.
      const clock = manualClock(Date.now() + DAY);
      const open = (options: Partial<KvOptions> = {}): KvStorage =>
        storage.kv({ name: `t${crypto.randomUUID()}`, ttlSeconds: DAY_SECONDS, store, clock, ...options });
      await play({ kv: open(), clock, open });
    },
  };
}

/** All keys of a listing, page by page, in no order. */
export async function allKeys(kv: KvStorage, prefix = "", limit = 1_000): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<KvStorage["list"]>> = await kv.list({ prefix, limit, cursor });
    if (page.keys.length > limit) throw new Error(`A page of at most ${limit} holds ${page.keys.length}`);
    names.push(...page.keys.map(({ name }) => name));
    cursor = page.cursor;
  } while (cursor !== null);
  return names.sort();
}
