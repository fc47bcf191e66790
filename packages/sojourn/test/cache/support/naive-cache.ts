/** The reference: what a cache must do, in the most obvious way, over one array from least to most recently used. */
import type { CacheOptions, SetOptions } from "../../../src/cache/index.ts";

interface NaiveEntry {
  readonly key: string;
  value: unknown;
  weight: number;
  /** Can still be read at this instant. */
  lastAt: number;
  /** Which write made it: of two that end together, the one written first is reclaimed first. */
  written: number;
}

export class NaiveCache {
  entries: NaiveEntry[] = [];
  log: string[] = [];
  stats = { hits: 0, misses: 0, evictions: 0, expirations: 0 };
  readonly #options: CacheOptions;
  readonly #now: () => number;
  #writes = 0;

  constructor(options: CacheOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  #live(key: string): NaiveEntry | undefined {
    return this.entries.find((entry) => entry.key === key && entry.lastAt >= this.#now());
  }

  #dead(): NaiveEntry[] {
    const dead = this.entries.filter((entry) => entry.lastAt < this.#now());
    return dead.sort((a, b) => a.lastAt - b.lastAt || a.written - b.written);
  }

  #remove(entry: NaiveEntry, hook: string, detail: object): void {
    this.entries.splice(this.entries.indexOf(entry), 1);
    if (hook === "onExpire") this.stats.expirations++;
    if (hook === "onEvict") this.stats.evictions++;
    this.log.push(`${hook} ${JSON.stringify({ key: entry.key, value: entry.value, ...detail })}`);
  }

  get(key: string): unknown {
    const entry = this.#live(key);
    if (entry === undefined) {
      const expired = this.entries.find((other) => other.key === key);
      if (expired !== undefined) this.#remove(expired, "onExpire", { source: "get" });
      this.stats.misses++;
      this.log.push(`onMiss ${JSON.stringify({ key, reason: expired === undefined ? "not_found" : "expired" })}`);
      return undefined;
    }
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.entries.push(entry);
    this.stats.hits++;
    this.log.push(`onHit ${JSON.stringify({ key, value: entry.value })}`);
    return entry.value;
  }

  peek(key: string): unknown {
    return this.#live(key)?.value;
  }

  has(key: string): boolean {
    if (this.#live(key) !== undefined) return true;
    const expired = this.entries.find((entry) => entry.key === key);
    if (expired !== undefined) this.#remove(expired, "onExpire", { source: "has" });
    return false;
  }

  getRemainingTtl(key: string): number | undefined {
    const entry = this.#live(key);
    return entry && entry.lastAt - this.#now();
  }

  set(key: string, value: unknown, options: SetOptions = {}): void {
    const { maxSize = 100, maxWeight = 0, sizeCalculation } = this.#options;
    const ttl = Number(options.ttl ?? this.#options.ttl);
    const weight = maxWeight > 0 ? sizeCalculation!(value, key) : 0;
    const before = this.entries.find((entry) => entry.key === key);
    const isUpdate = this.#live(key) !== undefined;
    if (before !== undefined && !isUpdate) this.#remove(before, "onExpire", { source: "prune" });
    if (maxWeight > 0 && weight > maxWeight) {
      if (isUpdate) this.#remove(before!, "onEvict", {});
      return;
    }
    const others = (): NaiveEntry[] => this.entries.filter((entry) => entry.key !== key);
    const isOver = (): boolean =>
      (maxSize > 0 && others().length + 1 > maxSize) ||
      (maxWeight > 0 && others().reduce((sum, entry) => sum + entry.weight, weight) > maxWeight);
    const room = isOver() ? 64 : maxSize === 0 && maxWeight === 0 && !isUpdate ? 2 : 0;
    for (const dead of this.#dead().slice(0, room)) this.#remove(dead, "onExpire", { source: "prune" });
    while (isOver()) {
      const dead = this.#dead()[0];
      if (dead === undefined) this.#remove(others()[0]!, "onEvict", {});
      else this.#remove(dead, "onExpire", { source: "prune" });
    }
    this.entries = others();
    const lastAt = ttl === 0 ? Infinity : this.#now() + ttl;
    // Writing an entry again without changing its end does not make it the later one.
    const written = isUpdate && before!.lastAt === lastAt ? before!.written : ++this.#writes;
    this.entries.push({ key, value, weight, lastAt, written });
    this.log.push(`onSet ${JSON.stringify({ key, value, isUpdate })}`);
  }

  delete(key: string, source = "delete"): boolean {
    const isLive = this.#live(key) !== undefined;
    const entry = this.entries.find((other) => other.key === key);
    if (entry === undefined) return false;
    if (isLive) this.#remove(entry, "onDelete", { source });
    else this.#remove(entry, "onExpire", { source: "prune" });
    return isLive;
  }

  deleteByPrefix(prefix: string): number {
    const keys = this.entries.map((entry) => entry.key).filter((key) => key.startsWith(prefix));
    return keys.filter((key) => this.delete(key, "deleteByPrefix")).length;
  }

  deleteByMagicString(pattern: string): number {
    const literal = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    const shape = new RegExp(`^${literal.join("[^]*")}$`);
    const keys = this.entries.map((entry) => entry.key).filter((key) => shape.test(key));
    return keys.filter((key) => this.delete(key, "deleteByMagicString")).length;
  }

  clear(): void {
    this.prune();
    for (const entry of this.entries.slice()) this.#remove(entry, "onDelete", { source: "clear" });
  }

  prune(limit = Infinity): number {
    const dead = this.#dead().slice(0, limit);
    for (const entry of dead) this.#remove(entry, "onExpire", { source: "prune" });
    return dead.length;
  }

  list(): [string, unknown][] {
    this.prune();
    return this.entries.map(({ key, value }) => [key, value]);
  }

  weight(): number {
    return this.entries.reduce((sum, entry) => sum + entry.weight, 0);
  }
}
