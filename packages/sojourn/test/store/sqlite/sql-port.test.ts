import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { databasePort, type SqliteDatabase, type SqliteStatement } from "../../../src/store/sqlite/sql-port.ts";
import { BetterSqlite3 } from "./support/better-sqlite3.ts";

/** A driver that has rows as objects only, as node:sqlite had at first. */
function plain(): SqliteDatabase {
  const database = new DatabaseSync(":memory:");
  return {
    prepare(sql): SqliteStatement {
      const statement = database.prepare(sql);
      return {
        run: (...values) => statement.run(...values),
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
      };
    },
  };
}

/** bun:sqlite's own form, which another runtime's tests run for real. */
function likeBun(): SqliteDatabase {
  const database = new DatabaseSync(":memory:");
  return {
    prepare(sql): SqliteStatement {
      const statement = database.prepare(sql);
      return {
        run: (...values) => statement.run(...values),
        get: (...values) => statement.get(...values) ?? null,
        all: (...values) => statement.all(...values),
        values: (...values) => statement.all(...values).map((row) => Object.values(row)),
        raw: () => {
          throw new Error("Rows as bytes");
        },
      };
    },
  };
}

const drivers: Readonly<Record<string, () => SqliteDatabase>> = {
  "node:sqlite": () => new DatabaseSync(":memory:"),
  "node:sqlite, bigints": () => new DatabaseSync(":memory:", { readBigInts: true }),
  "better-sqlite3": () => new BetterSqlite3(":memory:"),
  "one like bun:sqlite": likeBun,
  "one with objects only": plain,
};

describe.each(Object.entries(drivers))("the port over %s", (_, open) => {
  const SELECT = "SELECT z, a, 7 AS m FROM mine WHERE a = ?";

  test("gives the first row as values in the order of the columns, and as an object", () => {
    const port = databasePort(open());
    port.run("CREATE TABLE mine (a, z)");
    port.run("INSERT INTO mine VALUES (?, ?)", "one", new Uint8Array([1, 2]));
    port.run("INSERT INTO mine VALUES (?, ?)", "one", null);
    for (let round = 0; round < 2; round++) {
      const values = port.getValues(SELECT, "one");
      expect(values?.map((value) => (typeof value === "bigint" ? Number(value) : value))).toEqual([
        expect.objectContaining({ 0: 1, 1: 2, length: 2 }),
        "one",
        7,
      ]);
      expect(port.get(SELECT, "one")).toMatchObject({ a: "one", z: { 0: 1, 1: 2 } });
      expect(port.all(SELECT, "one")[1]).toMatchObject({ a: "one", z: null });
      expect(port.getValues(SELECT, "two")).toBeUndefined();
    }
  });

  test("its faults are those of the contract", () => {
    const port = databasePort(open());
    expect(() => port.getValues("SELECT 1 FROM nowhere")).toThrow(
      expect.objectContaining({ name: "StoreError" }) as Error,
    );
  });
});
