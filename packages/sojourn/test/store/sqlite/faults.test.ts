import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { StoreError } from "../../../src/errors.ts";
import { sqliteStore, type SqliteFileOptions } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { BetterSqlite3 } from "./support/better-sqlite3.ts";
import { entry, now, testFile, testFolder } from "./support/folder.ts";

/** The fault of a call, thrown or as a rejection. */
async function faultOf(call: () => unknown): Promise<StoreError> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    return error as StoreError;
  }
  throw new Error("Expected a fault");
}

const commits = ["each", "grouped"] as const;
const open = (options: SqliteFileOptions): Store => sqliteStore(options);

function fileWith(keys: readonly string[]): string {
  const path = testFile();
  const store = sqliteStore({ path });
  for (const key of keys) store.put(entry(key), null, now);
  store.close();
  return path;
}

describe.each(commits)("commit: %s", (commit) => {
  test("a file of a newer version is refused with both versions, and not touched", async () => {
    const path = fileWith(["a"]);
    const database = new DatabaseSync(path);
    database.exec("UPDATE sojourn_schema SET version = 7");
    database.close();
    const before = readFileSync(path);
    const fault = await faultOf(() => open({ path, commit }));
    expect(fault.code).toBe("store_schema");
    expect(fault.message).toMatch(/version 7.*versions up to \d/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a file that is not a database is store_corrupt, and not touched", async () => {
    const path = testFile();
    writeFileSync(path, "not a database at all ".repeat(500));
    const before = readFileSync(path);
    const fault = await faultOf(() => open({ path, commit }));
    expect(fault.code).toBe("store_corrupt");
    expect(fault.cause).toMatchObject({ code: "ERR_SQLITE_ERROR", errcode: 26 });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("damaged pages are store_corrupt, not absence", async () => {
    const path = fileWith(Array.from({ length: 500 }, (_, index) => `k${index}`));
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4 * 4096);
    writeFileSync(path, bytes);
    const store = open({ path, commit });
    expect((await faultOf(async () => store.get("k250", now))).code).toBe("store_corrupt");
    expect((await faultOf(async () => store.put(entry("k250"), null, now))).code).toBe("store_corrupt");
    await store.close();
  });

  test("a lock held for longer than the busy timeout is store_unavailable, and then the write goes", async () => {
    const path = fileWith(["a"]);
    const store = open({ path, commit, busyTimeout: 20 });
    const database = new DatabaseSync(path);
    database.exec("BEGIN IMMEDIATE");
    const fault = await faultOf(async () => store.put(entry("b"), null, now));
    expect(fault.code).toBe("store_unavailable");
    expect(fault.message).toContain("busy");
    expect((await store.get("a", now))?.key).toBe("a");
    database.exec("ROLLBACK");
    database.close();
    expect(await store.get("b", now)).toBeUndefined();
    expect(await store.put(entry("b"), null, now)).toMatchObject({ outcome: "stored" });
    await store.close();
  });

  test("the folder that is not there is store_unavailable", async () => {
    const fault = await faultOf(() => open({ path: join(testFolder(), "none", "sessions.db"), commit }));
    expect(fault.code).toBe("store_unavailable");
    expect(fault.message).toContain("ENOENT");
    expect(fault.cause).toBeInstanceOf(Error);
  });

  test("a folder that cannot be written is store_readonly", async ({ skip }) => {
    const folder = join(testFolder(), "read-only");
    mkdirSync(folder);
    makeReadOnly(folder, skip);
    const path = join(folder, "sessions.db");
    expect((await faultOf(() => open({ path, commit }))).code).toBe("store_readonly");
    expect(existsSync(path)).toBe(false);
  });

  test("a file that cannot be written is store_readonly", async ({ skip }) => {
    const path = fileWith(["a"]);
    makeReadOnly(path, skip);
    expect((await faultOf(() => open({ path, commit }))).code).toBe("store_readonly");
  });
});

/** Permission bits do not stop root, so the file system's own flag is set; not every one has it. */
function makeReadOnly(path: string, skip: (note: string) => void): void {
  const { status } = spawnSync("chattr", ["+i", path], { stdio: "ignore" });
  if (status !== 0) skip("chattr +i does not work here");
  onTestFinished(() => void spawnSync("chattr", ["-i", path], { stdio: "ignore" }));
}

const drivers: Readonly<Record<string, (path: string) => DatabaseSync | BetterSqlite3>> = {
  "node:sqlite": (path) => new DatabaseSync(path),
  "better-sqlite3": (path) => new BetterSqlite3(path),
};

describe.each(Object.entries(drivers))("a handle of %s", (_, openDatabase) => {
  test("a full database is store_full, nothing is half done, and space makes it work again", async () => {
    const path = fileWith(["a"]);
    const database = openDatabase(path);
    const store = sqliteStore({ database });
    const pages = Object.values(database.prepare("PRAGMA page_count").get() as object)[0] as number;
    database.exec(`PRAGMA max_page_count = ${pages + 3}`);
    const large = entry("large", { owner: "ann", value: "x".repeat(100_000) });
    const fault = await faultOf(() => store.put(large, null, now));
    expect(fault.code).toBe("store_full");
    expect(fault.cause).toBeInstanceOf(Error);
    expect(store.get("large", now)).toBeUndefined();
    expect(store.count(now)).toBe(1);
    expect(store.listByOwner("ann", { limit: 10 }, now).items).toEqual([]);
    const changed = { ...store.get("a", now)!, rev: "next", value: "x".repeat(100_000) };
    const rev = store.get("a", now)!.rev;
    expect((await faultOf(() => store.put(changed, rev, now))).code).toBe("store_full");
    expect(store.get("a", now)?.value).toBe("value of a");
    database.exec("PRAGMA max_page_count = 10000");
    expect(store.put(large, null, now).outcome).toBe("stored");
    expect(store.count(now)).toBe(2);
    database.close();
  });

  test("the application's own transaction is a fault, and stays the application's", async () => {
    const database = openDatabase(testFile());
    const store = sqliteStore({ database });
    database.exec("CREATE TABLE mine (x); BEGIN; INSERT INTO mine VALUES (1)");
    expect((await faultOf(() => store.put(entry("a"), null, now))).code).toBe("store_unavailable");
    database.exec("COMMIT");
    expect(database.prepare("SELECT count(*) AS n FROM mine").get()).toMatchObject({ n: 1 });
    expect(store.put(entry("a"), null, now).outcome).toBe("stored");
    database.close();
  });

  test("a handle that was closed is store_closed; a store that is closed leaves the handle open", async () => {
    const database = openDatabase(":memory:");
    const store = sqliteStore({ database });
    const second = sqliteStore({ database });
    second.close();
    second.close();
    expect((await faultOf(() => second.get("a", now))).code).toBe("store_closed");
    expect(store.put(entry("a"), null, now).outcome).toBe("stored");
    database.close();
    expect((await faultOf(() => store.get("a", now))).code).toBe("store_closed");
    expect((await faultOf(() => store.put(entry("b"), null, now))).code).toBe("store_closed");
  });

  test("the tables live beside the application's, whatever its user_version", () => {
    const database = openDatabase(testFile());
    database.exec("CREATE TABLE entry (x); PRAGMA user_version = 42");
    sqliteStore({ database });
    expect(Object.values(database.prepare("PRAGMA user_version").get() as object)).toEqual([42]);
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").all();
    const names = tables.map((row) => (row as { name: string }).name);
    expect(names.filter((name) => !name.startsWith("sojourn_"))).toEqual(["entry"]);
    expect(names.length).toBeGreaterThan(4);
    database.close();
  });

  test.each([
    ["WAL", "FULL", "power"],
    ["WAL", "EXTRA", "power"],
    ["WAL", "NORMAL", "process"],
    ["WAL", "OFF", "process"],
    ["DELETE", "EXTRA", "power"],
    ["DELETE", "FULL", "process"],
    ["MEMORY", "FULL", "none"],
  ])("with journal_mode %s and synchronous %s the durability is %s, and they are left alone", (journal, sync, is) => {
    const database = openDatabase(testFile());
    const settings = (): unknown[] =>
      ["journal_mode", "synchronous"].flatMap((name) =>
        Object.values(database.prepare(`PRAGMA ${name}`).get() as object),
      );
    database.prepare(`PRAGMA journal_mode = ${journal}`).get();
    database.exec(`PRAGMA synchronous = ${sync}`);
    const before = settings();
    expect(sqliteStore({ database }).guarantees.durability).toBe(is);
    expect(settings()).toEqual(before);
    database.close();
  });
});

test("a handle that is read-only is store_readonly", async () => {
  const path = fileWith(["a"]);
  const database = new DatabaseSync(path, { readOnly: true });
  const store = sqliteStore({ database });
  expect(store.get("a", now)?.key).toBe("a");
  expect((await faultOf(() => store.delete("a"))).code).toBe("store_readonly");
  expect((await faultOf(() => sqliteStore({ database, namespace: "new" }))).code).toBe("store_readonly");
  expect(store.get("a", now)?.key).toBe("a");
  database.close();
});

test("a file is made readable for its owner alone, and so are the files beside it", () => {
  const path = testFile();
  const store = sqliteStore({ path });
  store.put(entry("a"), null, now);
  for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  store.close();
});

test("in memory nothing is durable, and nothing is written", () => {
  const store = sqliteStore({ path: ":memory:" });
  expect(store.guarantees.durability).toBe("none");
  expect(store.put(entry("a"), null, now).outcome).toBe("stored");
  store.close();
  expect(existsSync(":memory:")).toBe(false);
});

test("without node:sqlite the fault says what to do", async () => {
  const { process } = globalThis;
  vi.stubGlobal("process", { ...process, getBuiltinModule: () => undefined });
  onTestFinished(() => void vi.unstubAllGlobals());
  const path = testFile();
  const fault = await faultOf(() => sqliteStore({ path }));
  expect(fault.code).toBe("store_unavailable");
  expect(fault.message).toMatch(/22\.13.*`database`/);
  expect(existsSync(path)).toBe(false);
  const database = new BetterSqlite3(path);
  expect(sqliteStore({ database }).put(entry("a"), null, now).outcome).toBe("stored");
  database.close();
  rmSync(path);
});

test.each([
  [{}, "`path`"],
  [{ path: "" }, "`path`"],
  [{ path: 5 }, "`path`"],
  [{ path: "x.db", database: {} }, "both"],
  [{ database: {} }, "`database`"],
  [{ path: "x.db", namespace: "" }, "`namespace`"],
  [{ path: "x.db", namespace: "n".repeat(513) }, "`namespace`"],
  [{ path: "x.db", comit: "grouped" }, "`commit`"],
  [{ path: "x.db", cache: -1 }, "`cache`"],
  [{ path: "x.db", cache: 1.5 }, "`cache`"],
  [{ path: "x.db", commit: "never" }, "`commit`"],
  [{ path: "x.db", busyTimeout: "soon" }, "`busyTimeout`"],
  [{ path: ":memory:", commit: "grouped" }, ":memory:"],
  [{ database: { prepare() {} }, commit: "grouped" }, "`path`"],
  [{ database: { prepare() {} }, busyTimeout: 5 }, "`busyTimeout`"],
])("the options %j are refused", (options, said) => {
  let error: unknown;
  try {
    sqliteStore(options as SqliteFileOptions);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TypeError);
  expect((error as TypeError).message).toContain(said);
  expect(existsSync("x.db")).toBe(false);
});
