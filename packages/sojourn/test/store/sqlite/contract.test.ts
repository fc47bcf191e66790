import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { storeContract, type OpenStore } from "../../../src/testing/index.ts";
import { BetterSqlite3 } from "./support/better-sqlite3.ts";

interface Place {
  readonly open: OpenStore;
  readonly close?: () => void;
  /** The rules that are run. @default all */
  readonly rules?: readonly number[];
}

const stores: Readonly<Record<string, (folder: string) => Place>> = {
  "node:sqlite": (folder) => ({
    open: ({ namespace }) => sqliteStore({ path: join(folder, "each.db"), namespace }),
  }),
  "node:sqlite, no cache": (folder) => ({
    open: ({ namespace }) => sqliteStore({ path: join(folder, "bare.db"), namespace, cache: 0 }),
  }),
  "a handle of node:sqlite, in memory": () => {
    const database = new DatabaseSync(":memory:");
    return { open: ({ namespace }) => sqliteStore({ database, namespace }), close: () => database.close() };
  },
  "a handle of node:sqlite that answers with bigints": () => {
    const database = new DatabaseSync(":memory:", { readBigInts: true });
    return { open: ({ namespace }) => sqliteStore({ database, namespace }), close: () => database.close() };
  },
  "a handle of better-sqlite3": (folder) => {
    const database = new BetterSqlite3(join(folder, "better.db"));
    database.pragma("journal_mode = WAL");
    return { open: ({ namespace }) => sqliteStore({ database, namespace }), close: () => database.close() };
  },
  "grouped commits": (folder) => ({
    open: ({ namespace }) => sqliteStore({ path: join(folder, "grouped.db"), namespace, commit: "grouped" }),
  }),
  "grouped commits, no cache": (folder) => ({
    open: ({ namespace }) => sqliteStore({ path: join(folder, "grouped.db"), namespace, commit: "grouped", cache: 0 }),
    // Those in which a cache has a say: what is read, and when. Each store has a thread of its own, which takes its time.
    rules: [0, 1, 2, 4, 5, 6, 7, 12, 13],
  }),
};

describe.each(Object.entries(stores))("the store contract: %s", (_, place) => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-sqlite-"));
  const { open, close, rules } = place(folder);
  afterAll(() => {
    close?.();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { rule, name, run } of storeContract) {
    if (rules?.includes(rule) === false) continue;
    test(`rule ${rule}: ${name}`, async () => expect(await run(open)).toBeUndefined());
  }
});
