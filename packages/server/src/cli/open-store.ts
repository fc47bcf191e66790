import { resolve } from "node:path";
import { memoryStore, StoreError, type Store } from "sojourn";
import type { Log } from "../http/log.ts";
import { UsageError } from "./report-error.ts";
import { silenceSqliteWarning } from "./silence-sqlite-warning.ts";

/** A store, and where it keeps what it holds. */
interface OpenedStore {
  readonly store: Store;
  /** A sentence for the operator. */
  readonly where: string;
}

interface StoreOptions {
  /** Whether a Redis is taken that may drop sessions when its memory is full. @default false */
  readonly allowEviction?: boolean;
  /** Whether tables in Postgres are made, or brought to this version. @default false */
  readonly migrate?: boolean;
}

/**
 * Opens what `--store` names: `sqlite:` and a path, `redis:` or `postgres:` and a host, or `memory:`.
 *
 * @throws UsageError if it names nothing that can be opened
 */
export async function openStore(name: string, log: Log, options: StoreOptions = {}): Promise<OpenedStore> {
  const colon = name.indexOf(":");
  const scheme = name.slice(0, Math.max(colon, 0)).toLowerCase();
  const rest = name.slice(colon + 1);
  switch (scheme) {
    case "memory":
      if (rest !== "") throw new UsageError("--store memory: takes nothing after the colon");
      return { store: memoryStore(), where: "in memory: they end with this process" };
    case "sqlite":
      return openSqlite(rest);
    case "redis":
    case "rediss":
    case "valkey":
    case "valkeys": {
      // Only here: who keeps sessions elsewhere loads no client.
      const { openRedis, shownRedis } = await import("./open-redis.ts");
      return { store: await openRedis(name, log, options), where: `in ${shownRedis(name)}` };
    }
    case "postgres":
    case "postgresql": {
      const { openPostgres, shownPostgres } = await import("./open-postgres.ts");
      return { store: await openPostgres(name, log, options), where: `in ${shownPostgres(name)}` };
    }
    default:
      throw new UsageError(
        "--store must be sqlite:<path>, redis://<host>:<port>, postgres://<host>:<port>/<database> or memory:",
      );
  }
}

async function openSqlite(given: string): Promise<OpenedStore> {
  if (given === "") throw new UsageError("--store sqlite: needs a path, such as sqlite:./sojourn.db");
  if (given === ":memory:") throw new UsageError("--store sqlite::memory: would keep nothing; use memory:");
  if (given.startsWith("//"))
    throw new UsageError("--store takes a path after sqlite:, not a URL: sqlite:/var/lib/sojourn.db");
  const path = resolve(given);
  silenceSqliteWarning();
  // Only here: a server on another store runs where there is no node:sqlite.
  const { sqliteStore } = await import("sojourn/sqlite");
  try {
    const store = sqliteStore({ path, commit: "grouped" });
    // A store may open its file at its first call: what is wrong with it is to be told now.
    await store.count(Date.now());
    return { store, where: `in ${path}` };
  } catch (error) {
    if (error instanceof StoreError) throw new UsageError(`--store sqlite:${given}: ${error.message}`);
    throw error;
  }
}
