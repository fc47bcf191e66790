/** What a shard keeps in its Durable Object: the port to its SQLite, what stands beside the entries, and its alarm. */
import type { SqlPort } from "../store/sqlite/sql-port.ts";
import { storeFault } from "../store/sqlite/store-fault.ts";
import type { ShardStorage } from "./durable-object.ts";

/** A port over the storage of a Durable Object. The runtime itself keeps the statements prepared, by their text. */
export function storagePort(storage: ShardStorage): SqlPort {
  const all: SqlPort["all"] = (sql, ...values) => {
    try {
      return storage.sql.exec(sql, ...values).toArray();
    } catch (error) {
      throw storeFault(error);
    }
  };
  return {
    run: (sql, ...values) => void all(sql, ...values),
    get: (sql, ...values) => all(sql, ...values)[0],
    getValues(sql, ...values) {
      const [row] = all(sql, ...values);
      return row && Object.values(row);
    },
    all,
    transaction: (work) => storage.transactionSync(work),
  };
}

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

/** The furthest alarm that is set, in milliseconds from now: the runtime takes none of a far future. */
const LONGEST = 30 * 86_400_000;
/** So long after its time, in milliseconds, an alarm will not come: the runtime gives one up after several failures. */
const LOST = 600_000;

/** The alarm of one Durable Object, and what is known of it. */
export interface ReclaimAlarm {
  /**
   * Sees to it that the alarm rings when an entry that is due then can be reclaimed, or before.
   *
   * @returns `undefined` if it does already
   */
  cover(dueAt: number, now: number): Promise<void> | undefined;
  /** It has rung: there is none any more, and the next one is not to ring before an instant. */
  rang(notBefore: number): void;
}

export function reclaimAlarm(storage: ShardStorage): ReclaimAlarm {
  /** `undefined`: not known. `null`: there is none. */
  let setFor: number | null | undefined;
  let earliest = Number.NEGATIVE_INFINITY;

  function covers(at: number, now: number): boolean {
    return typeof setFor === "number" && setFor <= at && now < setFor + LOST;
  }

  async function set(at: number, now: number): Promise<void> {
    if (setFor === undefined) setFor = await storage.getAlarm();
    if (covers(at, now)) return;
    setFor = at;
    try {
      await storage.setAlarm(at);
    } catch (error) {
      setFor = undefined;
      throw error;
    }
  }

  return {
    cover(dueAt, now) {
      const at = Math.min(Math.max(dueAt, earliest, now), now + LONGEST);
      return covers(at, now) ? undefined : set(at, now);
    },
    rang(notBefore) {
      setFor = null;
      earliest = notBefore;
    },
  };
}
