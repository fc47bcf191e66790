/**
 * The copies of entries that a process keeps, the most recently used ones; and the loads on their way.
 *
 * A load is overtaken when its key is dropped while it runs: by a change elsewhere, or by a write of this process. It
 * still answers those who wait for it, who all began before, but does not become a copy, and nobody joins it any more.
 * There are never more loads here than calls that wait.
 */
import { EntryTable } from "../../cache/entry-table.ts";
import type { Moment } from "../../time/moment.ts";
import { keepEntry, touchEntry } from "../kept-entry.ts";
import type { Entry, Touch } from "../store.ts";

/** An entry on its way from the store. */
export interface Load {
  readonly began: Moment;
  readonly reply: Promise<Entry | undefined>;
}

/** Longer values are not kept: the bound is a number of entries, and they should not be worth megabytes each. */
const MAX_KEPT_VALUE = 65_536;

export class Copies {
  readonly #max: number;
  #table: EntryTable<Entry>;
  readonly #loads: Map<string, Load> = new Map();

  constructor(max: number) {
    this.#max = max;
    this.#table = new EntryTable({ capacity: max });
  }

  /** The copy of an entry, live or not; it is the most recently used one from now on. */
  get(key: string): Entry | undefined {
    const slot = this.#table.find(key);
    if (slot === 0) return undefined;
    this.#table.promote(slot);
    return this.#table.value(slot);
  }

  /** The load of a key that was not overtaken. */
  loading(key: string): Load | undefined {
    return this.#loads.get(key);
  }

  /**
   * Waits for what the store was asked, which becomes the copy unless it is overtaken.
   *
   * @param began the moment before the store was asked
   */
  async load(key: string, began: Moment, reply: Promise<Entry | undefined>): Promise<Entry | undefined> {
    const load: Load = { began, reply };
    this.#loads.set(key, load);
    try {
      const entry = await reply;
      // Absence is not kept: the entry may be on its way.
      return entry === undefined || this.#loads.get(key) !== load ? entry : this.#keep(entry);
    } finally {
      if (this.#loads.get(key) === load) this.#loads.delete(key);
    }
  }

  /** The entry of this rev was touched: moves the instants of its copy forward. A copy of another rev is an older one. */
  touch(key: string, rev: string, to: Touch): void {
    this.#loads.delete(key);
    const slot = this.#table.find(key);
    if (slot === 0) return;
    const copy = this.#table.value(slot);
    if (copy.rev !== rev) {
      this.drop(key);
      return;
    }
    const touchedAt = Math.max(to.touchedAt, copy.touchedAt);
    const expiresAt = Math.max(to.expiresAt, copy.expiresAt);
    this.#table.replace(slot, touchEntry(copy, touchedAt, expiresAt));
  }

  /** Forgets an entry, and overtakes its load. */
  drop(key: string): void {
    this.#loads.delete(key);
    const slot = this.#table.find(key);
    if (slot !== 0) this.#table.remove(slot);
  }

  /** Forgets everything, and overtakes every load. */
  clear(): void {
    this.#loads.clear();
    this.#table = new EntryTable({ capacity: this.#max });
  }

  #keep(entry: Entry): Entry {
    const { key } = entry;
    if (entry.value.length > MAX_KEPT_VALUE) {
      this.drop(key);
      return entry;
    }
    const copy = keepEntry(entry);
    const table = this.#table;
    const hash = table.hash(key);
    const slot = table.find(key, hash);
    // No copy has a deadline here: whether one is live is judged with the instant of each call.
    if (slot !== 0) table.replace(slot, copy);
    else if (table.size < this.#max) table.insert(key, copy, Number.POSITIVE_INFINITY, 0, hash);
    else table.recycle(table.oldest(), key, copy, Number.POSITIVE_INFINITY, hash);
    return copy;
  }
}
