/** `--store postgres://host:port/database`: sessions in Postgres, with a near cache in front of them. */
import { Pool } from "pg";
import { GuaranteeError, nearCache, StoreError, type Store } from "sojourn";
import { postgresStore } from "sojourn/postgres";
import { describeError, type Log } from "../http/log.ts";
import { UsageError } from "./report-error.ts";

/** For how long a server that does not answer is tried for a connection, in milliseconds. */
const CONNECT_LIMIT = 5_000;
/** How many connections the service has at most. */
const CONNECTIONS = 10;

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

/** A URL of Postgres for the operator: without a name or a password. @throws UsageError if it is wrong */
export function shownPostgres(given: string): string {
  return addressOf(given).shown;
}

function connect(given: string): Address & { readonly pool: Pool } {
  const address = addressOf(given);
  const pool = new Pool({
    connectionString: address.url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT,
    application_name: "sojourn",
  });
  return { ...address, pool };
}

/** @throws UsageError, which never holds the URL: there can be a password in it */
function addressOf(given: string): Address {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || url.hostname === "") {
    throw new UsageError("--store takes postgres://host:port/database; a name and a password go before the host");
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
    return error.message.replace(/call `postgresStore\.migrate`.*/, "run `sojourn migrate`, or say --migrate");
  }
  if (error instanceof StoreError || error instanceof GuaranteeError || error instanceof TypeError) {
    return error.message;
  }
  return `cannot connect (${(error as Error).message})`;
}
