import type { Guarantees } from "../store.ts";
import type { SqlPort } from "./sql-port.ts";

/** `PRAGMA synchronous` as a number. */
const FULL = 2;
const EXTRA = 3;

/** What acknowledged writes of a connection survive, from what is really set on it. Nothing is changed. */
export function durabilityOf(port: SqlPort): Guarantees["durability"] {
  const journal = port.get("PRAGMA journal_mode")?.["journal_mode"];
  const synchronous = Number(port.get("PRAGMA synchronous")?.["synchronous"]);
  if (fileOf(port) === undefined) return "none";
  if (journal === "wal") return synchronous >= FULL ? "power" : "process";
  // Without a journal on disk, a process that dies in the middle of a commit leaves half of it.
  if (journal === "memory" || journal === "off") return "none";
  // A rollback journal's removal is what commits, and only EXTRA makes that removal durable.
  return synchronous >= EXTRA ? "power" : "process";
}

/** The path of a connection's main database; `undefined` if it is in memory or temporary. */
export function fileOf(port: SqlPort): string | undefined {
  const row = port.all("PRAGMA database_list").find(({ name }) => name === "main");
  const file = row?.["file"];
  return typeof file === "string" && file !== "" ? file : undefined;
}
