/** Sessions in Postgres: where the application's data already is. */
import { StoreError } from "../../errors.ts";
import { checkOptions, requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { systemClock, type Clock } from "../../time/clock.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import { systemTimer } from "../../time/timer.ts";
import { utf8Length } from "../check.ts";
import { revocationOrder } from "../revocation-order.ts";
import { toStored } from "../stored-text.ts";
import type { Store } from "../store.ts";
import { makeCalls } from "./calls.ts";
import { followChanges } from "./changes.ts";
import { portOf, type PostgresClient } from "./clients.ts";
import { askServer, guaranteesOf } from "./connect.ts";
import { checkSchema, checkWhole, migrate, SCHEMA_VERSION, versionOf } from "./migrations.ts";
import { postgresFault } from "./postgres-fault.ts";
import { connectedStore } from "./postgres-store.ts";
import { statementsFor } from "./statements.ts";

export type { NeonHttp, PgClient, PgPool, Pglite, PostgresClient, PostgresJs } from "./clients.ts";
export { postgresMigrations, type PostgresMigration } from "./migrations.ts";
export type { PostgresPort, Row, Sending, Statement, Value } from "./postgres-port.ts";

/** Options of `postgresStore`. */
export interface PostgresOptions {
  /**
   * A `Pool` or a connected `Client` of pg, what `postgres(…)` of postgres.js or `neon(…)` of Neon gives, or a
   * `PGlite`; or a port of your own.
   * It stays the caller's: closing the store leaves it open.
   */
  readonly client: PostgresClient;
  /**
   * The schema that the tables are in, one of their own: lower-case letters, digits and `_`, not beginning with `pg_`.
   * @default "sojourn"
   */
  readonly schema?: string;
  /**
   * Stores with different namespaces in one schema do not see each other. 1 to 512 bytes.
   * @default "default"
   */
  readonly namespace?: string;
  /**
   * How long a call waits for its answer before it throws: milliseconds, or a string such as `"1s"`; at most a minute.
   * Each question that opening asks keeps it too; making the tables does not.
   * @default "1s"
   */
  readonly deadline?: Duration;
  /**
   * How often the server is asked what others have removed while somebody waits for that: how late a process learns of a
   * logout on another one. Near caches ask by themselves.
   * @default "100ms"
   */
  readonly maxLag?: Duration;
  /**
   * Whether statements are prepared once for each connection. It saves time where calls come one by one. A pooler in
   * transaction mode loses them, unless it says that it keeps them.
   * @default what `prepare` of a postgres.js client says, else `false`
   */
  readonly prepare?: boolean;
  /**
   * Whether tables that are not there, or of an older version, are made when the store is opened. The role needs the
   * right to create them then.
   * @default false
   */
  readonly migrate?: boolean;
  /**
   * The date, which tells that the machine has slept while a login was on its way. @default the system's
   */
  readonly clock?: Clock;
}

const OPTIONS: OptionNames<PostgresOptions> = {
  client: true,
  schema: true,
  namespace: true,
  deadline: true,
  maxLag: true,
  prepare: true,
  migrate: true,
  clock: true,
};
const MAX_DEADLINE = 60_000;

/** Opens a store in Postgres. */
export interface PostgresStore {
  /**
   * A store in Postgres 14 or later. It asks the server what it is first, hence the promise.
   *
   * ```ts
   * await postgresStore.migrate(pool); // once, when a version of the application is rolled out
   * const store = await postgresStore({ client: pool });
   * ```
   *
   * @throws TypeError for an option that is not what it should be
   * @throws StoreError `store_schema` if the tables are not there, or of another version; `store_readonly` if the server
   *   takes no writes; `store_unavailable` or `store_timeout` if it cannot be reached
   * @throws GuaranteeError if the server is too old, its transactions are not READ COMMITTED, or the database is not in UTF-8
   */
  (options: PostgresOptions): Promise<Store<"async">>;
  /**
   * Brings the tables to the version of this library. The role needs the right to create them.
   *
   * @throws TypeError if the client or the schema is not what it should be
   * @throws StoreError `store_schema` if a later version of this library made them
   */
  migrate(client: PostgresClient, options?: { readonly schema?: string }): Promise<void>;
}

async function open(options: PostgresOptions): Promise<Store<"async">> {
  const { client, schema, namespace, deadline, maxLag, prepare } = resolve(options);
  const timer = systemTimer;
  const port = portOf(client, prepare, (run) => timer.after(deadline, run, { background: true }));
  const calls = makeCalls(port, { deadline, timer });
  try {
    const server = await askServer(calls);
    const there = await versionOf(calls.run, schema);
    // What makes tables may take its time.
    if (options.migrate === true && (there?.version ?? 0) < SCHEMA_VERSION) await migrate(port, schema);
    else if (there === undefined) throw noTables(schema);
    else if (there.version === SCHEMA_VERSION) await checkWhole(calls.run, schema);
    const statements = statementsFor(schema);
    const [row = []] = await calls.run(statements.open, [toStored(namespace)]);
    const [id, revoked] = row;
    const guarantees = guaranteesOf(server, { isServer: port.isServer !== false, maxLag });
    const order = revocationOrder({ shards: 1, timer, clock: options.clock ?? systemClock, deadline });
    order.learn(0, Number(revoked));
    const changes = followChanges({
      calls,
      statements,
      namespace: String(id),
      timer,
      deadline,
      maxLag,
    });
    return connectedStore({
      calls,
      statements,
      namespace: String(id),
      order,
      guarantees,
      changes,
      // Nothing is between this process and one in it that going together would save.
      gathers: port.isServer !== false,
    });
  } catch (error) {
    calls.close();
    throw error instanceof TypeError ? error : postgresFault(error);
  }
}

/**
 * A store in Postgres. Called, it opens one; `postgresStore.migrate` makes its tables.
 *
 * @example
 * ```ts
 * import { PGlite } from "@electric-sql/pglite";
 * import { createSessions } from "sojourn";
 * import { postgresStore } from "sojourn/postgres";
 *
 * const client = await PGlite.create(); // or a pool of pg, or postgres.js
 * const sessions = createSessions({ store: await postgresStore({ client, migrate: true }) });
 * const { token } = await sessions.create("ann");
 * console.log((await sessions.authenticate(token))?.userId); // ann
 * await client.close();
 * ```
 */
export const postgresStore: PostgresStore = Object.assign(open, {
  async migrate(client: PostgresClient, options: { readonly schema?: string } = {}): Promise<void> {
    checkOptions("postgresStore.migrate", options, { schema: true });
    const schema = checkSchema(options.schema ?? "sojourn");
    await migrate(
      portOf(client, false, () => () => {}),
      schema,
    );
  },
});

function resolve(options: PostgresOptions) {
  // Not by what it says: it has a password in it, as like as not.
  if (typeof options === "string") {
    throw new TypeError("Expected the options of `postgresStore` to be an object, got a connection string");
  }
  requireOptions("postgresStore", options, OPTIONS);
  const { client, schema = "sojourn", namespace = "default", prepare, migrate: migrates = false } = options;
  if (typeof namespace !== "string" || namespace === "" || utf8Length(namespace) > 512) {
    throw new TypeError(`Expected \`namespace\` to be a string of 1 to 512 bytes, got ${show(namespace)}`);
  }
  for (const [name, flag] of Object.entries({ prepare, migrate: migrates })) {
    if (flag !== undefined && typeof flag !== "boolean") {
      throw new TypeError(`Expected \`${name}\` to be true or false, got ${show(flag)}`);
    }
  }
  const deadline = parseDuration(options.deadline ?? "1s", "deadline");
  if (deadline > MAX_DEADLINE) {
    throw new TypeError(`Expected \`deadline\` to be at most a minute, got ${show(options.deadline)}`);
  }
  const maxLag = parseDuration(options.maxLag ?? "100ms", "maxLag");
  return { client, schema: checkSchema(schema), namespace, deadline, maxLag, prepare };
}

function noTables(schema: string): StoreError {
  return new StoreError(
    "store_schema",
    `There are no tables of sojourn in the schema "${schema}": call \`postgresStore.migrate\`, or say \`migrate: true\``,
  );
}
