/** The audit log in Postgres: several writers, a server that is away, rights, and what somebody else has changed. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { auditLog } from "../../src/audit/audit-log.ts";
import {
  postgresAuditMigrations,
  postgresAuditSink,
  type PostgresAuditOptions,
  type PostgresAuditSink,
} from "../../src/audit/postgres-audit-sink.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { portOf } from "../../src/store/postgres/clients.ts";
import { postgresStore, type PostgresPort } from "../../src/store/postgres/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { noPostgres } from "../store/support/postgres-binary.ts";
import { pgPool, postgresJs } from "../store/support/postgres-clients.ts";
import { startPostgres, type PostgresServer } from "../store/support/postgres-server.ts";
import { headOf, record, T } from "./support/audit-records.ts";

const KILLS = Number(process.env["SOJOURN_KILLS"] ?? 5);

test.each<[string, unknown, RegExp]>([
  ["nothing", undefined, /^Expected the options of `postgresAuditSink` to be an object, got undefined$/],
  ["a connection string", "postgres://u:secret@h/d", /^Expected the options .* got a connection string$/],
  ["a misspelt option", { client: {}, shema: "x" }, /such as `schema`, got "shema"/],
  ["no client", {}, /^Expected `client` to be/],
  ["a schema in capitals", { client: {}, schema: "Audit" }, /^Expected `schema` to be a name/],
  ["no batch", { client: {}, batch: 0 }, /^Expected `batch` to be 1 to 10000 records, got 0$/],
  ["an hour", { client: {}, deadline: "1h" }, /^Expected `deadline` to be at most a minute/],
  ["a flag that is none", { client: {}, migrate: "yes" }, /^Expected `migrate` to be true or false/],
])("options: %s", async (_, options, message) => {
  await expect(postgresAuditSink(options as never)).rejects.toThrow(message);
  await expect(postgresAuditSink(options as never)).rejects.toBeInstanceOf(TypeError);
});

test("the tables are in the guides as SQL", () => {
  const written = readFileSync(new URL("../../../../docs/stores/postgres-audit-schema.sql", import.meta.url), "utf8");
  expect(written).toContain(
    postgresAuditMigrations()
      .map(({ sql }) => sql)
      .join("\n"),
  );
});

describe.skipIf(noPostgres)("on a server", () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let schemas = 0;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url, connectionTimeoutMillis: 500 });
    pool.on("error", () => {});
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  /** A sink on a log of its own. */
  async function open(
    options: Partial<PostgresAuditOptions> = {},
  ): Promise<{ sink: PostgresAuditSink; schema: string }> {
    const schema = `audit_${schemas++}`;
    const sink = await postgresAuditSink({ client: pool, schema, migrate: true, deadline: "20s", ...options });
    return { sink, schema };
  }

  /** The port of the pool, with something before or behind each statement. */
  function portWith(
    query: (port: PostgresPort, ...args: Parameters<PostgresPort["query"]>) => ReturnType<PostgresPort["query"]>,
  ): PostgresPort {
    const port = portOf(pool, false, () => () => {});
    return { ...port, query: async (...args) => query(port, ...args) };
  }

  /** Five records. */
  async function written(): Promise<{ sink: PostgresAuditSink; schema: string }> {
    const opened = await open();
    await Promise.all(Array.from({ length: 5 }, async (_, n) => opened.sink.write(record(T + n))));
    return opened;
  }
  /** In one transaction; without the triggers, as whoever owns the tables can take them away. */
  async function change(schema: string, sql: string, triggers: boolean): Promise<void> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const off = ["record", "chain"].map((table) => `ALTER TABLE ${table} DISABLE TRIGGER ALL;`).join(" ");
    try {
      await client.query(`SET search_path = ${schema}; ${triggers ? "" : off} ${sql}`);
    } finally {
      await client.end();
    }
  }

  test("a whole life is in the log, queried by reason; and no token, hash or data is", async () => {
    const { sink, schema } = await open();
    const clock = manualClock();
    const sessions = createSessions({ clock });
    const audit = auditLog(sessions, sink);
    const { token, id } = sessions.create("ann", { note: "confidential" }, { device: { ip: "::1" } });
    const next = sessions.rotate(token);
    clock.advance("1m");
    expect(sessions.authenticate(token)).toBeUndefined();
    expect((await sink.query({ userId: "ann", reason: "reuse" })).items).toEqual([
      { at: clock.now(), type: "ended", userId: "ann", sessionId: id, reason: "reuse", ip: "::1", userAgent: null },
    ]);
    expect(await audit.explain(token)).toEqual({ state: "ended", id, reason: "reuse", at: clock.now() });
    const there = JSON.stringify(await server.ask(`SELECT * FROM ${schema}.record`));
    expect(there).toContain(id);
    for (const secret of [token.slice(27), next?.token.slice(27) ?? "", "confidential"])
      expect(there).not.toContain(secret);
  });

  test("writers of several processes add to one chain, each in its order", async () => {
    const { schema } = await open();
    const clients = await Promise.all([pgPool, postgresJs, pgPool].map(async (connect) => connect(server.url)));
    onTestFinished(async () => void (await Promise.all(clients.map(async ({ close }) => close()))));
    const sinks = await Promise.all(
      [1, 1, 7, 64].map(async (batch, index) =>
        postgresAuditSink({ client: clients[index % 3]!.client, schema, batch, deadline: "20s" }),
      ),
    );
    const [first] = sinks as [PostgresAuditSink];
    await Promise.all(
      sinks.map(async (sink, index) => {
        for (let n = 0; n < 300; n++) {
          void sink.write(record(T + n, { userId: `writer ${index}` }));
          if (n % 20 === index) await sink.flush();
        }
        await sink.close();
      }),
    );
    const reader = await postgresAuditSink({ client: pool, schema });
    expect(await reader.verify()).toMatchObject({ intact: true, records: 1_200, removed: 0 });
    const rows = await server.ask(`SELECT user_id, at::float8 AS at FROM ${schema}.record ORDER BY id`);
    for (let index = 0; index < 4; index++) {
      const own = rows.filter((row) => row["user_id"] === `writer ${index}`).map((row) => Number(row["at"]) - T);
      expect(own).toEqual(Array.from({ length: 300 }, (_, n) => n));
    }
    expect(() => first.write(record(T))).toThrow(expect.objectContaining({ code: "store_closed" }));
    await expect(first.flush()).rejects.toMatchObject({ code: "store_closed" });
    await expect(first.query()).rejects.toMatchObject({ code: "store_closed" });
    await first.close();
  });

  test("records wait for a batch, and those that come meanwhile go together", async () => {
    const sizes: number[] = [];
    let hold: Promise<unknown> = Promise.resolve();
    const client = portWith(async (port, statement, values, sending) => {
      if (statement.text.includes("append_v1")) {
        sizes.push((JSON.parse(String(values[2])) as unknown[]).length);
        await hold;
      }
      return port.query(statement, values, sending);
    });
    const waiting = (await open({ client, batch: 3 })).sink;
    expect([1, 2, 3].map((n) => waiting.write(record(T + n)) !== undefined)).toEqual([false, false, true]);
    void waiting.write(record(T));
    await waiting.flush();
    expect(sizes.splice(0)).toEqual([3, 1]);
    const held = Promise.withResolvers<void>();
    hold = held.promise;
    const { sink } = await open({ client });
    for (let n = 0; n < 1_201; n++) void sink.write(record(T + n));
    held.resolve();
    await sink.flush();
    expect(sizes).toEqual([1, 500, 500, 200]);
  });

  test("a batch whose answer was lost counts once, also where it arrives late", async () => {
    let loses = false;
    const late: (() => Promise<unknown>)[] = [];
    const client = portWith(async (port, statement, values, sending) => {
      if (!statement.text.includes("append_v1")) return port.query(statement, values, sending);
      const again = async () => port.query(statement, values, { isOver: false, sent: () => {}, onOver: () => {} });
      late.push(again);
      await again();
      if (loses) throw Object.assign(new Error("Connection terminated unexpectedly"));
      return [];
    });
    const { sink } = await open({ client, batch: 10 });
    loses = true;
    for (let n = 0; n < 4; n++) void sink.write(record(T + n));
    await expect(sink.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    // It is the same batch that is sent again: this one goes after it.
    void sink.write(record(T + 4));
    loses = false;
    await sink.flush();
    for (const again of late) await again();
    expect((await sink.query()).items.map(({ at }) => at - T)).toEqual([4, 3, 2, 1, 0]);
    expect(await sink.verify()).toMatchObject({ intact: true, records: 5 });
  });

  test("a record that Postgres would refuse is refused at once, and keeps no other from being written", async () => {
    const { sink } = await open();
    expect(() => sink.write(record(0.5))).toThrow("Expected `at` to be whole epoch milliseconds, got 0.5");
    expect(() => sink.write(record(T, { userId: 5 as never }))).toThrow(/^Expected `userId` of an audit record/);
    expect(() => sink.write(record(T, { type: undefined as never }))).toThrow(/^Expected `type`/);
    const long = "x".repeat(100_000);
    await sink.write(
      record(T, { type: long as never, userId: long, sessionId: long, reason: long as never, ip: long }),
    );
    expect((await sink.query({ userId: long, sessionId: long })).items).toHaveLength(1);
    expect(await sink.verify()).toMatchObject({ intact: true, records: 1 });
  });

  test("what waits is bounded, and each record beyond it is reported as lost", async () => {
    let isAway = true;
    const client = portWith(async (port, ...args) => {
      if (isAway && args[0].text.includes("append_v1")) throw Object.assign(new Error("no"), { code: "ECONNREFUSED" });
      return port.query(...args);
    });
    const { sink } = await open({ client, batch: 10_000 });
    for (let n = 0; n < 9_999; n++) void sink.write(record(T + n));
    await expect(sink.write(record(T + 9_999))).rejects.toMatchObject({ code: "store_unavailable" });
    expect(() => sink.write(record(T + 10_000))).toThrow(expect.objectContaining({ code: "store_full" }));
    isAway = false;
    await sink.flush();
    expect((await sink.query({ limit: 1 })).items[0]?.at).toBe(T + 9_999);
    expect(await sink.verify()).toMatchObject({ intact: true, records: 10_000 });
  });

  test("a server that stands still, or is away, delays no login and loses no record", async () => {
    const { sink } = await open({ deadline: "300ms" });
    const errors: unknown[] = [];
    const sessions = createSessions();
    auditLog(sessions, sink, { onError: (error) => errors.push(error) });
    server.pause();
    const started = performance.now();
    for (let n = 0; n < 5; n++) sessions.create(`u${n}`);
    expect(performance.now() - started).toBeLessThan(250);
    await expect(sink.flush()).rejects.toMatchObject({ code: "store_timeout" });
    // One attempt, and one report of it.
    expect(errors).toMatchObject([{ code: "store_timeout" }]);
    server.resume();
    await server.kill();
    sessions.create("u5");
    await expect(sink.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    await server.restart();
    const after = await postgresAuditSink({ client: pool, schema: `audit_${schemas - 1}` });
    await expect.poll(async () => sink.flush().then(() => "done", String), { timeout: 10_000 }).toBe("done");
    expect((await after.query()).items.map(({ userId }) => userId)).toEqual(["u5", "u4", "u3", "u2", "u1", "u0"]);
    expect(await after.verify()).toMatchObject({ intact: true, records: 6 });
  });

  test(`what was acknowledged survives ${KILLS} kills, once`, { timeout: 60_000 + 5_000 * KILLS }, async () => {
    const { sink, schema } = await open({ deadline: "1s" });
    let written = 0;
    let acknowledged = 0;
    const state = { stops: false };
    let faults = 0;
    const load = (async () => {
      while (!state.stops) {
        for (let n = 0; n < 5; n++) Promise.resolve(sink.write(record(T + written++))).catch(() => {});
        const wanted = written;
        await sink.flush().then(
          () => (acknowledged = wanted),
          () => faults++,
        );
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged;
      await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(before + 20);
      await server.kill();
      const sure = acknowledged;
      await server.restart();
      const [row] = await server.ask(
        `SELECT count(*)::int AS n, count(DISTINCT at)::int AS once FROM ${schema}.record`,
      );
      expect(row?.["n"]).toBeGreaterThanOrEqual(sure);
      expect(row?.["n"]).toBe(row?.["once"]);
    }
    state.stops = true;
    await load;
    await expect.poll(async () => sink.flush().then(() => "done", String), { timeout: 10_000 }).toBe("done");
    expect(faults).toBeGreaterThan(0);
    const rows = await server.ask(`SELECT at::float8 AS at FROM ${schema}.record ORDER BY id`);
    expect(rows.map((row) => Number(row["at"]) - T)).toEqual(Array.from({ length: written }, (_, n) => n));
    expect(await sink.verify()).toMatchObject({ intact: true, records: written });
  });

  describe("tables", () => {
    test("that are not there are asked for; those of a later version are refused", async () => {
      const schema = "audit_none";
      await expect(postgresAuditSink({ client: pool, schema })).rejects.toMatchObject({
        code: "store_schema",
        message: expect.stringContaining("postgresAuditSink.migrate") as string,
      });
      await Promise.all([1, 2, 3].map(async () => postgresAuditSink.migrate(pool, { schema })));
      await (await postgresAuditSink({ client: pool, schema })).close();
      await server.ask(`UPDATE ${schema}.audit_version SET version = 99, oldest = 99`);
      await expect(postgresAuditSink({ client: pool, schema })).rejects.toMatchObject({ code: "store_schema" });
    });

    test("can be in the schema of the sessions, and in one whose name is a word of SQL", async () => {
      for (const schema of ["sojourn", "table"]) {
        const store = await postgresStore({ client: pool, schema, migrate: true });
        const sink = await postgresAuditSink({ client: pool, schema, migrate: true });
        const sessions = createSessions({ store });
        auditLog(sessions, sink);
        await sessions.destroyByUser((await sessions.create("u")).userId ?? "");
        expect((await sink.query()).items.map(({ reason }) => reason)).toEqual(["revoked", null]);
        expect(await sink.deleteBefore(Date.now() + 60_000)).toBe(2);
        await store.close();
      }
    });

    test("a role with the rights of the guide adds and reads, and can do no more; another removes what is old", async () => {
      const guide = readFileSync(new URL("../../../../docs/compliance.md", import.meta.url), "utf8");
      const grants = guide.match(/^GRANT .*;$/gm) ?? [];
      expect(grants.length).toBe(5);
      await postgresAuditSink.migrate(pool);
      for (const role of ["app", "retention"]) await server.ask(`CREATE ROLE ${role} LOGIN`);
      for (const grant of grants) await server.ask(grant);
      const [app, retention] = ["app", "retention"].map((role) => {
        const client = new pg.Pool({ connectionString: server.url.replace("postgres@", `${role}@`) });
        onTestFinished(async () => client.end());
        return client;
      }) as [pg.Pool, pg.Pool];
      const sink = await postgresAuditSink({ client: app });
      await sink.write(record(T));
      await sink.write(record(T + 1));
      expect(await sink.verify()).toMatchObject({ intact: true, records: 2 });
      expect((await sink.query({ userId: "u" })).items).toHaveLength(2);
      await expect(sink.deleteBefore(T + 1)).rejects.toMatchObject({ code: "store_unavailable" });
      for (const sql of [
        "DELETE FROM sojourn_audit.record",
        "UPDATE sojourn_audit.record SET user_id = 'x'",
        "TRUNCATE sojourn_audit.record",
        "INSERT INTO sojourn_audit.record (id, at, type, hash) VALUES (9, 1, 'ended', 'x')",
        "UPDATE sojourn_audit.chain SET id = 9",
        // Who knows the name of another process could send a later batch in its name, and its own would count as there.
        "SELECT writer FROM sojourn_audit.writer",
        "ALTER TABLE sojourn_audit.record DISABLE TRIGGER ALL",
      ])
        await expect(app.query(sql), sql).rejects.toThrow(/permission denied|must be owner/);
      expect(await (await postgresAuditSink({ client: retention })).deleteBefore(T + 1)).toBe(1);
      expect(await sink.verify()).toMatchObject({ intact: true, records: 1, removed: 1 });
    });

    test("each statement has a name of its own, in whatever schema, which Postgres does not cut", async () => {
      const texts = new Map<string, Set<string>>();
      const client = portWith(async (port, statement, values, sending) => {
        const { name, text } = statement;
        texts.set(name, (texts.get(name) ?? new Set()).add(text));
        return port.query(statement, values, sending);
      });
      for (const end of ["a", "b"]) {
        const schema = `audit_${"x".repeat(56)}${end}`;
        const sink = await postgresAuditSink({ client, schema, migrate: true, deadline: "20s" });
        await sink.write(record(T));
        await sink.query({ userId: "u", sessionId: "s", type: "ended", reason: "reuse" });
        await sink.verify();
        await sink.deleteBefore(T);
      }
      expect([...texts.values()].filter(({ size }) => size > 1)).toEqual([]);
      expect([...texts.keys()].filter((name) => name.length > 63)).toEqual([]);
    });

    test("queries read by an index, and none sorts", async () => {
      const texts: [string, readonly unknown[]][] = [];
      const client = portWith(async (port, statement, values, sending) => {
        if (statement.text.includes("ORDER BY record.at")) texts.push([statement.text, values]);
        return port.query(statement, values, sending);
      });
      const { sink } = await open({ client });
      await Promise.all(
        Array.from({ length: 500 }, async (_, n) => sink.write(record(T + n, { userId: `u${n % 50}` }))),
      );
      for (const query of [{ userId: "u" }, { sessionId: "s" }, { type: "ended" }, { reason: "reuse" }] as const)
        await sink.query(query);
      await sink.query({ from: T + 10, to: T + 20 });
      expect(texts).toHaveLength(5);
      const connection = await pool.connect();
      onTestFinished(() => connection.release(true));
      // Of so few records it would read all.
      await connection.query("SET enable_seqscan = off; SET enable_bitmapscan = off");
      const plans: string[] = [];
      for (const [text, values] of texts) {
        const { rows } = await connection.query<Record<"QUERY PLAN", string>>(`EXPLAIN ${text}`, [...values]);
        plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
      }
      for (const [index, name] of ["user", "session", "type", "reason", "at"].entries())
        expect(plans[index]).toContain(`record_${name} `);
      for (const plan of plans) expect(plan).not.toContain("Sort");
    });
  });

  describe("what was written stays", () => {
    const columns = "at, type, user_id, session_id, hash";
    const values = "1, 'ended', 'u', 's', (SELECT hash FROM record WHERE id = 2)";

    test.each([
      ["changed", "UPDATE record SET user_id = 'somebody else'"],
      [
        "replaced where it conflicts",
        `INSERT INTO record (id, ${columns}) VALUES (3, ${values}) ON CONFLICT (id) DO UPDATE SET user_id = 'x'`,
      ],
      ["put before the end", `INSERT INTO record (id, ${columns}) VALUES (-1, ${values})`],
      ["a fresh one removed", "DELETE FROM record WHERE id = 5"],
      ["one in the middle removed", "DELETE FROM record WHERE id = 3"],
      ["the first removed", "DELETE FROM record WHERE id = 1"],
      ["all removed", "DELETE FROM record"],
      ["emptied", "TRUNCATE record"],
      ["the start invented", "UPDATE chain SET start_id = 3, start_hash = 'x'"],
      ["the end set back", "UPDATE chain SET id = 4"],
      ["the start removed", "DELETE FROM chain"],
      ["the start emptied", "TRUNCATE chain"],
      ["a second start", "INSERT INTO chain VALUES (false, 1, 'x', 3, 'x')"],
    ])("a record cannot be changed, replaced or removed: %s", async (_, sql) => {
      const { sink, schema } = await written();
      await expect(change(schema, sql, true)).rejects.toThrow(/audit/);
      expect(await sink.verify()).toMatchObject({ intact: true, records: 5, removed: 0 });
    });

    test.each<[string, string, object]>([
      ["a changed field", "UPDATE record SET user_id = 'x' WHERE id = 3", { id: 3, reason: "changed", records: 2 }],
      ["a field that is gone", "UPDATE record SET user_id = NULL WHERE id = 1", { id: 1, reason: "changed" }],
      ["an instant", "UPDATE record SET at = at + 1 WHERE id = 5", { id: 5, reason: "changed", records: 4 }],
      ["a record that is gone", "DELETE FROM record WHERE id = 3", { id: 3, reason: "missing", records: 2 }],
      ["the first that is gone", "DELETE FROM record WHERE id = 1", { id: 1, reason: "missing", records: 0 }],
      ["the last that is gone", "DELETE FROM record WHERE id = 5", { id: 5, reason: "missing", records: 4 }],
      ["all gone", "TRUNCATE record", { id: 1, reason: "missing", records: 0 }],
      [
        "two that changed places",
        "UPDATE record SET id = 9 WHERE id = 2; UPDATE record SET id = 2 WHERE id = 3; UPDATE record SET id = 3 WHERE id = 9",
        { id: 2, reason: "changed" },
      ],
      ["a start that was moved", "UPDATE chain SET start_id = 2, start_hash = 'x'", { id: 3, reason: "changed" }],
      [
        "an instant that no number holds",
        "UPDATE record SET at = 1::bigint << 60 WHERE id = 2",
        { id: 2, reason: "changed" },
      ],
      [
        "an id that no number holds",
        "UPDATE record SET id = 1::bigint << 60 WHERE id = 5",
        { id: 5, reason: "missing" },
      ],
      ["a count that no number holds", "UPDATE chain SET id = 1::bigint << 60", { id: 6, reason: "missing" }],
      [
        "a change behind which the start was moved",
        "UPDATE chain c SET (start_id, start_hash) = (SELECT r.id, r.hash FROM record r WHERE r.id = 4); UPDATE record SET user_id = 'x' WHERE id = 2",
        { id: 5, reason: "changed", records: 0 },
      ],
      [
        "one before the first",
        `INSERT INTO record (id, ${columns}) VALUES (-1, ${values})`,
        { id: 1, reason: "changed" },
      ],
      ["a start that is gone", "DELETE FROM chain", { id: 0, reason: "missing" }],
    ])("verify finds, where the triggers were taken away: %s", async (_, sql, expected) => {
      const { sink, schema } = await written();
      await change(schema, sql, false);
      expect(await sink.verify()).toMatchObject({ intact: false, ...expected });
    });

    test("a record that somebody else puts at the end is found, and keeps nobody from writing", async () => {
      const { sink, schema } = await written();
      await change(schema, `INSERT INTO record (id, ${columns}) VALUES (6, ${values})`, true);
      await sink.write(record(T + 9));
      expect((await sink.query({ limit: 1 })).items[0]?.at).toBe(T + 9);
      expect(await sink.verify()).toMatchObject({ intact: false, id: 6, reason: "changed" });
    });

    test("a log whose end is not known any more takes no records, and says so", async () => {
      const { sink, schema } = await written();
      await change(schema, "DELETE FROM chain", false);
      await expect(sink.write(record(T + 9))).rejects.toMatchObject({ code: "store_corrupt" });
    });

    test("a head that was noted elsewhere finds a log that was written anew, and a tail that is gone", async () => {
      const { sink, schema } = await written();
      const early = headOf(await sink.verify());
      await sink.write(record(T + 5));
      const late = headOf(await sink.verify());
      expect(await sink.verify({ head: early })).toMatchObject({ intact: true, records: 6 });
      const { sink: anew } = await open();
      for (let n = 0; n < 6; n++) await anew.write(record(T + n, { userId: n === 2 ? "x" : "u" }));
      expect(await anew.verify()).toMatchObject({ intact: true });
      expect(await anew.verify({ head: late })).toEqual({ intact: false, id: 6, reason: "changed", records: 5 });
      await change(
        schema,
        "DELETE FROM record WHERE id = 6; UPDATE chain SET id = 5, hash = (SELECT r.hash FROM record r WHERE r.id = 5)",
        false,
      );
      expect(await sink.verify()).toMatchObject({ intact: true, records: 5 });
      expect(await sink.verify({ head: late })).toEqual({ intact: false, id: 6, reason: "missing", records: 5 });
      for (const n of [6, 7]) await sink.write(record(T + n));
      expect(await sink.deleteBefore(T + 7)).toBe(6);
      expect(await sink.verify({ head: early })).toEqual({ intact: false, id: 5, reason: "removed", records: 0 });
      await expect(sink.verify({ head: "x" })).rejects.toThrow(TypeError);
    });

    test("records that another process removes while they are verified are not missing", async () => {
      const { sink: other, schema } = await open();
      await Promise.all(Array.from({ length: 2_500 }, async (_, n) => other.write(record(T + n))));
      let pages = 0;
      const client = portWith(async (port, statement, values, sending) => {
        // Between the first page and the second.
        if (/WHERE id > .* ORDER BY/.test(statement.text) && ++pages === 2)
          for (let n = 0; n < 2; n++) expect(await other.deleteBefore(T + 2_000)).toBe(1_000);
        return port.query(statement, values, sending);
      });
      const sink = await postgresAuditSink({ client, schema, deadline: "20s" });
      expect(await sink.verify()).toMatchObject({ intact: true, records: 500, removed: 2_000 });
    });
  });
});
