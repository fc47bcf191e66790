/** The tables, and how a file of an older version gets them. */
import { StoreError } from "../../errors.ts";
import { COUNT_EXPIRIES } from "./expiry-counts.ts";
import type { SqlPort, SqlRow } from "./sql-port.ts";
import { toStored } from "../stored-text.ts";

/**
 * Each migration brings a file from the version that is its index to the next one. Never change one that was
 * released: add another.
 *
 * Entries have a rowid and the key in an index, not the key as the primary key of the table itself: keys are random,
 * so that rows in key order would spread one group of writes over as many pages, and each page goes to the log whole.
 * `total` counts the rows of a namespace. `changes` counts its transactions, by which a connection tells whether
 * what it has cached is still true; and a revocation has the count after its transaction as its number. What began
 * before `horizon`, the highest number that was forgotten, is refused.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE sojourn_namespace (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      total INTEGER NOT NULL DEFAULT 0,
      changes INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
    `CREATE TABLE sojourn_entry (
      id INTEGER PRIMARY KEY,
      namespace INTEGER NOT NULL,
      key TEXT NOT NULL,
      owner TEXT,
      rev TEXT NOT NULL,
      meta TEXT NOT NULL,
      createdAt INTEGER NOT NULL,
      touchedAt INTEGER NOT NULL,
      expiresAt INTEGER NOT NULL,
      value ANY NOT NULL,
      UNIQUE (namespace, key)
    ) STRICT`,
    `CREATE INDEX sojourn_entry_owner ON sojourn_entry (namespace, owner) WHERE owner IS NOT NULL`,
    `CREATE INDEX sojourn_entry_expiry ON sojourn_entry (namespace, expiresAt)`,
    `CREATE TABLE sojourn_floor (
      namespace INTEGER NOT NULL,
      owner TEXT NOT NULL,
      floor INTEGER NOT NULL,
      PRIMARY KEY (namespace, owner)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX sojourn_floor_instant ON sojourn_floor (namespace, floor)`,
  ],
  // How many entries end in each second and in each hour: see expiry-counts.ts.
  [
    `CREATE TABLE sojourn_expiry (
      namespace INTEGER NOT NULL,
      width INTEGER NOT NULL,
      until INTEGER NOT NULL,
      entries INTEGER NOT NULL,
      PRIMARY KEY (namespace, width, until)
    ) STRICT, WITHOUT ROWID`,
    ...COUNT_EXPIRIES,
  ],
  // Instants are no numbers, so what is in flight while the tables change is refused. Without its table, an older
  // version cannot go on writing: it would not know of the revocations.
  [
    `DROP TABLE IF EXISTS sojourn_floor`,
    `CREATE TABLE sojourn_revocation (
      namespace INTEGER NOT NULL,
      owner TEXT NOT NULL,
      number INTEGER NOT NULL,
      PRIMARY KEY (namespace, owner)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX sojourn_revocation_number ON sojourn_revocation (namespace, number)`,
    `ALTER TABLE sojourn_namespace ADD COLUMN horizon INTEGER NOT NULL DEFAULT 0`,
    `UPDATE sojourn_namespace SET changes = changes + 1, horizon = changes + 1`,
  ],
  // What was removed, for those who watch: see removal-log.ts. NULL until somebody does.
  [
    `ALTER TABLE sojourn_namespace ADD COLUMN removals INTEGER`,
    `CREATE TABLE sojourn_removal (
      namespace INTEGER NOT NULL,
      number INTEGER NOT NULL,
      notedAt INTEGER NOT NULL,
      removed TEXT NOT NULL,
      PRIMARY KEY (namespace, number)
    ) STRICT, WITHOUT ROWID`,
  ],
];

/** The version of the tables that this library reads and writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * To be asked inside of each writing transaction: a newer version of this library may have come since the tables were
 * opened. With the write lock held, none can come until the commit.
 *
 * @throws StoreError `store_schema` if the tables have another version than this library
 */
export function checkVersion(port: SqlPort): void {
  const version = Number(port.get("SELECT version FROM sojourn_schema")?.["version"]);
  if (version !== SCHEMA_VERSION) throw versionFault(version);
}

/**
 * Brings the tables to this version and returns the id of a namespace. A file that has both already is only read.
 *
 * @throws StoreError `store_schema` if the file is of a newer version
 */
export function openNamespace(port: SqlPort, name: string): number {
  const find = (): number | undefined => (versionOf(port) < SCHEMA_VERSION ? undefined : namespaceId(port, name));
  return (
    find() ??
    port.transaction(() => {
      // Another process may have come first, so what to do is decided again with the write lock held.
      migrate(port);
      port.run("INSERT INTO sojourn_namespace (name) VALUES (?) ON CONFLICT DO NOTHING", toStored(name));
      return namespaceId(port, name)!;
    })
  );
}

function migrate(port: SqlPort): void {
  const version = versionOf(port);
  if (version === SCHEMA_VERSION) return;
  if (version === 0) port.run("CREATE TABLE IF NOT EXISTS sojourn_schema (version INTEGER NOT NULL) STRICT");
  for (const migration of MIGRATIONS.slice(version)) {
    for (const sql of migration) port.run(sql);
  }
  port.run("DELETE FROM sojourn_schema");
  port.run("INSERT INTO sojourn_schema (version) VALUES (?)", SCHEMA_VERSION);
}

function versionOf(port: SqlPort): number {
  if (port.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sojourn_schema'") === undefined) return 0;
  const version = Number(port.get("SELECT version FROM sojourn_schema")?.["version"] ?? 0);
  if (version <= SCHEMA_VERSION) return version;
  throw versionFault(version);
}

/** The row of a namespace, which the store has made: who deleted it meant to take the sessions away, not to log in anew. */
export function namespaceRow(row: SqlRow | undefined): SqlRow {
  if (row !== undefined) return row;
  throw new StoreError("store_corrupt", "The namespace of the store was deleted from `sojourn_namespace`");
}

function versionFault(version: number): StoreError {
  const reason =
    version > SCHEMA_VERSION
      ? `this library knows versions up to ${SCHEMA_VERSION}: it is too old for them`
      : `they had version ${SCHEMA_VERSION} when they were opened`;
  return new StoreError("store_schema", `The tables have version ${version}, and ${reason}`);
}

function namespaceId(port: SqlPort, name: string): number | undefined {
  const row = port.get("SELECT id FROM sojourn_namespace WHERE name = ?", toStored(name));
  return row === undefined ? undefined : Number(row["id"]);
}
