/** A near cache for tests: its link, its clocks and its store are moved by hand. */
import { nearCache, type NearCacheOptions } from "../../../../src/store/near-cache/near-cache.ts";
import type { Entry, Store } from "../../../../src/store/store.ts";
import { faultyStore, type Fault } from "../../../../src/testing/faulty-store.ts";
import { manualClock, manualTimer, type ManualClock, type ManualTimer } from "../../../../src/testing/index.ts";
import type { HeldLink } from "./held-link.ts";
import { SharedStore } from "./shared-store.ts";

export const now: number = Date.UTC(2030, 0, 1);

/** An entry that lives for a minute. */
export function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: "ann", rev: `rev of ${key}`, meta: "", ...instants, value: `value of ${key}`, ...parts };
}

export interface Bench {
  readonly near: Store<"async">;
  /** The store that all share, past every cache. */
  readonly shared: Store<"sync">;
  readonly link: HeldLink;
  readonly timer: ManualTimer;
  readonly clock: ManualClock;
  gets(): number;
  /** Lets time pass by both clocks, in steps in which a heartbeat can be answered. */
  pass(milliseconds: number): Promise<void>;
  /** Whether a get of this key is answered from the copy. */
  isCopy(key: string): Promise<boolean>;
}

/** A near cache whose heart beats and whose link is proven. */
export async function bench(options: NearCacheOptions = {}, faults: readonly Fault[] = []): Promise<Bench> {
  const space = new SharedStore();
  const { store, link, gets } = space.node();
  const timer = manualTimer();
  const clock = manualClock(now);
  const near = nearCache(faultyStore(store, faults), { timer, clock, ...options });
  const pass = async (milliseconds: number): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= 10) {
      timer.advance(Math.min(left, 10));
      clock.advance(Math.min(left, 10));
      await turns();
    }
  };
  const isCopy = async (key: string): Promise<boolean> => {
    const before = gets();
    await near.get(key, now);
    return gets() === before;
  };
  await near.get("warm", now);
  await turns();
  return { near, shared: space.itself, link, timer, clock, gets, pass, isCopy };
}

/** Enough turns of the microtask queue for what is on its way. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
