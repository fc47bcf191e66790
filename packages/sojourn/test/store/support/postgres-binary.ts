/** Which programs the tests start as a Postgres server, and as a pooler before it. */
import { existsSync, globSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProgram } from "../../support/find-program.ts";

/** Names another `postgres`, with the other programs of its version beside it; empty for none. */
export const POSTGRES_VARIABLE = "SOJOURN_TEST_POSTGRES";
/** Names another `pgbouncer`; empty for none. */
export const PGBOUNCER_VARIABLE = "SOJOURN_TEST_PGBOUNCER";

/** Where packages put what is not in the `PATH`, since there can be several versions. */
const FOLDERS = [
  "/usr/lib/postgresql/*/bin/postgres",
  "/usr/pgsql-*/bin/postgres",
  "/usr/libexec/postgresql*/postgres",
];

/**
 * The server's program: what `SOJOURN_TEST_POSTGRES` names, else `postgres` in the `PATH`, else the latest of those that
 * are installed. `undefined` where there is none, or no `initdb` beside it.
 */
export function postgresBinary(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const installed = FOLDERS.flatMap((pattern) => globSync(pattern)).toSorted();
  const found = findProgram(environment, POSTGRES_VARIABLE, ["postgres"]) ?? installed.at(-1);
  return found !== undefined && environment[POSTGRES_VARIABLE] !== "" && hasInitdb(found) ? found : undefined;
}

/** Another program of the server's version, such as `initdb`. */
export function besidePostgres(name: string): string {
  return join(dirname(realpathSync(postgresBinary() ?? "postgres")), name);
}

function hasInitdb(postgres: string): boolean {
  return existsSync(postgres) && existsSync(join(dirname(realpathSync(postgres)), "initdb"));
}

export function pgbouncerBinary(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const found = findProgram(environment, PGBOUNCER_VARIABLE, ["pgbouncer"]);
  return (
    found ??
    (environment[PGBOUNCER_VARIABLE] === undefined && existsSync("/usr/sbin/pgbouncer")
      ? "/usr/sbin/pgbouncer"
      : undefined)
  );
}

/** Whether there is no server to test against. */
export const noPostgres: boolean = postgresBinary() === undefined;
/** Whether there is no pooler, or no server behind it. */
export const noPgbouncer: boolean = noPostgres || pgbouncerBinary() === undefined;
