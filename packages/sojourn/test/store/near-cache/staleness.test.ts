/**
 * Two nodes with near caches and a third without, over one store, and links that are held up, cut and mended at random.
 * The model remembers every state of every entry and when it ended. An answer may be a state that ended less than
 * `maxStale` ago, never one that the answering node itself has written over; and absence is never from a copy.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { holds } from "../../../src/testing/expect.ts";
import { manualClock, manualTimer } from "../../../src/testing/index.ts";
import type { HeldLink } from "./support/held-link.ts";
import { SharedStore } from "./support/shared-store.ts";

const MAX_STALE = 200;
/** Those with a near cache. */
const NODES = [0, 1] as const;
const KEYS = ["a", "b", "c"] as const;

interface State {
  /** What tells one state from another; `undefined` for no live entry. */
  readonly name: string | undefined;
  /** When it ended, by the time of the test; `Infinity` for the present one. */
  endedAt: number;
  /** The nodes that have written over it. */
  readonly writtenOverBy: Set<number>;
}

type Step =
  | { readonly do: "get"; readonly node: number; readonly key: string }
  | { readonly do: "put" | "touch" | "delete"; readonly node: number; readonly key: string }
  | { readonly do: "revoke"; readonly node: number }
  | { readonly do: "hold" | "release" | "cut" | "mend"; readonly node: number }
  | { readonly do: "sleep"; readonly by: number }
  | { readonly do: "pass"; readonly by: number };

const node = fc.nat({ max: 1 });
const writer = fc.nat({ max: 2 });
const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ do: fc.constant("get" as const), node, key }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("put", "touch", "delete"), node: writer, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke" as const), node: writer }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("hold", "release", "cut", "mend"), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sleep" as const), by: fc.constantFrom(100, 1_000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("pass" as const), by: fc.constantFrom(10, 40, 70, 120, 250) }) },
);

/** What a run has seen, so that it can be told whether it was about anything. */
interface Seen {
  copies: number;
  old: number;
  oldest: number;
}

class World {
  readonly #space = new SharedStore();
  readonly #timer = manualTimer();
  readonly #clock = manualClock();
  readonly #links: readonly HeldLink[];
  readonly #stores: readonly Store[];
  readonly #gets: readonly (() => number)[];
  readonly #states = new Map<string, State[]>(KEYS.map((key) => [key, [state(undefined)]]));
  readonly #seen: Seen;
  #revs = 0;

  constructor(seen: Seen) {
    this.#seen = seen;
    const nodes = [this.#space.node(), this.#space.node()];
    const parts = { timer: this.#timer, clock: this.#clock, maxStale: MAX_STALE, max: 2 };
    this.#links = nodes.map(({ link }) => link);
    this.#stores = [...nodes.map(({ store }) => nearCache(store, parts)), this.#space.itself];
    this.#gets = nodes.map(({ gets }) => gets);
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of [...steps, ...this.#finalReads()]) {
      await this.#take(each);
      // Everything that is not held up is done before the next step.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** With the links mended, and one proof later, everything is as it is. */
  #finalReads(): readonly Step[] {
    const mend = NODES.flatMap((node): Step[] => [
      { do: "mend", node },
      { do: "release", node },
    ]);
    const reads = NODES.flatMap((node) => KEYS.map((key): Step => ({ do: "get", node, key })));
    return [...mend, { do: "pass", by: MAX_STALE }, ...reads];
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case "get":
        return this.#get(step.node, step.key);
      case "pass":
        return this.#pass(step.by);
      case "sleep":
        this.#clock.advance(step.by);
        return;
      case "put":
      case "touch":
      case "delete":
      case "revoke":
        return this.#write(step);
      case "hold":
      case "release":
      case "cut":
      case "mend":
        this.#links[step.node]?.[step.do]();
        return;
      default:
    }
  }

  async #pass(by: number): Promise<void> {
    for (let left = by; left > 0; left -= 10) {
      const slice = Math.min(left, 10);
      this.#clock.advance(slice);
      this.#timer.advance(slice);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #write(step: Extract<Step, { do: "put" | "touch" | "delete" | "revoke" }>): Promise<void> {
    const store = this.#stores[step.node] as Store;
    const now = this.#clock.now();
    if (step.do === "revoke") await store.revokeOwner("ann");
    else if (step.do === "put") await store.put(this.#entry(step.key, now), "any", now);
    else if (step.do === "delete") await store.delete(step.key);
    else {
      const there = this.#space.itself.get(step.key, now);
      const to = { touchedAt: now, expiresAt: now + 3_000 };
      if (there !== undefined) await store.touch(step.key, there.rev, to, now);
    }
    this.#noteChanges(step.node);
  }

  #entry(key: string, now: number): Entry {
    const owner = this.#revs % 2 === 0 ? "ann" : null;
    const instants = { createdAt: now + 1, touchedAt: now, expiresAt: now + 2_000 };
    return { key, owner, rev: `${++this.#revs}`, meta: "", ...instants, value: "" };
  }

  /** By the elapsed time and the date, whichever is later: the machine may have slept. */
  #time(): number {
    return this.#clock.now();
  }

  #noteChanges(writer: number): void {
    for (const [key, states] of this.#states) {
      const name = nameOf(this.#space.itself.get(key, Number.MIN_SAFE_INTEGER));
      const last = states.at(-1) as State;
      if (last.name === name) continue;
      last.endedAt = this.#time();
      for (const old of states) old.writtenOverBy.add(writer);
      states.push(state(name));
    }
  }

  async #get(node: number, key: string): Promise<void> {
    const now = this.#clock.now();
    const before = this.#gets[node]?.();
    const found = await (this.#stores[node] as Store).get(key, now);
    const present = this.#space.itself.get(key, now);
    if (found === undefined) return holds(present === undefined, `An absence of ${key} that is not one`);
    const known = this.#states.get(key)?.findLast(({ name }) => name === nameOf(found)) as State;
    const age = this.#time() - known.endedAt;
    holds(age < MAX_STALE, `An answer that is out of date for ${age} ms`);
    holds(!known.writtenOverBy.has(node), "An answer that its node had written over");
    holds(now < found.expiresAt, "An answer that has expired");
    if (before === this.#gets[node]?.()) this.#seen.copies++;
    if (age >= 0) this.#seen.old++;
    this.#seen.oldest = Math.max(this.#seen.oldest, age);
  }
}

function state(name: string | undefined): State {
  return { name, endedAt: Number.POSITIVE_INFINITY, writtenOverBy: new Set() };
}

function nameOf(entry: Entry | undefined): string | undefined {
  return entry && `${entry.rev} until ${entry.expiresAt}`;
}

describe("two near caches over one store", () => {
  test("answer with what was there less than maxStale ago", async () => {
    const seen: Seen = { copies: 0, old: 0, oldest: 0 };
    const property = fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 100 }), async (steps) => {
      await new World(seen).run(steps);
    });
    await fc.assert(property, { numRuns: 1_000 });
    // Without these the property would say little.
    expect(seen.copies).toBeGreaterThan(1_000);
    expect(seen.old).toBeGreaterThan(50);
    expect(seen.oldest).toBeGreaterThan(MAX_STALE / 2);
  });
});
