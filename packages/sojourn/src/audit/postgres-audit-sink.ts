/** An audit log in Postgres, which many processes write to: to be asked by user, session, reason and time. */
import { StoreError } from "../errors.ts";
import { checkOptions, requireOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import { checkInstant, checkLimit } from "../store/check.ts";
import { makeCalls } from "../store/postgres/calls.ts";
import { portOf, type PostgresClient } from "../store/postgres/clients.ts";
import { askServer } from "../store/postgres/connect.ts";
import { checkSchema, migrate, migrationsOf, versionOf, type PostgresMigration } from "../store/postgres/migrations.ts";
import { postgresFault } from "../store/postgres/postgres-fault.ts";
import { parseDuration, type Duration } from "../time/duration.ts";
import { systemTimer } from "../time/timer.ts";
import { randomText } from "../tokens/crypto.ts";
import { parseHead } from "./audit-chain.ts";
import type { AuditRecord } from "./audit-log.ts";
import { auditStatements } from "./postgres-audit-statements.ts";
import { AUDIT_TABLES } from "./postgres-audit-tables.ts";
import { checkBatch, checkQuery, lostRecord, MOST_PENDING, pageOf, type StoredAuditSink } from "./stored-audit-sink.ts";

/** How many records are sent in one statement at most. */
const MOST_SENT = 500;
const MAX_DEADLINE = 60_000;

/** Options of `postgresAuditSink`. */
export interface PostgresAuditOptions {
  /** A client such as `postgresStore` takes. It stays the caller's: closing the sink leaves it open. */
  readonly client: PostgresClient;
  /**
   * The schema that the tables are in: lower-case letters, digits and `_`, not beginning with `pg_`. All who write to one
   * schema add to one log.
   * @default "sojourn_audit"
   */
  readonly schema?: string;
  /**
   * How many records wait in memory before they are written; they are lost if the process dies. By default each is sent
   * at once, and those that come while others are on their way go together, after them. No timer writes what waits.
   * @default 1
   */
  readonly batch?: number;
  /**
   * How long a statement waits for its answer before it fails: milliseconds, or a string such as `"1s"`; at most a minute.
   * No call of the manager waits for it.
   * @default "5s"
   */
  readonly deadline?: Duration;
  /** Whether tables that are not there, or of an older version, are made when the sink is opened. @default false */
  readonly migrate?: boolean;
}

/** A `StoredAuditSink` that answers with promises. No call of a manager waits for it. */
export type PostgresAuditSink = StoredAuditSink<"async">;

const OPTIONS: OptionNames<PostgresAuditOptions> = {
  client: true,
  schema: true,
  batch: true,
  deadline: true,
  migrate: true,
};

/** Opens an audit sink in Postgres. */
export interface OpenPostgresAuditSink {
  /**
   * A sink for `auditLog` in Postgres 14 or later. Many processes add to one log: records are added at its end, and
   * removed from its start when they are old. Each has a hash of itself and of the one before, so that `verify` finds any
   * other change. It asks the server what it is first, hence the promise.
   *
   * ```ts
   * await postgresAuditSink.migrate(pool); // once, when a version of the application is rolled out
   * const sink = await postgresAuditSink({ client: pool });
   * const audit = auditLog(sessions, sink);
   * ```
   *
   * @throws TypeError for an option that is not what it should be
   * @throws StoreError `store_schema` if the tables are not there, or of another version; `store_readonly` if the server
   *   takes no writes; `store_unavailable` or `store_timeout` if it cannot be reached
   * @throws GuaranteeError if the server is too old, its transactions are not READ COMMITTED, or the database is not in UTF-8
   */
  (options: PostgresAuditOptions): Promise<PostgresAuditSink>;
  /**
   * Brings the tables to the version of this library. The role needs the right to create them, and is their owner.
   *
   * @throws TypeError if the client or the schema is not what it should be
   * @throws StoreError `store_schema` if a later version of this library made them
   */
  migrate(client: PostgresClient, options?: { readonly schema?: string }): Promise<void>;
}

const DEFAULT_SCHEMA = "sojourn_audit";

/**
 * The migrations of an audit log, for a DBA to read and to run by hand.
 *
 * @example
 * ```ts
 * import { postgresAuditMigrations } from "sojourn/audit/postgres";
 *
 * for (const { sql } of postgresAuditMigrations()) console.log(sql.includes("CREATE")); // true
 * ```
 * @param schema the schema that the tables are in
 * @throws TypeError if it is not a name of lower-case letters, digits and `_`, or one that Postgres keeps for itself
 */
export function postgresAuditMigrations(schema: string = DEFAULT_SCHEMA): readonly PostgresMigration[] {
  return migrationsOf(AUDIT_TABLES, schema);
}

/**
 * A sink for `auditLog` in Postgres. Called, it opens one; `postgresAuditSink.migrate` makes its table.
 *
 * @example
 * ```ts
 * import { PGlite } from "@electric-sql/pglite";
 * import { createSessions } from "sojourn";
 * import { auditLog } from "sojourn/audit";
 * import { postgresAuditSink } from "sojourn/audit/postgres";
 *
 * const client = await PGlite.create(); // or a pool of pg, or postgres.js
 * const sink = await postgresAuditSink({ client, migrate: true });
 * const sessions = createSessions();
 * const audit = auditLog(sessions, sink);
 * sessions.create("ann");
 * await sink.flush();
 * console.log((await sink.query({ userId: "ann" })).items[0]?.type); // created
 * audit.stop();
 * await sink.close();
 * ```
 */
export const postgresAuditSink: OpenPostgresAuditSink = Object.assign(open, {
  async migrate(client: PostgresClient, options: { readonly schema?: string } = {}): Promise<void> {
    checkOptions("postgresAuditSink.migrate", options, { schema: true });
    const schema = checkSchema(options.schema ?? DEFAULT_SCHEMA);
    await migrate(
      portOf(client, false, () => () => {}),
      schema,
      AUDIT_TABLES,
    );
  },
});

async function open(options: PostgresAuditOptions): Promise<PostgresAuditSink> {
  const { client, schema, batch, deadline, migrates } = resolve(options);
  const port = portOf(client, undefined, (run) => systemTimer.after(deadline, run, { background: true }));
  const calls = makeCalls(port, { deadline, timer: systemTimer });
  try {
    await askServer(calls);
    const there = await versionOf(calls.run, schema, AUDIT_TABLES);
    if (migrates && (there?.version ?? 0) < AUDIT_TABLES.migrations.length) await migrate(port, schema, AUDIT_TABLES);
    else if (there === undefined) throw noTables(schema);
  } catch (error) {
    calls.close();
    throw error instanceof TypeError ? error : postgresFault(error);
  }
  const table = auditStatements(calls, schema);
  const writer = recordWriter(table.append, batch);

  return {
    write: writer.write,
    flush: writer.flush,

    async lastEnd(sessionId) {
      await writer.flush();
      return (await table.select({ sessionId, type: "ended" }, undefined, 1))[0]?.[0];
    },

    async query(asked = {}) {
      const { query, after, limit } = checkQuery(asked);
      await writer.flush();
      return pageOf(await table.select(query, after, limit + 1), limit);
    },

    async verify({ head } = {}) {
      const noted = head === undefined ? undefined : parseHead(head);
      await writer.flush();
      return table.verify(noted);
    },

    async deleteBefore(instant, limit = 1_000) {
      checkInstant(instant, "instant");
      checkLimit(limit);
      await writer.flush();
      return table.remove(instant, limit);
    },

    async close() {
      if (await writer.close()) calls.close();
    },
  };
}

function resolve(options: PostgresAuditOptions) {
  // Not by what it says: it has a password in it, as like as not.
  if (typeof options === "string") {
    throw new TypeError("Expected the options of `postgresAuditSink` to be an object, got a connection string");
  }
  requireOptions("postgresAuditSink", options, OPTIONS);
  const { client, migrate: migrates = false } = options;
  if (typeof migrates !== "boolean") {
    throw new TypeError(`Expected \`migrate\` to be true or false, got ${show(migrates)}`);
  }
  const deadline = parseDuration(options.deadline ?? "5s", "deadline");
  if (deadline > MAX_DEADLINE) {
    throw new TypeError(`Expected \`deadline\` to be at most a minute, got ${show(options.deadline)}`);
  }
  const schema = checkSchema(options.schema ?? DEFAULT_SCHEMA);
  return { client, schema, batch: checkBatch(options.batch ?? 1), deadline, migrates };
}

function noTables(schema: string): StoreError {
  return new StoreError(
    "store_schema",
    `There are no tables of an audit log in the schema "${schema}": call \`postgresAuditSink.migrate\`, or say \`migrate: true\``,
  );
}

/** What writes records down, a batch after the other. */
interface RecordWriter {
  write: PostgresAuditSink["write"];
  flush(): Promise<void>;
  /** Writes down what waits, and takes no more. Whether it was open. */
  close(): Promise<boolean>;
}

type Append = ReturnType<typeof auditStatements>["append"];

function recordWriter(append: Append, batch: number): RecordWriter {
  const name = randomText(12);
  /** Those that are not on their way yet. */
  let pending: AuditRecord[] = [];
  /** The batch that is on its way, or was and may have arrived: it is sent again as it was, and counts once. */
  let sending: readonly AuditRecord[] = [];
  let batches = 0;
  let taken = 0;
  let written = 0;
  /** How many more records until the next attempt: also after one that failed, or each would wait for a server that is away. */
  let due = batch;
  let underWay: Promise<void> | undefined;
  let isClosed = false;

  const waiting = (): number => sending.length + pending.length;

  async function send(): Promise<void> {
    const wanted = taken;
    try {
      do {
        due = batch;
        if (sending.length === 0) {
          sending = pending.slice(0, MOST_SENT);
          pending = pending.slice(MOST_SENT);
          batches++;
        }
        await append(name, batches, sending);
        written += sending.length;
        sending = [];
      } while (written < wanted || pending.length >= batch);
    } finally {
      underWay = undefined;
    }
  }

  async function flush(): Promise<void> {
    checkOpen();
    const wanted = taken;
    while (written < wanted) await (underWay ??= send());
  }

  function checkOpen(): void {
    if (isClosed) throw new StoreError("store_closed", "The audit sink is closed");
  }

  return {
    flush,

    write(record) {
      checkOpen();
      checkRecord(record);
      const isLost = waiting() >= MOST_PENDING;
      if (!isLost) {
        pending.push(record);
        taken++;
      }
      const isDue = --due <= 0 && underWay === undefined;
      const sent = isDue ? (underWay = send()) : undefined;
      if (!isLost) return sent;
      // Its own fault is told; the other one has been, or is told to whoever flushes.
      sent?.catch(() => {});
      throw lostRecord();
    },

    async close() {
      if (isClosed) return false;
      while (waiting() > 0) await flush();
      isClosed = true;
      return true;
    },
  };
}

/** One that Postgres refuses would keep all others from being written. @throws TypeError */
function checkRecord(record: AuditRecord): void {
  const { at, type, userId, sessionId, reason, ip, userAgent } = record;
  checkInstant(at, "at");
  if (typeof type !== "string") throw new TypeError(`Expected \`type\` to be a string, got ${show(type)}`);
  for (const [name, text] of Object.entries({ userId, sessionId, reason, ip, userAgent })) {
    if (text === null || typeof text === "string") continue;
    throw new TypeError(`Expected \`${name}\` of an audit record to be a string or null, got ${show(text)}`);
  }
}
