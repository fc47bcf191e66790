/** Two near caches under every order in which reads, writes, words of changes, proofs and time can come. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { holds } from "../../../src/testing/expect.ts";
import { manualClock, manualTimer } from "../../../src/testing/index.ts";
import { SharedStore, type SharedNode } from "./support/shared-store.ts";

const now = Date.UTC(2030, 0, 1);
const entry = (rev: string): Entry => {
  return { key: "k", owner: "ann", rev, meta: "", createdAt: now, touchedAt: now, expiresAt: now + 60_000, value: "" };
};

const writes: Readonly<Record<string, (store: Store<"async">) => Promise<unknown>>> = {
  "a delete": async (store) => store.delete("k"),
  "a revocation": async (store) => store.revokeOwner("ann"),
  "a change": async (store) => store.put(entry("new"), "old", now),
  "a replacement": async (store) => store.put({ ...entry("new"), owner: null }, "any", now),
  "a touch": async (store) => store.touch("k", "old", { touchedAt: now + 1, expiresAt: now + 90_000 }, now),
};

interface Node extends SharedNode {
  readonly near: Store<"async">;
}

class Race {
  readonly #s: fc.Scheduler;
  readonly #timer = manualTimer();
  readonly #clock = manualClock();
  readonly space = new SharedStore();
  readonly nodes: readonly [Node, Node];
  /** Nodes that must not answer with what was there before the write. */
  readonly #bound = new Set<Node>();
  #isOver = false;
  copies = 0;

  constructor(s: fc.Scheduler) {
    this.#s = s;
    const node = (name: string): Node => {
      const made = this.space.node({ pause: async (point) => s.schedule(Promise.resolve(), `${name} ${point}`) });
      made.link.pause = async () => s.schedule(Promise.resolve(), `word to ${name}`);
      const near = nearCache(made.store, { timer: this.#timer, clock: this.#clock, maxStale: 200 });
      return { ...made, near };
    };
    this.nodes = [node("A"), node("B")];
  }

  async run(...works: readonly Promise<unknown>[]): Promise<void> {
    const done = Promise.all(works).finally(() => (this.#isOver = true));
    await this.#s.waitFor(Promise.all([done, this.#letTimePass()]));
  }

  /** Reads on a node, over and over, and judges each answer by what was known when its call began. */
  async read(node: Node): Promise<void> {
    while (!this.#isOver) {
      const isBound = this.#bound.has(node);
      const gets = node.gets();
      const found = await node.near.get("k", now);
      if (node.gets() === gets) this.copies++;
      const isOld = found?.rev === "old" && found.expiresAt === now + 60_000;
      holds(!(isBound && isOld), "An answer from before the write");
      await this.#s.schedule(Promise.resolve(), "between reads");
    }
  }

  async write(node: Node, make: (store: Store<"async">) => Promise<unknown>): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await this.#s.schedule(Promise.resolve(), "before the write");
    await make(node.near);
    this.#bound.add(node);
    await node.near.propagated?.();
    for (const each of this.nodes) this.#bound.add(each);
    for (let turn = 0; turn < 5; turn++) await this.#s.schedule(Promise.resolve(), "after the write");
  }

  async disturb({ link }: Node): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await this.#s.schedule(Promise.resolve(), "before the cut");
    link.cut();
    // Long enough for the write to propagate meanwhile, or not.
    for (let turn = 0; turn < 50; turn++) await this.#s.schedule(Promise.resolve(), "before the mend");
    link.mend();
  }

  async #letTimePass(): Promise<void> {
    while (!this.#isOver) {
      await this.#s.schedule(Promise.resolve(), "time");
      this.#clock.advance(5);
      this.#timer.advance(5);
    }
  }
}

describe.each(Object.entries(writes))("%s", (_, make) => {
  test.each([
    ["", false],
    [", while a link breaks and comes back", true],
  ])("is seen by its own process at once, and by all when it has propagated%s", async (_, breaks) => {
    let copies = 0;
    const property = fc.asyncProperty(fc.scheduler(), async (s) => {
      const race = new Race(s);
      race.space.itself.put(entry("old"), null, now);
      const [a, b] = race.nodes;
      const readers = [race.read(a), race.read(b), race.read(b)];
      // The readers end when the write has.
      const work = [race.write(a, make), ...(breaks ? [race.disturb(a), race.disturb(b)] : [])];
      await race.run(...work);
      await s.waitFor(Promise.all(readers));
      copies += race.copies;
      expect(a.link.mostOpen).toBeLessThanOrEqual(1);
    });
    await fc.assert(property, { numRuns: 100 });
    expect(copies).toBeGreaterThan(100);
  });
});
