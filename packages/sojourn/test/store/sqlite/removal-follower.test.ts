import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { StoreError } from "../../../src/errors.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { removalFollower } from "../../../src/store/sqlite/removal-follower.ts";
import { removalSource } from "../../../src/store/sqlite/removal-log.ts";
import { openNamespace } from "../../../src/store/sqlite/schema.ts";
import { databasePort } from "../../../src/store/sqlite/sql-port.ts";
import type { Removed, Store } from "../../../src/store/store.ts";
import { manualTimer } from "../../../src/time/manual-timer.ts";
import { entry, now, testFile } from "./support/folder.ts";

const MAX_LAG = 50;

const text = (removed: Removed | null): string => (removed === null ? "null" : `${removed.head.key} ${removed.note}`);

/** A follower on a connection of its own, whose time stands still, and a store on another one. */
function opened() {
  const path = testFile();
  const other = sqliteStore({ path });
  const database = new DatabaseSync(path);
  const port = databasePort(database);
  const namespace = openNamespace(port, "default");
  const timer = manualTimer();
  const state = { fault: undefined as StoreError | undefined };
  const follower = removalFollower({
    source: removalSource(port, namespace, () => {
      if (state.fault !== undefined) throw state.fault;
    }),
    maxLag: MAX_LAG,
    timer,
  });
  onTestFinished(() => {
    follower.close();
    other.close();
    database.close();
  });
  /** Everything since the last time. */
  const listen = () => {
    const heard: string[] = [];
    const watch = follower.watch((removed) => heard.push(text(removed)));
    return { watch, heard: () => heard.splice(0) };
  };
  /** Removes entries in the other process, as one call or one by one. */
  const remove = (...keys: readonly string[]): void => {
    for (const key of keys) {
      other.put(entry(key), "any", now);
      other.delete(key, "note");
    }
  };
  return { other, database, timer, follower, state, listen, remove };
}

describe("a follower", () => {
  test("tells of what others remove within `maxLag`, by one timer for all watches, while there are any", async () => {
    const { timer, listen, remove } = opened();
    expect(timer.waiting).toBe(0);
    const [one, two] = [listen(), listen()];
    expect(timer.waiting).toBe(1);
    remove("a", "b");
    timer.advance(MAX_LAG - 1);
    expect(one.heard()).toEqual([]);
    timer.advance(1);
    expect([one.heard(), two.heard()]).toEqual([
      ["a note", "b note"],
      ["a note", "b note"],
    ]);
    timer.advance(10 * MAX_LAG);
    expect(one.heard()).toEqual([]);
    await one.watch.close();
    remove("c");
    timer.advance(MAX_LAG);
    expect([one.heard(), two.heard()]).toEqual([[], ["c note"]]);
    await two.watch.close();
    expect(timer.waiting).toBe(0);
    remove("d");
    // A watch begins with itself, whatever went before.
    const three = listen();
    timer.advance(MAX_LAG);
    expect(three.heard()).toEqual([]);
  });

  test("tells what a proof has found, and not again by the timer", async () => {
    const { timer, listen, remove } = opened();
    const { watch, heard } = listen();
    remove("a");
    await watch.confirm();
    expect(heard()).toEqual(["a note"]);
    timer.advance(MAX_LAG);
    expect(heard()).toEqual([]);
  });

  test("tells nothing twice when word of the store's own commit comes after what others did since", () => {
    const { timer, follower, listen, remove } = opened();
    const { heard } = listen();
    // The first of them is the store's own, made by its worker.
    remove("a", "b");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["a note", "b note"]);
    follower.wrote(1);
    timer.advance(MAX_LAG);
    expect(heard()).toEqual([]);
  });

  test("tells null where the log was cut off before it came, and what is there after it", () => {
    const { timer, listen, remove, database } = opened();
    const { heard } = listen();
    remove("a");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["a note"]);
    remove("b", "c", "d");
    database.exec("DELETE FROM sojourn_removal WHERE number <= 3");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["null", "d note"]);
    remove("e");
    database.exec("DELETE FROM sojourn_removal");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["null"]);
    // What was told may go without a word.
    remove("f");
    timer.advance(MAX_LAG);
    database.exec("DELETE FROM sojourn_removal");
    remove("g");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["f note", "g note"]);
  });

  test.each([
    ["with fewer removals", 1],
    ["with as many others since", 3],
  ])("tells null when a backup was played into the file, %s", (_, since) => {
    const { timer, listen, remove, database } = opened();
    const { heard } = listen();
    remove("a");
    database.exec("CREATE TABLE backup AS SELECT * FROM sojourn_removal");
    remove("b", "c");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["a note", "b note", "c note"]);
    database.exec(`DELETE FROM sojourn_removal; INSERT INTO sojourn_removal SELECT * FROM backup;
      UPDATE sojourn_namespace SET removals = 1`);
    for (let index = 0; index < since; index++) remove(`x${index}`);
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["null"]);
    remove("y");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["y note"]);
  });

  test("has removals noted again where a backup of before the first watch was played in", () => {
    const { timer, listen, remove, database } = opened();
    const { heard } = listen();
    database.exec("DELETE FROM sojourn_removal; UPDATE sojourn_namespace SET removals = NULL");
    remove("unseen");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["null"]);
    remove("a");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["a note"]);
  });

  test("says null once when it cannot read, proves nothing, and misses nothing when it can", async () => {
    const { timer, listen, remove, state } = opened();
    const { watch, heard } = listen();
    state.fault = new StoreError("store_unavailable", "replaced");
    timer.advance(3 * MAX_LAG);
    expect(heard()).toEqual(["null"]);
    await expect(watch.confirm()).rejects.toBe(state.fault);
    remove("a");
    state.fault = undefined;
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["a note"]);
    await watch.confirm();
  });

  test("that could not read when the watch began says null when it can", () => {
    const { timer, listen, remove, database } = opened();
    database.exec("ALTER TABLE sojourn_namespace RENAME TO away");
    const { heard } = listen();
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["null"]);
    database.exec("ALTER TABLE away RENAME TO sojourn_namespace");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["null"]);
    remove("a");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(["a note"]);
  });

  test("reads a long log to its end, for a proof in turns of the event loop", async () => {
    const { timer, listen, database } = opened();
    const { watch, heard } = listen();
    const note = database.prepare(`WITH RECURSIVE n (number) AS (SELECT ? UNION ALL SELECT number + 1 FROM n LIMIT 2500)
      INSERT INTO sojourn_removal SELECT 1, number, 0, json_array(json_array('k', NULL, number, '', 0, 0, 0, '')) FROM n`);
    note.run(1);
    database.exec("UPDATE sojourn_namespace SET removals = 2500");
    timer.advance(MAX_LAG);
    expect(heard()).toEqual(Array.from({ length: 2_500 }, () => "k "));
    note.run(2_501);
    database.exec("UPDATE sojourn_namespace SET removals = 5000");
    const proof = watch.confirm();
    const first = heard().length;
    expect(first).toBeLessThan(2_500);
    for (let all = first; all < 2_500; all += heard().length) {
      await Promise.resolve();
      timer.advance(0);
    }
    await proof;
  });

  test("closed, tells and proves nothing more", async () => {
    const { timer, listen, remove, follower } = opened();
    const { watch, heard } = listen();
    remove("a");
    follower.close();
    timer.advance(MAX_LAG);
    expect([heard(), timer.waiting]).toEqual([[], 0]);
    await expect(watch.confirm()).rejects.toMatchObject({ code: "store_closed" });
    await watch.close();
  });
});

test("what a listener removes is told after what went before it, to every watch", () => {
  const store = sqliteStore({ path: testFile() });
  for (const key of ["a", "b"]) store.put(entry(key, { owner: "ann", rev: `${key} 1` }), null, now);
  const told: [string[], string[]] = [[], []];
  store.watchRemovals!((removed) => {
    told[0].push(removed!.head.rev);
    if (removed!.head.rev !== "a 1") return;
    // Under keys whose last removal was not told to everybody yet.
    for (const key of ["a", "b"]) {
      store.put(entry(key, { rev: `${key} 2` }), null, now);
      expect(store.delete(key)?.rev).toBe(`${key} 2`);
    }
  });
  store.watchRemovals!((removed) => told[1].push(removed!.head.rev));
  store.revokeOwner("ann");
  const inOrder = ["a 1", "b 1", "a 2", "b 2"];
  expect(told).toEqual([inOrder, inOrder]);
  store.close();
});

test.each(["each", "grouped"] as const)(
  "who is told of the store's own removals is told before the call resolves (commit: %s)",
  async (commit) => {
    const store: Store = sqliteStore({ path: testFile(), commit, maxLag: "1m" } as { path: string });
    const told: string[] = [];
    const watch = store.watchRemovals!((removed) => told.push(text(removed)));
    await watch.confirm();
    told.length = 0;
    await store.put(entry("a"), null, now);
    await store.delete("a", "note");
    expect(told).toEqual(["a note"]);
    await store.close();
  },
);

test("two stores that remove at once, each by its worker, and look as often as they can, are told each removal once", async () => {
  const path = testFile();
  const both = [1, 2].map(() => {
    const store = sqliteStore({ path, commit: "grouped", maxLag: 1 });
    const told: (string | null)[] = [];
    const watch = store.watchRemovals!((removed) => told.push(removed && removed.head.key));
    return { store, told, watch };
  });
  for (const { watch } of both) await watch.confirm();
  for (const { told } of both) told.length = 0;
  const keys = Array.from({ length: 400 }, (_, index) => `k${index}`);
  await Promise.all(keys.map(async (key) => both[0]!.store.put(entry(key), null, now)));
  const remove = async (each: number): Promise<void> => {
    // One after the other, so that there are many groups.
    for (let index = each; index < keys.length; index += 2) await both[each]!.store.delete(keys[index]!);
  };
  await Promise.all([remove(0), remove(1)]);
  for (const { watch, told, store } of both) {
    await watch.confirm();
    expect(new Set(told)).toEqual(new Set(keys));
    expect(told.length).toBe(keys.length);
    await store.close();
  }
});

test("a listener that throws harms neither the call nor the others, which are told", async () => {
  const store = sqliteStore({ path: testFile() });
  for (const key of ["a", "b"]) store.put(entry(key, { owner: "ann" }), null, now);
  const told: string[] = [];
  let isFirst = true;
  const watch = store.watchRemovals!((removed) => {
    told.push(text(removed));
    if (isFirst) {
      isFirst = false;
      throw new Error("of the listener");
    }
  });
  expect(() => store.revokeOwner("ann")).toThrow("of the listener");
  expect(store.count(now)).toBe(0);
  await watch.confirm();
  expect(told).toEqual(["a ", "b "]);
  store.close();
});

test("`maxLag` is a duration of at most a minute, and what the guarantees say", () => {
  const store = sqliteStore({ path: ":memory:", maxLag: "20ms" });
  expect(store.guarantees.removalsMs).toBe(20);
  expect(sqliteStore({ path: ":memory:" }).guarantees.removalsMs).toBe(50);
  for (const maxLag of [0, -1, 60_001, "2m", "soon", Number.NaN]) {
    expect(() => sqliteStore({ path: ":memory:", maxLag: maxLag as number })).toThrow(/Expected `maxLag` to be/);
  }
  store.close();
});
