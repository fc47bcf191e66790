/** What every audit sink that remembers does, wherever its records are. */
import type { PGlite } from "@electric-sql/pglite";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { AuditRecord } from "../../src/audit/audit-log.ts";
import { postgresAuditSink, type PostgresAuditOptions } from "../../src/audit/postgres-audit-sink.ts";
import { sqliteAuditSink } from "../../src/audit/sqlite-audit-sink.ts";
import type { AuditQuery, StoredAuditSink } from "../../src/audit/stored-audit-sink.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { SqliteDatabase } from "../../src/store/sqlite/index.ts";
import { BetterSqlite3 } from "../store/sqlite/support/better-sqlite3.ts";
import { testFile } from "../store/sqlite/support/folder.ts";
import { startPgbouncer } from "../store/support/pgbouncer.ts";
import { noPgbouncer, noPostgres } from "../store/support/postgres-binary.ts";
import { pgPool, postgresJs, type OpenPostgresClient } from "../store/support/postgres-clients.ts";
import { startPglite } from "../store/support/start-pglite.ts";
import { startPostgres, type PostgresServer } from "../store/support/postgres-server.ts";
import { headOf, record, T } from "./support/audit-records.ts";

const opened: { close(): unknown }[] = [];
const shared: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});
afterAll(async () => {
  for (const stop of shared.toReversed()) await stop();
});

function kept<T extends { close(): unknown }>(each: T): T {
  opened.push(each);
  return each;
}

/** Every page of a query, in order. */
async function all(sink: StoredAuditSink<Mode>, query: AuditQuery, limit: number): Promise<AuditRecord[]> {
  const found: AuditRecord[] = [];
  let after: string | undefined;
  do {
    const page = await sink.query({ ...query, after, limit });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    found.push(...page.items);
    // A cursor that does not move on is to fail here, not to go round for ever.
    expect(found.length).toBeLessThan(1_000);
    after = page.next;
  } while (after !== undefined);
  return found;
}

/** A log of its own, in a schema of its own. */
async function inPostgres(client: PostgresAuditOptions["client"]): Promise<StoredAuditSink<"async">> {
  const schema = `audit_${schemas++}`;
  return kept(await postgresAuditSink({ client, schema, migrate: true, deadline: "20s" }));
}
let schemas = 0;

let server: Promise<PostgresServer> | undefined;
async function startedOnce(): Promise<PostgresServer> {
  server ??= startPostgres().then((started) => {
    shared.unshift(async () => started.stop());
    return started;
  });
  return server;
}

function onServer(open: OpenPostgresClient, pooled = false): () => Promise<StoredAuditSink<"async">> {
  let client: Promise<PostgresAuditOptions["client"]> | undefined;
  const connect = async (): Promise<PostgresAuditOptions["client"]> => {
    const started = await startedOnce();
    let { url } = started;
    if (pooled) {
      const pooler = await startPgbouncer(started, 2);
      shared.push(async () => pooler.stop());
      ({ url } = pooler);
    }
    const connected = await open(url);
    shared.push(async () => connected.close());
    return connected.client;
  };
  return async () => inPostgres(await (client ??= connect()));
}

let pglite: Promise<PGlite> | undefined;
async function inPglite(): Promise<StoredAuditSink<"async">> {
  pglite ??= startPglite().then((database) => {
    shared.push(async () => database.close());
    return database;
  });
  return inPostgres(await pglite);
}

type Kind = readonly [string, () => StoredAuditSink<"sync"> | Promise<StoredAuditSink<"async">>];

const kinds: readonly Kind[] = [
  ["a file", () => kept(sqliteAuditSink({ path: testFile() }))],
  ["node:sqlite", () => sqliteAuditSink({ database: kept(new DatabaseSync(":memory:")) as SqliteDatabase })],
  ["better-sqlite3", () => sqliteAuditSink({ database: kept(new BetterSqlite3(":memory:")) })],
  ["PGlite", inPglite],
  ...(noPostgres
    ? []
    : ([
        ["pg, a pool", onServer(pgPool)],
        ["postgres.js", onServer(postgresJs)],
      ] satisfies Kind[])),
  ...(noPostgres || noPgbouncer ? [] : ([["pg, behind PgBouncer", onServer(pgPool, true)]] satisfies Kind[])),
];

describe.each(kinds)("an audit sink that remembers: %s", (_, open) => {
  test("is asked by user, session, type, reason and time, and gives back what was written", async () => {
    const sink = await open();
    const records = Array.from({ length: 60 }, (_, n) =>
      record(T + n, {
        type: n % 3 === 0 ? "ended" : "created",
        userId: n % 5 === 0 ? null : `user ${n % 4}`,
        sessionId: `sess_${n % 7}`,
        reason: n % 3 === 0 ? (n % 2 === 0 ? "logout" : "revoked") : null,
        ip: n % 2 === 0 ? "::1" : null,
        userAgent: n === 7 ? "\u{10FFFF} \u{1f600}" : null,
      }),
    );
    for (const each of records) await sink.write(each);
    const expected = (keep: (each: AuditRecord) => boolean): AuditRecord[] => records.filter(keep).toReversed();
    for (const limit of [1, 7, 1_000]) {
      expect(await all(sink, {}, limit)).toEqual(expected(() => true));
      expect(await all(sink, { userId: "user 1" }, limit)).toEqual(expected((each) => each.userId === "user 1"));
      expect(await all(sink, { sessionId: "sess_3" }, limit)).toEqual(expected((each) => each.sessionId === "sess_3"));
      expect(await all(sink, { type: "ended" }, limit)).toEqual(expected((each) => each.type === "ended"));
      expect(await all(sink, { reason: "revoked" }, limit)).toEqual(expected((each) => each.reason === "revoked"));
      expect(await all(sink, { from: T + 10, to: T + 20 }, limit)).toEqual(
        expected(({ at }) => at >= T + 10 && at < T + 20),
      );
      expect(await all(sink, { userId: "user 2", type: "ended", from: T + 5, to: T + 50 }, limit)).toEqual(
        expected((each) => each.userId === "user 2" && each.type === "ended" && each.at >= T + 5 && each.at < T + 50),
      );
    }
    expect(await sink.query({ userId: "nobody" })).toEqual({ items: [], next: undefined });
    expect(await sink.lastEnd("sess_0")).toMatchObject({ type: "ended", at: T + 42 });
    expect(await sink.lastEnd("sess_none")).toBeUndefined();
  });

  test("pages stay in their order when records of one instant are there, and others come in between", async () => {
    const sink = await open();
    for (let n = 0; n < 10; n++) await sink.write(record(T, { sessionId: `s${n}` }));
    const first = await sink.query({ limit: 4 });
    for (let n = 10; n < 13; n++) await sink.write(record(T, { sessionId: `s${n}` }));
    const rest = await sink.query({ limit: 100, after: first.next });
    const order = [...first.items, ...rest.items].map(({ sessionId }) => sessionId);
    expect(order.join(" ")).toBe("s9 s8 s7 s6 s5 s4 s3 s2 s1 s0");
  });

  test("deleteBefore removes the oldest, in slices, and nothing at or after the instant", async () => {
    const sink = await open();
    for (let n = 0; n < 10; n++) await sink.write(record(T + n));
    expect(await sink.deleteBefore(T + 8, 5)).toBe(5);
    expect((await all(sink, {}, 100)).map(({ at }) => at - T)).toEqual([9, 8, 7, 6, 5]);
    expect(await sink.deleteBefore(T + 8, 5)).toBe(3);
    expect(await sink.deleteBefore(T + 8)).toBe(0);
    expect((await all(sink, {}, 100)).map(({ at }) => at - T)).toEqual([9, 8]);
  });

  test("deleteBefore leaves what was written after a record that stays, so that the chain has no gap", async () => {
    const sink = await open();
    for (const n of [1, 2, 9, 3, 10]) await sink.write(record(T + n));
    expect(await sink.deleteBefore(T + 5)).toBe(2);
    expect((await all(sink, {}, 100)).map(({ at }) => at - T)).toEqual([10, 9, 3]);
    expect(await sink.deleteBefore(T + 10)).toBe(2);
    expect(await sink.verify()).toMatchObject({ intact: true, records: 1, removed: 4 });
  });

  test("verify: the chain holds while records are added, trimmed and added again", async () => {
    const sink = await open();
    const none = await sink.verify();
    expect(none).toMatchObject({ intact: true, records: 0, removed: 0 });
    const odd = '\0 \ud800 \u{10FFFF} "quoted"';
    const each = (n: number): AuditRecord => record(T + n, { userId: n % 2 === 0 ? null : `u${n}`, userAgent: odd });
    await Promise.all(Array.from({ length: 2_500 }, async (_, n) => sink.write(each(n))));
    const before = await sink.verify();
    expect(before).toMatchObject({ intact: true, records: 2_500, removed: 0 });
    expect(before).toMatchObject({ earliest: T, latest: T + 2_499 });
    while ((await sink.deleteBefore(T + 2_500)) > 0);
    const trimmed = await sink.verify();
    // Nothing is left, and yet the chain goes on from where it was.
    expect(trimmed).toEqual({ intact: true, records: 0, removed: 2_500, head: headOf(before) });
    await sink.write(record(T + 3_000));
    const after = await sink.verify({ head: headOf(before) });
    expect(after).toMatchObject({ intact: true, records: 1, removed: 2_500 });
    expect(headOf(after)).not.toBe(headOf(before));
  });
});
