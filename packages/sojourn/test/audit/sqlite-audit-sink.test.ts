import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test, vi } from "vitest";
import { auditLog } from "../../src/audit/audit-log.ts";
import { sqliteAuditSink, type SqliteAuditSink } from "../../src/audit/sqlite-audit-sink.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { sqliteStore, type SqliteDatabase } from "../../src/store/sqlite/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { headOf, record, T } from "./support/audit-records.ts";
import { testFile } from "../store/sqlite/support/folder.ts";

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function kept<T extends { close(): void }>(each: T): T {
  opened.push(each);
  return each;
}

test("a whole life is in the file, queried by reason; and no token, hash or data is", () => {
  const path = testFile();
  const clock = manualClock();
  const sessions = createSessions({ clock });
  const sink = sqliteAuditSink({ path });
  auditLog(sessions, sink);
  const { token, id } = sessions.create("ann", { note: "confidential" }, { device: { ip: "::1" } });
  const next = sessions.rotate(token);
  clock.advance("1m");
  expect(sessions.authenticate(token)).toBeUndefined();
  expect(sink.query({ userId: "ann", reason: "reuse" }).items).toEqual([
    { at: clock.now(), type: "ended", userId: "ann", sessionId: id, reason: "reuse", ip: "::1", userAgent: null },
  ]);
  sink.close();
  const bytes = readFileSync(path).toString("latin1");
  expect(bytes).toContain(id);
  for (const secret of [token.slice(27), next?.token.slice(27) ?? "", "confidential"])
    expect(bytes).not.toContain(secret);
});

test("explain tells why an ended session ended, also after a restart", async () => {
  const path = testFile();
  const clock = manualClock();
  const sessions = createSessions({ clock, maxPerUser: { limit: 1, onLimit: "evict-oldest" } });
  const before = sqliteAuditSink({ path });
  const log = auditLog(sessions, before);
  const { token, id } = sessions.create("u");
  sessions.create("u");
  expect(await log.explain(token)).toEqual({ state: "ended", id, reason: "evicted", at: clock.now() });
  before.close();
  const after = auditLog(createSessions(), kept(sqliteAuditSink({ path })));
  expect(await after.explain(token)).toMatchObject({ state: "ended", id, reason: "evicted" });
});

test("records are written in batches: one transaction for as many as it was told", () => {
  const path = testFile();
  const sink = kept(sqliteAuditSink({ path, batch: 3 }));
  const reader = kept(new DatabaseSync(path));
  const written = (): unknown => reader.prepare("SELECT count(*) AS n FROM sojourn_audit").get()?.["n"];
  sink.write(record(T));
  sink.write(record(T));
  expect(written()).toBe(0);
  sink.write(record(T));
  expect(written()).toBe(3);
  sink.write(record(T));
  sink.flush();
  expect(written()).toBe(4);
  sink.write(record(T));
  expect(sink.query().items).toHaveLength(5);
});

test("a database that is locked harms no call, and loses no record when it is free again", () => {
  const path = testFile();
  const errors: unknown[] = [];
  const sessions = createSessions();
  const sink = kept(sqliteAuditSink({ path, batch: 2, busyTimeout: 0 }));
  auditLog(sessions, sink, { onError: (error) => errors.push(error) });
  const other = kept(new DatabaseSync(path));
  other.exec("BEGIN IMMEDIATE");
  for (let n = 0; n < 5; n++) expect(sessions.create(`u${n}`).userId).toBe(`u${n}`);
  // Tried after the second and the fourth, not in every call.
  expect(errors).toHaveLength(2);
  expect(errors[0]).toMatchObject({ code: "store_unavailable" });
  expect(() => sink.flush()).toThrow(/busy/i);
  other.exec("COMMIT");
  sessions.create("u5");
  sink.flush();
  expect(sink.query().items.map(({ userId }) => userId)).toEqual(["u5", "u4", "u3", "u2", "u1", "u0"]);
});

test("what waits is bounded, and each record beyond it is reported as lost", () => {
  const path = testFile();
  const sink = kept(sqliteAuditSink({ path, batch: 10_000, busyTimeout: 0 }));
  const other = kept(new DatabaseSync(path));
  other.exec("BEGIN IMMEDIATE");
  for (let n = 0; n < 9_999; n++) sink.write(record(T + n));
  expect(() => sink.write(record(T + 9_999))).toThrow(/busy/i);
  expect(() => sink.write(record(T + 10_000))).toThrow(expect.objectContaining({ code: "store_full" }));
  other.exec("COMMIT");
  sink.flush();
  expect(sink.query({ limit: 1 }).items[0]?.at).toBe(T + 9_999);
});

test("beside the sessions in one file, and in one handle, each finds its own", () => {
  const path = testFile();
  const store = kept(sqliteStore({ path }));
  const sessions = createSessions({ store });
  const sink = kept(sqliteAuditSink({ path, batch: 1 }));
  auditLog(sessions, sink);
  const { id, token } = sessions.create("u");
  expect(sessions.authenticate(token)).toMatchObject({ id });
  sessions.destroy(id);
  expect(sink.query({ sessionId: id }).items.map(({ type }) => type)).toEqual(["ended", "created"]);

  const database = kept(new DatabaseSync(":memory:")) as SqliteDatabase;
  const both = createSessions({ store: sqliteStore({ database }) });
  const within = sqliteAuditSink({ database, batch: 1 });
  auditLog(both, within);
  both.destroyByUser(both.create("u").userId ?? "");
  expect(within.query().items.map(({ reason }) => reason)).toEqual(["revoked", null]);
});

/** Five records, and a connection to them that does not go through the sink. */
function written(): { readonly database: DatabaseSync; readonly sink: SqliteAuditSink } {
  const database = kept(new DatabaseSync(":memory:"));
  const sink = sqliteAuditSink({ database, batch: 1 });
  for (let n = 0; n < 5; n++) sink.write(record(T + n));
  return { database, sink };
}
const away = (database: DatabaseSync): void => {
  for (const row of database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all())
    database.exec(`DROP TRIGGER ${String(row["name"])}`);
};

describe("what was written stays", () => {
  const hash = "(SELECT hash FROM sojourn_audit WHERE id = 2)";
  const values = `1, 'ended', 'u', 's', NULL, NULL, NULL, ${hash}`;
  const columns = "at, type, userId, sessionId, reason, ip, userAgent, hash";

  test.each([
    ["changed", "UPDATE sojourn_audit SET userId = 'somebody else'"],
    ["changed in passing", "UPDATE OR REPLACE sojourn_audit SET id = 3 WHERE id = 2"],
    ["replaced", `INSERT OR REPLACE INTO sojourn_audit (id, ${columns}) VALUES (3, ${values})`],
    ["replaced by another word for it", `REPLACE INTO sojourn_audit (id, ${columns}) VALUES (5, ${values})`],
    [
      "replaced where it conflicts",
      `INSERT INTO sojourn_audit (id, ${columns}) VALUES (3, ${values}) ON CONFLICT (id) DO UPDATE SET userId = 'x'`,
    ],
    ["a fresh one removed", "DELETE FROM sojourn_audit WHERE id = 5"],
    ["one in the middle removed", "DELETE FROM sojourn_audit WHERE id = 3"],
    ["the first removed", "DELETE FROM sojourn_audit WHERE id = 1"],
    ["all removed", "DELETE FROM sojourn_audit"],
    ["the start invented", "UPDATE sojourn_audit_start SET id = 3, hash = 'x'"],
    ["the start removed", "DELETE FROM sojourn_audit_start"],
    ["the start replaced", "INSERT OR REPLACE INTO sojourn_audit_start (one, id, hash) VALUES (1, 3, 'x')"],
  ])("a record cannot be changed, replaced or removed: %s", (_, sql) => {
    const { database, sink } = written();
    expect(() => database.exec(sql)).toThrow(/audit/);
    expect(sink.verify()).toMatchObject({ intact: true, records: 5, removed: 0 });
  });

  test.each<[string, string, object]>([
    ["a changed field", "UPDATE sojourn_audit SET userId = 'x' WHERE id = 3", { id: 3, reason: "changed", records: 2 }],
    ["a field that is gone", "UPDATE sojourn_audit SET userId = NULL WHERE id = 1", { id: 1, reason: "changed" }],
    ["an instant", "UPDATE sojourn_audit SET at = at + 1 WHERE id = 5", { id: 5, reason: "changed", records: 4 }],
    ["a record that is gone", "DELETE FROM sojourn_audit WHERE id = 3", { id: 3, reason: "missing", records: 2 }],
    ["the first that is gone", "DELETE FROM sojourn_audit WHERE id = 1", { id: 1, reason: "missing", records: 0 }],
    ["the last that is gone", "DELETE FROM sojourn_audit WHERE id = 5", { id: 5, reason: "missing", records: 4 }],
    ["all gone", "DELETE FROM sojourn_audit", { id: 1, reason: "missing", records: 0 }],
    [
      "two that changed places",
      "UPDATE sojourn_audit SET id = 9 WHERE id = 2; UPDATE sojourn_audit SET id = 2 WHERE id = 3; UPDATE sojourn_audit SET id = 3 WHERE id = 9",
      { id: 2, reason: "changed" },
    ],
    ["a start that was moved", "UPDATE sojourn_audit_start SET id = 2, hash = 'x'", { id: 3, reason: "changed" }],
    [
      "an instant that no number holds",
      "UPDATE sojourn_audit SET at = 1 << 60 WHERE id = 2",
      { id: 2, reason: "changed" },
    ],
    ["an id that no number holds", "UPDATE sojourn_audit SET id = 1 << 60 WHERE id = 5", { id: 5, reason: "missing" }],
    ["a start that no number holds", "UPDATE sojourn_audit_start SET id = 1 << 60", { reason: "changed" }],
    ["a count that no number holds", "UPDATE sqlite_sequence SET seq = 1 << 60", { id: 6, reason: "missing" }],
    [
      "a change behind which the start was moved",
      "UPDATE sojourn_audit_start SET (id, hash) = (SELECT id, hash FROM sojourn_audit WHERE id = 4); UPDATE sojourn_audit SET userId = 'x' WHERE id = 2",
      { id: 5, reason: "changed", records: 0 },
    ],
    [
      "one before the first",
      `INSERT INTO sojourn_audit (id, ${columns}) VALUES (-1, ${values})`,
      { id: 1, reason: "changed", records: 0 },
    ],
    [
      "a start beyond all that was written, which is gone",
      "UPDATE sojourn_audit_start SET id = 9; DELETE FROM sojourn_audit",
      { id: 9, reason: "changed", records: 0 },
    ],
    ["a start that is gone", "DELETE FROM sojourn_audit_start", { id: 0, reason: "missing" }],
  ])("verify finds, where the triggers were taken away: %s", (_, sql, expected) => {
    const { database, sink } = written();
    away(database);
    database.exec(sql);
    expect(sink.verify()).toMatchObject({ intact: false, ...expected });
  });

  test("a head that was noted elsewhere finds a log that was written anew", () => {
    const { sink } = written();
    const head = headOf(sink.verify());
    const { sink: anew } = written();
    expect(anew.verify({ head })).toMatchObject({ intact: true });
    const other = sqliteAuditSink({ database: kept(new DatabaseSync(":memory:")), batch: 1 });
    for (let n = 0; n < 5; n++) other.write(record(T + n, { userId: n === 2 ? "x" : "u" }));
    expect(other.verify()).toMatchObject({ intact: true });
    expect(other.verify({ head })).toEqual({ intact: false, id: 5, reason: "changed", records: 4 });
  });

  test("a head that was noted elsewhere finds a tail that is gone, and a start that went beyond it", () => {
    const { database, sink } = written();
    const early = headOf(sink.verify());
    sink.write(record(T + 5));
    const late = headOf(sink.verify());
    expect(sink.verify({ head: early })).toMatchObject({ intact: true, records: 6 });
    away(database);
    database.exec("DELETE FROM sojourn_audit WHERE id = 6; UPDATE sqlite_sequence SET seq = 5");
    expect(sink.verify()).toMatchObject({ intact: true, records: 5 });
    expect(sink.verify({ head: late })).toEqual({ intact: false, id: 6, reason: "missing", records: 5 });
    for (const n of [6, 7]) sink.write(record(T + n));
    expect(sink.deleteBefore(T + 7)).toBe(6);
    expect(sink.verify({ head: early })).toEqual({ intact: false, id: 5, reason: "removed", records: 0 });
  });

  test("records that another process removes while they are verified are not missing", () => {
    const path = testFile();
    const other = kept(sqliteAuditSink({ path, batch: 1_000 }));
    for (let n = 0; n < 2_500; n++) other.write(record(T + n));
    other.flush();
    const database = kept(new DatabaseSync(path));
    let pages = 0;
    const sink = sqliteAuditSink({
      database: {
        prepare(sql) {
          const statement = database.prepare(sql);
          if (!/WHERE id > \? ORDER BY/.test(sql)) return statement;
          const all = (...values: never[]): unknown[] => {
            // Between the first page and the second.
            if (++pages === 2) for (let n = 0; n < 2; n++) expect(other.deleteBefore(T + 2_000)).toBe(1_000);
            return statement.all(...values);
          };
          return { all, get: () => undefined, run: () => undefined };
        },
      },
    });
    expect(sink.verify()).toMatchObject({ intact: true, records: 500, removed: 2_000 });
  });

  test("two sinks on one file add to one chain", () => {
    const path = testFile();
    const sinks = [1, 2].map((batch) => kept(sqliteAuditSink({ path, batch })));
    for (let n = 0; n < 20; n++) sinks[n % 2]?.write(record(T + n));
    for (const sink of sinks) expect(sink.verify()).toMatchObject({ intact: true, records: 20 });
  });

  test("a table that an unpublished version made is refused, not half used", () => {
    const database = kept(new DatabaseSync(":memory:"));
    database.exec("CREATE TABLE sojourn_audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL)");
    expect(() => sqliteAuditSink({ database })).toThrow(expect.objectContaining({ code: "store_schema" }));
  });
});

test("queries read by an index, and none sorts", () => {
  const database = kept(new DatabaseSync(":memory:"));
  const sink = sqliteAuditSink({ database });
  const seen = vi.spyOn(database, "prepare");
  sink.query({ userId: "u" });
  sink.query({ sessionId: "s" });
  sink.query({ type: "ended" });
  sink.query({ reason: "reuse" });
  sink.query({ from: 1, to: 2 });
  const queries = seen.mock.calls.map(([sql]) => sql).filter((sql) => sql.startsWith("SELECT id"));
  seen.mockRestore();
  expect(queries).toHaveLength(5);
  for (const sql of queries) {
    const values = Array.from(sql.matchAll(/\?/g), () => 1);
    const plan = database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...values)
      .map((row) => String(row["detail"]));
    expect(plan.join("; ")).toMatch(/^SEARCH sojourn_audit USING INDEX sojourn_audit_\w+ \([^)]*\)$/);
  }
});

test.each<[string, () => unknown, RegExp]>([
  ["neither path nor database", () => sqliteAuditSink({} as never), /Expected `path`, or `database`/],
  ["both", () => sqliteAuditSink({ path: "x", database: {} } as never), /got both/],
  ["an empty path", () => sqliteAuditSink({ path: "" }), /path of a file/],
  ["a batch of 0", () => sqliteAuditSink({ path: ":memory:", batch: 0 }), /Expected `batch`/],
  ["a misspelt option", () => sqliteAuditSink({ pathh: ":memory:" } as never), /such as `path`, got "pathh"/],
  ["a cursor that is none", () => kept(sqliteAuditSink({ path: ":memory:" })).query({ after: "x" }), /`after`/],
  ["a limit of 0", () => kept(sqliteAuditSink({ path: ":memory:" })).query({ limit: 0 }), /`limit`/],
  ["an instant that is none", () => kept(sqliteAuditSink({ path: ":memory:" })).query({ from: 0.5 }), /`from`/],
  ["a head that is none", () => kept(sqliteAuditSink({ path: ":memory:" })).verify({ head: "x" }), /`head`/],
  ["a limit beyond a page", () => kept(sqliteAuditSink({ path: ":memory:" })).deleteBefore(T, 1_001), /`limit`/],
])("%s is refused", (_, use, message) => {
  expect(use).toThrow(message);
});

test("a closed sink takes nothing more; closing it writes what waits, and closing it again does nothing", () => {
  const path = testFile();
  const sink = sqliteAuditSink({ path });
  sink.write(record(T));
  sink.close();
  sink.close();
  expect(() => sink.write(record(T))).toThrow(expect.objectContaining({ code: "store_closed" }));
  expect(() => sink.query()).toThrow(expect.objectContaining({ code: "store_closed" }));
  expect(kept(sqliteAuditSink({ path })).query().items).toHaveLength(1);
});
