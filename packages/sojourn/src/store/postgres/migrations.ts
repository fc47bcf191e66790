/** The versions of the tables, and how a database gets from one to the next. */
import { StoreError } from "../../errors.ts";
import { show } from "../../show.ts";
import { functions } from "./functions.ts";
import { postgresFault } from "./postgres-fault.ts";
import { statementOf, type PostgresPort, type Row, type Statement, type Value } from "./postgres-port.ts";
import { isYes } from "./rows.ts";
import { tables } from "./tables.ts";

/** A step from one version of the tables to the next. */
export interface PostgresMigration {
  /** The version that it makes: 1, 2, 3 … */
  readonly version: number;
  /** SQL for one transaction, as `psql --single-transaction --file` makes one. A second run of it fails, and changes nothing. */
  readonly sql: string;
}

/**
 * Tables that are made together, and how. Never change a migration that was released: add another. It keeps what older
 * versions of the library call, as long as `oldest` says that they may run beside the new one.
 */
export interface TableSet {
  /** The table that says which version they have; it has a row `version`, `oldest`. */
  readonly versionTable: string;
  /** What makes version 1, 2, 3 … in a schema. */
  readonly migrations: readonly ((schema: string) => string)[];
  /** By migration, the oldest version whose library can go on after it. */
  readonly oldest: readonly number[];
}

/** The tables of the store. */
const STORE: TableSet = {
  versionTable: "version",
  migrations: [(s) => `${tables(s)}\n${functions(s)}`],
  oldest: [1],
};

/** The version of the store's tables that this library reads and writes. */
export const SCHEMA_VERSION: number = STORE.migrations.length;

/** @throws TypeError if it is not a name of lower-case letters, digits and `_`, or one that Postgres keeps for itself */
export function checkSchema(schema: string): string {
  if (typeof schema === "string" && /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new TypeError(
    "Expected `schema` to be a name of 1 to 63 lower-case letters, digits and _ that does not begin with pg_, " +
      `got ${show(schema)}`,
  );
}

/** A schema as SQL has it: quoted, since a name such as `user` is a word of SQL too. The default is not. */
export function schemaInSql(schema: string): string {
  return schema === "sojourn" ? schema : `"${schema}"`;
}

/**
 * The migrations, for a DBA to read and to run by hand.
 *
 * @example
 * ```ts
 * import { postgresMigrations } from "sojourn/postgres";
 *
 * for (const { sql } of postgresMigrations("shop_sessions")) console.log(sql.includes("shop_sessions")); // true
 * ```
 * @param schema the schema that the tables are in
 * @throws TypeError if it is not a name of lower-case letters, digits and `_`, or one that Postgres keeps for itself
 */
export function postgresMigrations(schema = "sojourn"): readonly PostgresMigration[] {
  return migrationsOf(STORE, schema);
}

/** The migrations of any tables. @throws TypeError as `checkSchema` does */
export function migrationsOf(
  { versionTable, migrations, oldest }: TableSet,
  schema: string,
): readonly PostgresMigration[] {
  const s = schemaInSql(checkSchema(schema));
  return migrations.map((migration, index) => {
    const version = index + 1;
    const stamp =
      index === 0
        ? `INSERT INTO ${s}.${versionTable} (version, oldest) VALUES (1, 1);`
        : `UPDATE ${s}.${versionTable} SET version = ${version}, oldest = ${oldest[index]};`;
    return { version, sql: `${migration(s)}\n${stamp}\n` };
  });
}

/**
 * Brings the tables to the version of this library, in one transaction. Of several processes that do it at once, one does.
 *
 * @throws StoreError `store_schema` if a later version of this library made them
 */
export async function migrate(port: PostgresPort, schema: string, set: TableSet = STORE): Promise<void> {
  const sending = { isOver: false, sent: () => {}, onOver: () => {} };
  const ask: Ask = async (statement, values) => port.query(statement, values, sending);
  const lock = `SELECT pg_advisory_xact_lock(hashtextextended('${schema} migrations', 0));\n`;
  try {
    for (;;) {
      const version = (await versionOf(ask, schema, set))?.version ?? 0;
      const left = migrationsOf(set, schema).slice(version);
      if (left.length === 0) return await checkWhole(ask, schema, set);
      try {
        // A script that finds the work done stops at its first statement that makes something, and changes nothing.
        await port.script(lock + left.map(({ sql }) => sql).join("\n"));
      } catch (error) {
        const now = (await versionOf(ask, schema, set))?.version ?? 0;
        if (now <= version) throw error;
      }
    }
  } catch (error) {
    throw postgresFault(error);
  }
}

/** What the tables say of themselves. */
export interface Version {
  readonly version: number;
  readonly oldest: number;
}

/** Makes one statement. */
type Ask = (statement: Statement, values: readonly Value[]) => Promise<readonly Row[]>;

/**
 * @returns `undefined` if there are no tables
 * @throws StoreError `store_schema` if this library is too old for them
 */
export async function versionOf(ask: Ask, schema: string, set: TableSet = STORE): Promise<Version | undefined> {
  const table = `${schemaInSql(schema)}.${set.versionTable}`;
  const found = { name: "sojourn_found", text: "SELECT to_regclass($1) IS NOT NULL" };
  const [there] = await ask(found, [table]);
  if (!isYes(there?.[0])) return undefined;
  const text = `SELECT version::text, oldest::text FROM ${table}`;
  const rows = await ask(statementOf(set.versionTable, text), []);
  const known = set.migrations.length;
  if (rows.length !== 1) {
    const insert = `INSERT INTO ${table} (version, oldest) VALUES (${known}, ${set.oldest[known - 1]})`;
    throw new StoreError(
      "store_schema",
      `Expected one row in ${table}, got ${rows.length}: if the tables are those of version ${known}, run ${insert}`,
    );
  }
  const [version, oldest] = [Number(rows[0]![0]), Number(rows[0]![1])];
  if (oldest <= known) return { version, oldest };
  throw new StoreError(
    "store_schema",
    `The tables have version ${version}, and this library knows versions up to ${known}: it is too old for them`,
  );
}

/**
 * Looks whether tables of this library's version have all that its migrations make.
 *
 * @throws StoreError `store_schema` if something is missing, by its name
 */
export async function checkWhole(ask: Ask, schema: string, set: TableSet = STORE): Promise<void> {
  const text = `SELECT name FROM unnest(string_to_array($2::text, ' ')) WITH ORDINALITY wanted (name, place)
    WHERE name NOT IN (
      SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1::text)
      UNION ALL SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = to_regnamespace($1::text) AND NOT a.attisdropped
      UNION ALL SELECT proname || '()' FROM pg_proc WHERE pronamespace = to_regnamespace($1::text)
    ) ORDER BY place`;
  const rows = await ask(statementOf("whole", text), [schemaInSql(schema), partsOf(set, schema).join(" ")]);
  const names = rows.map(([name]) => String(name));
  // Not each column of a table that is gone.
  const missing = names.filter((name) => !names.includes(name.replace(/\..*/, "")) || !name.includes("."));
  if (missing.length === 0) return;
  const parts = missing.map((name) => {
    if (name.endsWith("()")) return `the function ${name.slice(0, -2)}`;
    return name.includes(".") ? `the column ${name}` : `the table ${name}`;
  });
  throw new StoreError(
    "store_schema",
    `Expected all of version ${set.migrations.length} in the schema "${schema}", but missing: ${parts.join(", ")}. ` +
      "Restore what is missing from a backup; or, which loses what it holds, drop the schema and migrate again",
  );
}

/** What migrations make: tables, `table.column` and `function()`. */
function partsOf(set: TableSet, schema: string): readonly string[] {
  const sql = migrationsOf(set, schema)
    .map((migration) => migration.sql)
    .join("\n");
  const tables = [...sql.matchAll(/^CREATE (?:UNLOGGED )?TABLE \S+\.(\w+) \(\n(.*?)^\)/gms)];
  const columns = tables.flatMap(([, table, body]) =>
    [...body!.matchAll(/^ {2}([a-z_]+) /gm)].map(([, column]) => `${table}.${column}`),
  );
  const functions = [...sql.matchAll(/^CREATE FUNCTION [^\s(]+\.(\w+)\(/gm)].map(([, name]) => `${name}()`);
  return [...tables.map(([, table]) => table!), ...columns, ...functions];
}
