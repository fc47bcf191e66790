/** Calls at once through two clients on one server are one after the other to everybody who sees them. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Put } from "../../../src/store/store.ts";
import { callers, entry, increment, now } from "../support/callers.ts";
import { history, type History } from "../support/history.ts";
import { inTurn } from "../support/in-turn.ts";
import { isLinearizable } from "../support/linearizable.ts";
import { postgresStores } from "../support/stores.ts";

async function seeded(seen: History): Promise<void> {
  for (const key of ["a", "b"]) {
    await seen.make({ call: "put", entry: entry(key, `s-${key}`), expected: null, now });
  }
}

describe.each(postgresStores)("calls at once: Postgres, $name", ({ place, modelRuns }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());
  let opened = 0;

  async function race(works: readonly ((seen: History, id: number) => Promise<void>)[]): Promise<History> {
    const namespace = `race-${++opened}`;
    const stores = [await open({ namespace }), await open({ namespace })];
    const seen = history(inTurn(stores));
    await seeded(seen);
    await Promise.all(works.map(async (work, id) => work(seen, id)));
    for (const store of stores) await store.close();
    return seen;
  }

  test("are one after the other to everybody who sees them", async () => {
    const property = fc.asyncProperty(callers, async (all) => {
      const seen = await race(all.map(({ work }) => work));
      expect(isLinearizable(seen.calls, { exactOrder: false })).toBe(true);
    });
    await fc.assert(property, { numRuns: 2 * modelRuns });
  });

  test("lose no update, and revive nothing after a delete", async () => {
    const writers = Array.from({ length: 8 }, () => async (seen: History, id: number) => {
      await increment(seen, "a", id);
      await increment(seen, "b", id);
    });
    let left: unknown;
    const seen = await race([
      ...writers,
      async (seen) => {
        await seen.make({ call: "delete", key: "b" });
        left = await seen.make({ call: "get", key: "b", now });
      },
    ]);
    expect(left).toBeUndefined();
    const values = seen.calls.flatMap(({ operation, answer }) =>
      operation.call === "put" && operation.entry.key === "a" && (answer as Put).outcome === "stored"
        ? [operation.entry.value]
        : [],
    );
    expect(values).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
  });
});
