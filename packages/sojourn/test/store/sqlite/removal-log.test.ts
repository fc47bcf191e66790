import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { KEPT, KEPT_SECONDS } from "../../../src/store/sqlite/removal-log.ts";
import { REPLACED, type Store } from "../../../src/store/store.ts";
import { entry, now, testFile } from "./support/folder.ts";

interface Opened {
  readonly store: Store;
  readonly database: DatabaseSync;
  /** The numbers, keys and notes in the log of a namespace. */
  rows(namespace?: number): readonly string[];
}

function opened(commit: "each" | "grouped", namespace = "default", path = testFile()): Opened {
  const store: Store = sqliteStore({ path, commit, namespace } as { path: string });
  const database = new DatabaseSync(path);
  onTestFinished(async () => {
    await store.close();
    database.close();
  });
  const query = database.prepare(`SELECT number, removed FROM sojourn_removal WHERE namespace = ? ORDER BY number`);
  return { store, database, rows: (namespace = 1) => query.all(namespace).flatMap(textsOf) };
}

function textsOf(row: Record<string, unknown>): readonly string[] {
  const removed = JSON.parse(row["removed"] as string) as readonly (readonly unknown[])[];
  return removed.map(([key, ...rest], index) => {
    return `${Number(row["number"]) - removed.length + 1 + index} ${String(key)} ${String(rest.at(-1))}`;
  });
}

async function watched(store: Store): Promise<void> {
  const watch = store.watchRemovals!(() => {});
  await watch.confirm();
  await watch.close();
}

const commits = ["each", "grouped"] as const;

describe.each(commits)("commit: %s", (commit) => {
  test("nothing is noted until somebody has watched; from then on everything is", async () => {
    const { store, rows, database } = opened(commit);
    await store.put(entry("before"), null, now);
    await store.delete("before", "note");
    expect(rows()).toEqual([]);
    expect(database.prepare("SELECT removals FROM sojourn_namespace").get()).toEqual({ removals: null });

    await watched(store);
    for (const key of ["deleted", "replaced", "revoked", "expired"]) {
      await store.put(entry(key, { owner: key, expiresAt: key === "expired" ? now + 9 : now + 60_000 }), null, now);
    }
    await store.delete("deleted", "logout");
    await store.put(entry("replaced"), "any", now);
    await store.revokeOwner("revoked", undefined, "all");
    await store.sweep(now + 9, 10);
    await store.delete("nothing", "note");
    expect(rows()).toEqual(["1 deleted logout", `2 replaced ${REPLACED}`, "3 revoked all", "4 expired "]);
  });

  test("a removal that cannot be noted does not happen, and what does not happen is not noted", async () => {
    const { store, rows, database } = opened(commit);
    await watched(store);
    for (const key of ["a", "b"]) await store.put(entry(key, { owner: "ann" }), null, now);
    database.exec(`CREATE TRIGGER no_note BEFORE INSERT ON sojourn_removal WHEN new.removed LIKE '%"b"%'
      BEGIN SELECT raise(ABORT, 'no'); END`);
    await expect((async () => store.revokeOwner("ann", undefined, "note"))()).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect([(await store.get("a", now))?.key, (await store.get("b", now))?.key]).toEqual(["a", "b"]);
    expect(rows()).toEqual([]);
    expect(await store.count(now)).toBe(2);
    database.exec("DROP TRIGGER no_note");
    await store.revokeOwner("ann", undefined, "note");
    expect(rows()).toEqual(["1 a note", "2 b note"]);
  });

  test("what is old, and what is too much, is deleted on the way, the oldest first", async () => {
    const { store, rows, database } = opened(commit);
    await watched(store);
    await store.put(entry("a"), null, now);
    await store.delete("a");
    const fill =
      database.prepare(`WITH RECURSIVE n (number) AS (SELECT 2 UNION ALL SELECT number + 1 FROM n WHERE number < ?)
      INSERT INTO sojourn_removal SELECT 1, number, unixepoch(), '[["k", null, "r", "", 0, 0, 0, ""]]' FROM n`);
    fill.run(KEPT + 50);
    database.exec(`UPDATE sojourn_namespace SET removals = ${KEPT + 50}`);
    await store.sweep(now, 1);
    expect(rows().length).toBe(KEPT);
    expect(rows()[0]).toBe("51 k ");
    database.exec(`UPDATE sojourn_removal SET notedAt = notedAt - ${KEPT_SECONDS} WHERE number <= 60`);
    await store.sweep(now, 1);
    expect(rows()[0]).toBe("61 k ");
    // Also with the removals themselves: not each time, but by more than come.
    for (let index = 0; index < 40; index++) {
      await store.put(entry("x"), null, now);
      await store.delete("x");
    }
    expect(rows().at(-1)).toBe(`${KEPT + 90} x `);
    expect(rows().length).toBeLessThan(KEPT + 20);
  });

  test("namespaces have logs and numbers of their own", async () => {
    const path = testFile();
    const [one, other] = [opened(commit, "one", path), opened(commit, "other", path)];
    await watched(one.store);
    for (const { store } of [one, other, one]) {
      await store.put(entry("k"), null, now);
      await store.delete("k", "note");
    }
    expect(one.rows(1)).toEqual(["1 k note", "2 k note"]);
    expect(one.rows(2)).toEqual([]);
  });
});

test("a namespace that gets the id of one that was deleted begins anew", async () => {
  const path = testFile();
  const { store, rows, database } = opened("each", "default", path);
  await watched(store);
  await store.put(entry("a"), null, now);
  await store.delete("a");
  await store.close();
  database.exec("DELETE FROM sojourn_namespace");
  const again = opened("each", "another", path);
  expect(database.prepare("SELECT id, removals FROM sojourn_namespace").get()).toEqual({ id: 1, removals: null });
  await watched(again.store);
  expect(rows()).toEqual([]);
  await again.store.put(entry("b"), null, now);
  await again.store.delete("b");
  expect(rows()).toEqual(["1 b "]);
});
