/** How the errors of Postgres and of its clients become the faults of the store contract. */
import { GuaranteeError, StoreError, type StoreErrorCode } from "../../errors.ts";
import { NO_CHAIN, NO_NAMESPACE, WRONG_ISOLATION } from "./function-parts.ts";

type Kind = readonly [code: StoreErrorCode, message: string];

const AWAY: Kind = ["store_unavailable", "Postgres could not be reached"];
const REFUSED: Kind = ["store_unavailable", "Postgres refuses the statement"];
const CLOSED: Kind = ["store_closed", "The client of Postgres is closed"];
const NO_TABLES = "The tables of sojourn are not there, or not what this version needs: make them with `migrate`";

const NO_NAMESPACE_LEFT: Kind = [
  "store_schema",
  "The namespace of the store is not in the tables: its row was deleted, or they were made anew: open the store again",
];

/** By SQLSTATE, or by what the clients call an error of their own. */
const KINDS: Readonly<Record<string, Kind>> = {
  "25P02": ["store_unavailable", "The connection is in a transaction of the application's own, which has failed"],
  "25006": ["store_readonly", "The Postgres server takes no writes: it is a standby, or read-only"],
  "40001": ["store_unavailable", "Postgres could not put the change into an order with others"],
  "40P01": ["store_unavailable", "The change was in a deadlock with others"],
  "55P03": ["store_timeout", "A lock was not free within `lock_timeout`; nothing was changed"],
  "57014": [
    "store_timeout",
    "Postgres has ended the statement, by `statement_timeout` or because somebody asked it to",
  ],
  "57P01": ["store_unavailable", "The Postgres server is stopping"],
  "57P02": ["store_unavailable", "The Postgres server has crashed"],
  "57P03": ["store_unavailable", "The Postgres server is starting"],
  "53100": ["store_full", "The disk of Postgres is full"],
  "53200": ["store_unavailable", "Postgres is out of memory"],
  "53300": ["store_unavailable", "Postgres has too many connections"],
  "3D000": ["store_schema", "There is no such database"],
  "3F000": ["store_schema", NO_TABLES],
  "42P01": ["store_schema", NO_TABLES],
  "42703": ["store_schema", NO_TABLES],
  "42883": ["store_schema", NO_TABLES],
  "42P07": ["store_schema", "The schema has a table of the application's own: give `schema` another name"],
  "42501": ["store_unavailable", "The role may not use the tables or the functions of sojourn"],
  "28000": ["store_unavailable", "Postgres refuses the role"],
  "28P01": ["store_unavailable", "Postgres refuses the role or its password"],
  "42P05": ["store_unavailable", "A pooler does not keep prepared statements apart: set `prepare: false`"],
  "26000": ["store_unavailable", "A pooler does not keep prepared statements: set `prepare: false`"],
  "08P01": ["store_unavailable", "A pooler, or the server, refuses what the client sends"],
  XX001: ["store_corrupt", "The data of Postgres is damaged"],
  XX002: ["store_corrupt", "An index of Postgres is damaged"],
  [WRONG_ISOLATION]: [
    "store_unavailable",
    "Expected READ COMMITTED: the role or the database has another `default_transaction_isolation`",
  ],
  "23503": NO_NAMESPACE_LEFT,
  [NO_NAMESPACE]: NO_NAMESPACE_LEFT,
  [NO_CHAIN]: ["store_corrupt", "The row that says where the audit log ends was deleted"],
  CONNECTION_ENDED: CLOSED,
};
/** Clients have no code for some of theirs. */
const TEXTS: readonly (readonly [RegExp, Kind])[] = [
  [/after calling end on the pool|Client was closed|PGlite is clos/i, CLOSED],
  [
    /timeout exceeded when trying to connect|due to connection timeout/i,
    ["store_timeout", "There was no connection in time"],
  ],
  [
    /Client has encountered a connection error/i,
    [
      "store_unavailable",
      "The `Client` of pg has lost its connection, and makes no other: give the store a `Pool`, which does",
    ],
  ],
  [/query read timeout/i, ["store_timeout", "Postgres did not answer in time; a change may have been made"]],
];

/** Nothing has happened, and it may go well at once. */
const REPEATED: ReadonlySet<unknown> = new Set(["40001", "40P01", "55P03"]);

export function isRepeatable(error: unknown): boolean {
  return REPEATED.has(codeOf(error));
}

/** Whether the server has refused a statement, so that its connection is as good as before. */
export function isFromServer(error: unknown): boolean {
  const code = codeOf(error);
  // Of those that it ends with, and of one that has become a standby, the connection is given up.
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^(57P|08|25006)/.test(code);
}

/** The fault that an error of a client stands for; one that is our own already stays what it is. */
export function postgresFault(error: unknown): StoreError | GuaranteeError {
  if (error instanceof StoreError || error instanceof GuaranteeError) return error;
  const text = error instanceof Error ? error.message : "";
  const known = KINDS[String(codeOf(error))] ?? TEXTS.find(([shape]) => shape.test(text))?.[1];
  const [code, message] = known ?? (isFromServer(error) ? REFUSED : AWAY);
  const cause = withoutValues(error, text);
  return new StoreError(code, `${message} (${cause.message})`, { cause });
}

/** The fault of a read that finds no row of its namespace. */
export function namespaceGone(): StoreError {
  return new StoreError(...NO_NAMESPACE_LEFT);
}

function codeOf(error: unknown): unknown {
  return (Object(error) as { readonly code?: unknown }).code;
}

/** A copy of a client's error. Errors can carry the statement with all its values: session data, in a log. */
function withoutValues(error: unknown, text: string): Error {
  const copy = new Error(text === "" ? "no message" : text.slice(0, 200));
  if (error instanceof Error) copy.name = error.name;
  const code = codeOf(error);
  return typeof code === "string" ? Object.assign(copy, { code }) : copy;
}
