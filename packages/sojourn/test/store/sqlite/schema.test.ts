import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { MIGRATIONS, openNamespace, SCHEMA_VERSION } from "../../../src/store/sqlite/schema.ts";
import { databasePort, type SqlPort } from "../../../src/store/sqlite/sql-port.ts";
import type { Store } from "../../../src/store/store.ts";
import { entry, now, testFile } from "./support/folder.ts";

function connect(path: string): { database: DatabaseSync; port: SqlPort } {
  const database = new DatabaseSync(path, { timeout: 0 });
  return { database, port: databasePort(database) };
}

test("of two that open a new file at once, the second finds what the first has made", () => {
  const path = testFile();
  const [slow, fast] = [connect(path), connect(path)];
  let id: number | undefined;
  const overtaken: SqlPort = {
    ...slow.port,
    transaction(work) {
      // What it has read is out of date by now.
      id = openNamespace(fast.port, "n");
      return slow.port.transaction(work);
    },
  };
  expect(openNamespace(overtaken, "n")).toBe(id);
  expect(openNamespace(slow.port, "n")).toBe(id);
  expect(openNamespace(slow.port, "m")).not.toBe(id);
  expect(slow.database.prepare("SELECT version FROM sojourn_schema").all()).toEqual([{ version: SCHEMA_VERSION }]);
  slow.database.close();
  fast.database.close();
});

test("a migration that breaks off leaves nothing, whichever statement it breaks off at, and is made up for", () => {
  for (let broken = 1; ; broken++) {
    const { database, port } = connect(testFile());
    let statements = 0;
    const breaking: SqlPort = {
      ...port,
      run(sql, ...values) {
        if (++statements === broken) throw new Error("broken off");
        port.run(sql, ...values);
      },
    };
    let whole = true;
    try {
      openNamespace(breaking, "n");
    } catch {
      whole = false;
    }
    const tables = database.prepare("SELECT name FROM sqlite_master").all();
    expect(tables.length > 0).toBe(whole);
    expect(openNamespace(port, "n")).toBe(1);
    database.close();
    if (!whole) continue;
    expect(broken).toBeGreaterThan(6);
    break;
  }
});

test("a namespace that was deleted under a store is store_corrupt, not absence", () => {
  const { database } = connect(":memory:");
  const store = sqliteStore({ database });
  store.put(entry("a"), null, now);
  database.exec("DELETE FROM sojourn_namespace");
  const fault = expect.objectContaining({ code: "store_corrupt" }) as unknown;
  for (const call of [
    () => store.get("a", now),
    () => store.count(now),
    () => store.put(entry("b"), null, now),
    () => store.delete("a"),
  ]) {
    expect(call).toThrow(fault);
  }
  database.close();
});

test("a namespace that is there is opened without a write", () => {
  const { database, port } = connect(testFile());
  const id = openNamespace(port, "n");
  const holder = connect(database.location()!);
  holder.database.exec("BEGIN IMMEDIATE");
  expect(openNamespace(port, "n")).toBe(id);
  holder.database.close();
  database.close();
});

test("a file that another connection is making is waited for", async () => {
  const path = testFile();
  // In another thread, since this one waits inside of `sqliteStore`.
  const holder = new Worker(
    `const { DatabaseSync } = require("node:sqlite");
     const { parentPort, workerData } = require("node:worker_threads");
     const database = new DatabaseSync(workerData);
     database.exec("BEGIN IMMEDIATE; CREATE TABLE mine (x)");
     parentPort.postMessage("held");
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
     database.exec("COMMIT");
     database.close();`,
    { eval: true, workerData: path },
  );
  await new Promise((resolve) => holder.once("message", resolve));
  const store = sqliteStore({ path });
  expect(store.put(entry("a"), null, now).outcome).toBe("stored");
  expect(store.guarantees.durability).toBe("power");
  store.close();
  await new Promise((resolve) => holder.once("exit", resolve));
});

function oldFile(): string {
  const path = testFile();
  const { database, port } = connect(path);
  const first = MIGRATIONS[0]!;
  for (const sql of ["CREATE TABLE sojourn_schema (version INTEGER NOT NULL) STRICT", ...first]) port.run(sql);
  port.run("INSERT INTO sojourn_schema (version) VALUES (1)");
  port.run("INSERT INTO sojourn_namespace (name, total, changes) VALUES ('default', 1, 41)");
  const { key, rev, value } = entry("old");
  const columns = "namespace, key, owner, rev, meta, createdAt, touchedAt, expiresAt, value";
  port.run(`INSERT INTO sojourn_entry (${columns}) VALUES (1, ?, 'ann', ?, '', 0, 0, ?, ?)`, key, rev, now + 1, value);
  database.close();
  return path;
}

describe("a file of the first version", () => {
  test("keeps its entries, and refuses what began while it was one", () => {
    const path = oldFile();
    const store = sqliteStore({ path });
    expect(store.get("old", now)).toMatchObject({ owner: "ann" });
    expect(store.count(now)).toBe(1);
    // What another process had read before.
    const early = { ...store.begin(), seen: [41] };
    expect(store.put(entry("early", { owner: "ann" }), null, now, early)).toEqual({ outcome: "revoked" });
    expect(store.put(entry("new", { owner: "ann" }), null, now, store.begin()).outcome).toBe("stored");
    expect(store.revokeOwner("ann")).toHaveLength(2);
    store.close();
  });

  test("cannot be written any more by what has opened it before", () => {
    const path = oldFile();
    const old = connect(path);
    const firstStatements = old.database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    sqliteStore({ path }).close();
    const left = old.database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    const gone = firstStatements.filter(({ name }) => !left.some((each) => each["name"] === name));
    expect(gone).toHaveLength(1);
    old.database.close();
  });
});

test.each(["each", "grouped"] as const)(
  "a file of the third version keeps its entries, and its removals can be watched (commit: %s)",
  async (commit) => {
    const path = testFile();
    const { database, port } = connect(path);
    port.run("CREATE TABLE sojourn_schema (version INTEGER NOT NULL) STRICT");
    for (const sql of MIGRATIONS.slice(0, 3).flat()) port.run(sql);
    port.run("INSERT INTO sojourn_schema (version) VALUES (3)");
    port.run("INSERT INTO sojourn_namespace (name, total, changes, horizon) VALUES ('default', 1, 41, 7)");
    const { key, rev, value } = entry("old");
    port.run(
      `INSERT INTO sojourn_entry (namespace, key, owner, rev, meta, createdAt, touchedAt, expiresAt, value)
        VALUES (1, ?, 'ann', ?, '', 0, 0, ?, ?)`,
      key,
      rev,
      now + 1,
      value,
    );
    port.run(
      `INSERT INTO sojourn_expiry (namespace, width, until, entries) VALUES (1, 1000, ?, 1), (1, 3600000, ?, 1)`,
      now + 1_000,
      now + 3_600_000,
    );
    const store: Store = sqliteStore({ path, commit } as { path: string });
    expect(await store.get("old", now)).toMatchObject({ owner: "ann", rev });
    expect(await store.count(now)).toBe(1);
    // What began before the last revocation that was forgotten is refused as before.
    const early = { ...store.begin(), seen: [6] };
    expect(await store.put(entry("early", { owner: "ann" }), null, now, early)).toEqual({ outcome: "revoked" });
    const told: (string | null)[] = [];
    const watch = store.watchRemovals!((removed) => told.push(removed && `${removed.head.rev}: ${removed.note}`));
    await watch.confirm();
    told.length = 0;
    await store.delete("old", "the note");
    expect(told).toEqual([`${rev}: the note`]);
    await watch.close();
    await store.close();
    expect(database.prepare("SELECT version FROM sojourn_schema").all()).toEqual([{ version: SCHEMA_VERSION }]);
    database.close();
  },
);

describe.each(["each", "grouped"] as const)("commit: %s", (commit) => {
  test("a store that is open when a newer version changes the tables stops: the very next write is a fault", async () => {
    const path = testFile();
    const store: Store = sqliteStore({ path, commit } as { path: string });
    const there = entry("a");
    await store.put(there, null, now);
    expect((await store.get("a", now))?.key).toBe("a");
    const { database } = connect(path);
    // A column that an older version would leave empty, without a word.
    database.exec(`BEGIN; ALTER TABLE sojourn_entry ADD COLUMN more TEXT;
      UPDATE sojourn_schema SET version = ${SCHEMA_VERSION + 1}; COMMIT`);
    const fault = {
      code: "store_schema",
      message: expect.stringMatching(/version \d+, .* too old for them/) as string,
    };
    const calls = [
      async () => store.put(entry("b"), null, now),
      async () => store.put(entry("a"), there.rev, now),
      async () => store.touch("a", there.rev, { touchedAt: now + 1, expiresAt: now + 70_000 }, now),
      async () => store.delete("a"),
      async () => store.sweep(now + 99_000, 10),
      async () => store.count(now),
      async () => store.list({ limit: 10 }, now),
      async () => store.get("a", now + 100),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(fault);
    expect(database.prepare("SELECT key, more FROM sojourn_entry").all()).toEqual([{ key: "a", more: null }]);
    database.close();
    await store.close();
  });
});
