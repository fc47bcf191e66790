/**
 * `--store postgres://host:port/database`: sessions in Postgres, with a near cache in front of them; and the audit log that
 * `sojourn audit verify` reads there.
 */
import { Pool } from "pg";
import { GuaranteeError, nearCache, StoreError, type Store } from "sojourn";
import { postgresAuditSink, type AuditVerification } from "sojourn/audit/postgres";
import { postgresStore } from "sojourn/postgres";
import { describeError, type Log } from "../http/log.ts";
import { UsageError } from "./report-error.ts";

/** For how long a server that does not answer is tried for a connection, in milliseconds. */
const CONNECT_LIMIT = 5_000;
/** How many connections the service has at most. */
const CONNECTIONS = 10;
/** How long one read of an audit log may take. A log is read in many. */
const READ_LIMIT = "30s";

/** What the URL says, and nothing secret but in `url`, which goes to the client alone. */
interface Address {
  readonly url: string;
  /** For the operator: without a name or a password. */
  readonly shown: string;
  readonly schema: string | undefined;
  readonly namespace: string | undefined;
}

/**
 * Connects. Later connections are made anew when they are needed; while none can be, requests are answered with a 503.
 *
 * @throws UsageError if the URL is wrong, or nothing that can be used answers there
 */
export async function openPostgres(
  given: string,
  log: Log,
  { migrate = false }: { readonly migrate?: boolean } = {},
): Promise<Store<"async">> {
  const { pool, shown, schema, namespace } = connect(given);
  pool.on("error", (error) => log.warn({ error: describeError(error) }, "a connection to Postgres is broken"));
  const named = { ...(schema === undefined ? {} : { schema }), ...(namespace === undefined ? {} : { namespace }) };
  try {
    const store = nearCache(await postgresStore({ client: pool, migrate, ...named }));
    return {
      ...store,
      async close() {
        await store.close();
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw new UsageError(`--store ${shown}: ${reasonOf(error)}`);
  }
}

/** `sojourn migrate`: makes the tables, or brings them to this version. @throws UsageError if that cannot be done */
export async function migratePostgres(given: string): Promise<string> {
  const { pool, shown, schema = "sojourn" } = connect(given);
  try {
    await postgresStore.migrate(pool, { schema });
    return `The tables in ${shown}, schema ${schema}, are those of this version`;
  } catch (error) {
    throw new UsageError(`--store ${shown}: ${reasonOf(error)}`);
  } finally {
    await pool.end();
  }
}

/**
 * Verifies the audit log at a URL, in the schema that its parameter says. Makes nothing, so that a role that may only read is
 * enough.
 *
 * @throws UsageError if nothing can be verified
 */
export async function verifyPostgres(
  given: string,
  head: string | undefined,
): Promise<{ readonly shown: string; readonly verified: AuditVerification }> {
  const { pool, schema, namespace, ...address } = connect(given, "audit verify");
  const shown = schema === undefined ? address.shown : `${address.shown}?schema=${encodeURIComponent(schema)}`;
  pool.on("error", () => undefined);
  try {
    if (namespace !== undefined) throw new TypeError("an audit log has no namespace");
    const sink = await postgresAuditSink({
      client: pool,
      deadline: READ_LIMIT,
      ...(schema === undefined ? {} : { schema }),
    });
    const verified = await sink.verify({ head }).catch((error: unknown) => {
      throw error instanceof TypeError ? new UsageError(`--head: ${error.message}`) : error;
    });
    await sink.close();
    return { shown, verified };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${shown}: ${reasonOf(error)}`);
  } finally {
    await pool.end();
  }
}

/** A URL of Postgres for the operator: without a name or a password. @throws UsageError if it is wrong */
export function shownPostgres(given: string): string {
  return addressOf(given).shown;
}

/** @param taker what is given the URL */
function connect(given: string, taker = "--store"): Address & { readonly pool: Pool } {
  const address = addressOf(given, taker);
  const pool = new Pool({
    connectionString: address.url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT,
    application_name: "sojourn",
  });
  return { ...address, pool };
}

/** @throws UsageError, which never holds the URL: there can be a password in it */
function addressOf(given: string, taker = "--store"): Address {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || url.hostname === "") {
    throw new UsageError(`${taker} takes postgres://host:port/database; a name and a password go before the host`);
  }
  const taken = (name: string): string | undefined => {
    const value = url.searchParams.get(name) ?? undefined;
    url.searchParams.delete(name);
    return value;
  };
  const [schema, namespace] = [taken("schema"), taken("namespace")];
  return { url: url.href, shown: `${url.protocol}//${url.host}${url.pathname}`, schema, namespace };
}

function reasonOf(error: unknown): string {
  if (error instanceof StoreError && error.code === "store_schema") {
    return error.message
      .replace(/call `postgresStore\.migrate`.*/, "run `sojourn migrate`, or say --migrate")
      .replace(/: call `postgresAuditSink\.migrate`.*/, "");
  }
  if (error instanceof StoreError || error instanceof GuaranteeError || error instanceof TypeError) {
    return error.message;
  }
  return `cannot connect (${(error as Error).message})`;
}
