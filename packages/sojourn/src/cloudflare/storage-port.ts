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
    all,
    transaction: (work) => storage.transactionSync(work),
  };
}
