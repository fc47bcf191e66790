/** Before the first test: a Postgres server is found, or installed where that may be done, or the run says what it skips. */
import { execFileSync } from "node:child_process";
import {
  PGBOUNCER_VARIABLE,
  pgbouncerBinary,
  POSTGRES_VARIABLE,
  postgresBinary,
} from "../../packages/sojourn/test/store/support/postgres-binary.ts";
import { apt, installProgram, type InstallOptions } from "./install-program.ts";

const OLDEST = 14;

/** Vitest calls this once, before any worker starts; the workers have the environment that it leaves. */
export async function setup(): Promise<void> {
  for (const find of [findPostgres, findPgbouncer]) {
    const skipped = await find(process.env);
    if (skipped !== undefined) process.stdout.write(`${skipped}\n`);
  }
}

const POSTGRES = {
  missing: "there is no postgres with its initdb",
  managers: [
    apt("postgresql"),
    { program: "apk", root: true, commands: [["add", "--no-cache", "postgresql"]] },
    { program: "dnf", root: true, commands: [["install", "-y", "postgresql-server", "postgresql-contrib"]] },
    { program: "brew", root: false, commands: [["install", "postgresql"]] },
  ],
  isThere: (environment: NodeJS.ProcessEnv) => postgresBinary(environment) !== undefined,
};

/**
 * Writes the server's program into the environment, empty for none. Returns a line to print if suites are skipped.
 *
 * @throws Error if the environment names a program that is not a server of 14 or later
 */
export async function findPostgres(
  environment: NodeJS.ProcessEnv,
  options?: InstallOptions,
): Promise<string | undefined> {
  const named = environment[POSTGRES_VARIABLE];
  if (named === "") return lineFor(`${POSTGRES_VARIABLE} is empty`);
  const there = postgresBinary(environment);
  const missing =
    named === undefined && there === undefined ? await installProgram(POSTGRES, environment, options) : undefined;
  const found = postgresBinary(environment) ?? named;
  const old = missing ?? tooOld(found ?? "postgres");
  const reason = old ?? (postgresBinary(environment) === undefined ? `${found} has no initdb beside it` : undefined);
  if (named !== undefined && reason !== undefined) throw new Error(`${POSTGRES_VARIABLE}: ${reason}`);
  environment[POSTGRES_VARIABLE] = reason === undefined ? found : "";
  return reason && lineFor(reason);
}

/** What is wrong with a program, if something is. */
function tooOld(binary: string): string | undefined {
  try {
    const printed = execFileSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000 });
    const [, version, major] = /PostgreSQL\) ((\d+)\S*)/.exec(printed) ?? [];
    if (Number(major) >= OLDEST) return undefined;
    return `${binary} is not version ${OLDEST} or later, but ${version ?? "something else"}`;
  } catch (error) {
    return `${binary} does not run (${(error as NodeJS.ErrnoException).code ?? "it failed"})`;
  }
}

const PGBOUNCER = {
  missing: "there is no pgbouncer",
  managers: [apt("pgbouncer"), { program: "apk", root: true, commands: [["add", "--no-cache", "pgbouncer"]] }],
  isThere: (environment: NodeJS.ProcessEnv) => pgbouncerBinary(environment) !== undefined,
};

async function findPgbouncer(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (environment[PGBOUNCER_VARIABLE] === "" || environment[POSTGRES_VARIABLE] === "") return undefined;
  const reason = pgbouncerBinary(environment) === undefined ? await installProgram(PGBOUNCER, environment) : undefined;
  environment[PGBOUNCER_VARIABLE] = pgbouncerBinary(environment) ?? "";
  return (
    reason &&
    `Skipped: the tests of Postgres behind a pooler; ${reason}. To run them: apt-get install pgbouncer, or ${PGBOUNCER_VARIABLE}=/path/to/pgbouncer.`
  );
}

function lineFor(reason: string): string {
  const how = "apt-get install postgresql, apk add postgresql, dnf install postgresql-server, brew install postgresql";
  return `Skipped: every test that needs a Postgres server; ${reason}. To run them: ${how}, or ${POSTGRES_VARIABLE}=/path/to/postgres.`;
}
