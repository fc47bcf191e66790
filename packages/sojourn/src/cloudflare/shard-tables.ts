/** What a shard keeps beside its entries, and asks its tables itself. */
import type { SqlPort } from "../store/sqlite/sql-port.ts";

/** An object holds one namespace: stores with different ones ask different objects. */
export const NAMESPACE = "shard";

const EXPIRES_FIRST = `SELECT expiresAt FROM sojourn_entry
  WHERE namespace = (SELECT id FROM sojourn_namespace WHERE name = '${NAMESPACE}') AND expiresAt <= ?
  ORDER BY expiresAt LIMIT ?`;

/** When the entries that expire first do so, up to an instant. */
export function expiries(port: SqlPort, until: number, limit: number): readonly number[] {
  return port.all(EXPIRES_FIRST, until, limit).map((row) => Number(row["expiresAt"]));
}

/** The number of shards that was written down here; `null` if none was. */
export function readShards(port: SqlPort): number | null {
  if (port.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sojourn_shard'") === undefined)
    return null;
  const row = port.get("SELECT shards FROM sojourn_shard");
  return row === undefined ? null : Number(row["shards"]);
}

/** Writes down the number of shards. */
export function writeShards(port: SqlPort, shards: number): void {
  port.transaction(() => {
    port.run("CREATE TABLE IF NOT EXISTS sojourn_shard (shards INTEGER NOT NULL) STRICT");
    port.run("INSERT INTO sojourn_shard (shards) VALUES (?)", shards);
  });
}
