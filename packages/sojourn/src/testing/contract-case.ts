/** What a case of the contract is, and the stage on which it plays. */
import type { Entry, KeyValue, Store } from "../store/store.ts";

/** Opens a store for a case. */
export type OpenStore<S extends KeyValue = Store> = (options: OpenOptions) => S | Promise<S>;

/** Which store a case wants. */
export interface OpenOptions {
  /**
   * The namespace to open: lower-case letters, digits and `-`, new for every run of a case. Opened again, by a case
   * that needs `"two stores"`, it is a second store on the same entries. A store without namespaces can ignore it.
   */
  readonly namespace: string;
}

interface Case {
  /** What the store must do, as a sentence. */
  readonly name: string;
  /** The rule of the store contract, 1 to 17; 0 for what no rule numbers: the mode and the guarantees. */
  readonly rule: number;
}

/** A case for every `KeyValue`, and so for every `Store`. */
export interface KeyValueCase extends Case {
  readonly needs: "keyvalue";
  /** Opens what it needs, plays, closes what it opened. Rejects with an `Error` that names the rule. */
  readonly run: (open: OpenStore<KeyValue>) => Promise<void>;
}

/** A case for every `Store`; `"two stores"` if it opens a namespace twice, which not every store can. */
export interface StoreCase extends Case {
  readonly needs: "store" | "two stores";
  /** Opens what it needs, plays, closes what it opened. Rejects with an `Error` that names the rule. */
  readonly run: (open: OpenStore) => Promise<void>;
}

/** One case of the store contract. */
export type ContractCase = KeyValueCase | StoreCase;

/** What a case plays with. */
export interface Scene<S extends KeyValue> {
  /** The store under test, empty. */
  readonly store: S;
  /** An instant a day ahead of the real clock, so that native expiry in a store does not interfere. */
  readonly now: number;
  /** Opens one more store, on this namespace; by default on that of `store`. */
  open(name?: string): Promise<S>;
  /** An entry with a rev of its own that lives for a minute. */
  entry(key: string, parts?: Partial<Entry>): Entry;
}

export const SECOND = 1_000;
export const MINUTE: number = 60 * SECOND;
export const HOUR: number = 60 * MINUTE;
const DAY = 24 * HOUR;

export function keyValueCase(
  rule: number,
  name: string,
  play: (scene: Scene<KeyValue>) => Promise<void>,
): KeyValueCase {
  return { name, rule, needs: "keyvalue", run: async (open) => stage({ rule, name, play, open }) };
}

export function storeCase(rule: number, name: string, play: (scene: Scene<Store>) => Promise<void>): StoreCase {
  return { name, rule, needs: "store", run: async (open) => stage({ rule, name, play, open }) };
}

export function twoStoresCase(rule: number, name: string, play: (scene: Scene<Store>) => Promise<void>): StoreCase {
  return { name, rule, needs: "two stores", run: async (open) => stage({ rule, name, play, open }) };
}

interface Play<S extends KeyValue> extends Case {
  readonly play: (scene: Scene<S>) => Promise<void>;
  readonly open: OpenStore<S>;
}

async function stage<S extends KeyValue>({ rule, name, play, open }: Play<S>): Promise<void> {
  const opened: S[] = [];
  // A server keeps what an earlier run left, so the names of two runs must not meet.
  const run = Math.random().toString(36).slice(2);
  const openStore = async (name = "a"): Promise<S> => {
    const store = await open({ namespace: `t${run}-${name}` });
    opened.push(store);
    return store;
  };
  const now = Date.now() + DAY;
  let revs = 0;
  const entry = (key: string, parts: Partial<Entry> = {}): Entry => {
    const instants = { createdAt: now, touchedAt: now, expiresAt: now + MINUTE };
    return { key, owner: null, rev: `rev-${++revs}`, meta: "", ...instants, value: `value of ${key}`, ...parts };
  };
  try {
    await play({ store: await openStore(), now, open: openStore, entry });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Rule ${rule}, "${name}": ${reason}`, { cause: error });
  } finally {
    for (const store of opened) await closeQuietly(store);
  }
}

/** A case may have closed the store itself, and what it found must not be hidden by a close that fails. */
async function closeQuietly(store: KeyValue): Promise<void> {
  try {
    await store.close();
  } catch {
    // Nothing to do: the case is over.
  }
}
