import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { entry, now, testFile } from "./support/folder.ts";

const SECOND = 1_000;
const HOUR = 3_600_000;
const LAST = Number.MAX_SAFE_INTEGER;

/** Instants where rows of seconds and hours meet, some of them far away or before 1970. */
const instants = fc
  .tuple(
    fc.constantFrom(0, HOUR, -HOUR, 24 * HOUR, now, now + HOUR, LAST - HOUR, -LAST + HOUR),
    fc.constantFrom(0, 1, -1, SECOND, -SECOND, SECOND + 1, 2 * SECOND - 1, 59 * SECOND, HOUR, HOUR - 1),
  )
  .map(([base, offset]) => base + offset);

const steps = fc.array(
  fc.record({
    call: fc.constantFrom("put", "put", "put", "put over", "touch", "delete", "sweep"),
    key: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
    at: instants,
    expiresAt: instants,
  }),
  { maxLength: 25 },
);

interface Counted {
  readonly width: number;
  readonly entries: number;
}

test("whatever is done, count is the number of live entries at every instant, and no row counts nothing", () => {
  const database = new DatabaseSync(":memory:");
  sqliteStore({ database }).close();
  const counts = database.prepare(
    "SELECT width, entries FROM sojourn_expiry JOIN sojourn_namespace AS n ON n.id = namespace WHERE n.name = ?",
  );
  const ends = database.prepare(
    "SELECT expiresAt FROM sojourn_entry JOIN sojourn_namespace AS n ON n.id = namespace WHERE n.name = ?",
  );
  let runs = 0;
  fc.assert(
    fc.property(steps, fc.array(instants, { minLength: 5 }), (calls, looks) => {
      const namespace = `run ${++runs}`;
      const store = sqliteStore({ database, namespace });
      for (const { call, key, at, expiresAt } of calls) {
        const there = store.get(key, at);
        if (call === "put") store.put(entry(key, { owner: "ann", expiresAt }), "any", at);
        if (call === "put over" && there) store.put(entry(key, { expiresAt }), there.rev, at);
        if (call === "touch" && there) store.touch(key, there.rev, { touchedAt: at, expiresAt }, at);
        if (call === "delete") store.delete(key);
        if (call === "sweep") store.sweep(at, 2);
      }
      const there = ends.all(namespace).map((row) => Number(row["expiresAt"]));
      for (const look of [...looks, ...there]) {
        expect(store.count(look)).toBe(there.filter((expiresAt) => look < expiresAt).length);
      }
      const rows = counts.all(namespace) as unknown as Counted[];
      expect(rows.every(({ entries }) => entries > 0)).toBe(true);
      for (const width of [SECOND, HOUR]) {
        const sum = rows.reduce((total, row) => (row.width === width ? total + row.entries : total), 0);
        expect(sum).toBe(there.length);
      }
      store.close();
    }),
    { numRuns: 300 },
  );
  database.close();
});

test("rows are as many as the seconds and hours in which entries end, not as the entries", () => {
  const database = new DatabaseSync(":memory:");
  const store = sqliteStore({ database });
  for (let index = 0; index < 3_000; index++)
    store.put(entry(`k${index}`, { expiresAt: now + 1 + index * 3 }), null, now);
  expect(database.prepare("SELECT count(*) AS n FROM sojourn_expiry").get()).toEqual({ n: 9 + 1 });
  expect(store.count(now + 4_501)).toBe(1_499);
  expect(store.count(now + 9_000)).toBe(0);
  store.sweep(now + 9_000, 1_000);
  store.sweep(now + 9_000, 1_000);
  store.sweep(now + 9_000, 1_000);
  expect(database.prepare("SELECT count(*) AS n FROM sojourn_expiry").get()).toEqual({ n: 0 });
  database.close();
});

test("the entries of a file of an older version are counted when it is opened", () => {
  const path = testFile();
  const ends = [-HOUR - 1, -HOUR, -1, 0, 1, SECOND, SECOND + 1, now, now + 1, now + HOUR, LAST - 1, LAST];
  const first = sqliteStore({ path });
  for (const [index, expiresAt] of ends.entries()) first.put(entry(`k${index}`, { expiresAt }), null, -LAST);
  const rows = (): unknown[] => {
    const database = new DatabaseSync(path);
    const found = database.prepare("SELECT namespace, width, CAST(until AS TEXT), entries FROM sojourn_expiry").all();
    database.close();
    return found;
  };
  const written = rows();
  first.close();
  const database = new DatabaseSync(path);
  database.exec(`DROP TABLE sojourn_expiry; DROP TABLE sojourn_revocation; DROP TABLE sojourn_removal;
    ALTER TABLE sojourn_namespace DROP COLUMN horizon; ALTER TABLE sojourn_namespace DROP COLUMN removals; UPDATE sojourn_schema SET version = 1`);
  database.close();
  const store = sqliteStore({ path });
  expect(rows()).toEqual(written);
  for (const look of [...ends, ...ends.map((end) => end - 1)]) {
    expect(store.count(look)).toBe(ends.filter((expiresAt) => look < expiresAt).length);
  }
  store.close();
});
