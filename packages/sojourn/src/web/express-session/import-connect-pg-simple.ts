/** The sessions of connect-pg-simple, taken along into a store of this library: nobody logs in again. */
import { InvalidDataError, StoreError } from "../../errors.ts";
import { requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { checkKey, utf8Length } from "../../store/check.ts";
import { makeCalls, type Calls } from "../../store/postgres/calls.ts";
import { portOf, type PostgresClient } from "../../store/postgres/clients.ts";
import { run } from "../../store/reply.ts";
import { systemTimer } from "../../time/timer.ts";
import { sha256 } from "../../tokens/crypto.ts";
import { checkHour, rowsOnTheWay, type RowsOnTheWay } from "./import-notes.ts";
import { isLive } from "./session-entry.ts";
import { isObject, lifetimeOf, parseFields, type Fields } from "./session-fields.ts";
import { contextOf, type SessionStore } from "./session-store.ts";
import { beginning, encode, ownerOf, type StoreContext } from "./store-context.ts";
import { addSession, type Added } from "./write-session.ts";

/** Options of `importConnectPgSimple`. */
export interface ImportConnectPgSimpleOptions {
  /** A client such as `postgresStore` takes, for the database with the old table. It stays the caller's. */
  readonly client: PostgresClient;
  /** Where the sessions go. */
  readonly into: SessionStore;
  /** The `tableName` of connect-pg-simple. @default "session" */
  readonly table?: string;
  /** Its `schemaName`. @default the first of the role's search path that has the table */
  readonly schema?: string;
  /**
   * Whether a row is removed once its session is in the new store. Then it can be called at any time, and as often as is
   * needed, one call after the other; but nothing may use the old table any more. Of a call that failed in the middle, up
   * to 200 sessions may be stored and their rows still there. An hour later, those of them that the new store does not
   * have count as ended in it.
   * @default false
   */
  readonly remove?: boolean;
  /** Told of each row that cannot be a session of the new store. The others are taken along. */
  readonly onSkipped?: (row: SkippedRow) => void;
}

/** A row that was left where it is. */
export interface SkippedRow {
  /**
   * The first 16 characters of the SHA-256 of its `sid`, in base64url: the `sid` itself lets its bearer in. In SQL:
   * `left(translate(encode(sha256(sid::bytea), 'base64'), '+/', '-_'), 16)`.
   */
  readonly name: string;
  /**
   * - `id`: its `sid` is empty, or longer than 512 bytes
   * - `data`: its `sess` is not an object of JSON, or over the `maxDataLength` of the new store
   * - `owner`: the option `owner` of the new store threw for it, or gave no user id
   */
  readonly reason: "id" | "data" | "owner";
}

/** How many rows became what. Those that have expired are not counted. */
export interface ConnectPgSimpleImport {
  /** Sessions that are in the new store now, and were not before. */
  readonly taken: number;
  /** Those that the new store had already: it keeps what it has. */
  readonly there: number;
  /** Those that have been ended in the new store. */
  readonly ended: number;
  readonly skipped: number;
}

const OPTIONS: OptionNames<ImportConnectPgSimpleOptions> = {
  client: true,
  into: true,
  table: true,
  schema: true,
  remove: true,
  onSkipped: true,
};
/** How many rows are read together, and how many of their sessions are on their way at once. */
const PAGE = 200;
const AT_ONCE = 8;
const DEADLINE = 30_000;
/** The last instant of a `Date`, for rows that end later, or never: `expire` is 'infinity' where `ttl` was. */
const LAST = 8.64e15;

/**
 * Takes the live sessions of connect-pg-simple along. The cookies that express-session has signed keep working, with its
 * secret and name. A session that the new store has, or has ended, is left as it is there, so that it can be called again:
 * after a fault, or for what old processes have stored since.
 *
 * Without `remove` it can be repeated for an hour, less a minute, after its first call for a table: for that long the new
 * store knows what was ended in it.
 *
 * @example
 * ```ts
 * import type { PGlite } from "@electric-sql/pglite";
 * import { importConnectPgSimple, SessionStore } from "sojourn/express-session";
 * import { postgresStore } from "sojourn/postgres";
 *
 * export async function moveIn(client: PGlite): Promise<number> {
 *   const store = new SessionStore({ store: await postgresStore({ client, migrate: true }) });
 *   const { taken } = await importConnectPgSimple({ client, into: store });
 *   return taken;
 * }
 * ```
 * @throws TypeError for an option that is not what it should be
 * @throws StoreError if either of them fails; `store_schema` if the table is not there, or not what connect-pg-simple
 *   makes, or if the hour is over
 */
export async function importConnectPgSimple(options: ImportConnectPgSimpleOptions): Promise<ConnectPgSimpleImport> {
  requireOptions("importConnectPgSimple", options, OPTIONS);
  const { client, remove = false, onSkipped = () => {} } = options;
  const context = contextOf(options.into);
  const table = tableInSql(options.table ?? "session", options.schema);
  if (typeof remove !== "boolean") throw new TypeError(`Expected \`remove\` to be true or false, got ${show(remove)}`);
  if (typeof onSkipped !== "function") {
    throw new TypeError(`Expected \`onSkipped\` to be a function, got ${show(onSkipped)}`);
  }
  const timer = systemTimer;
  const port = portOf(client, undefined, (late) => timer.after(DEADLINE, late, { background: true }));
  const calls = makeCalls(port, { deadline: DEADLINE, timer });
  const counts = { taken: 0, there: 0, ended: 0, skipped: 0 };
  try {
    const onTheWay = remove ? await rowsOnTheWay(context, table) : undefined;
    for (let after: string | undefined; ;) {
      if (!remove) await checkHour(context, table);
      const began = beginning(context);
      const rows = await readRows(calls, table, after, 4 * context.policy.maxDataLength);
      const names = rows.map(nameOf);
      if (rows.length > 0) await onTheWay?.begin(names);
      const done: string[] = [];
      for (let from = 0; from < rows.length; from += AT_ONCE) {
        const some = rows.slice(from, from + AT_ONCE);
        await Promise.all(
          some.map(async (row) => {
            const outcome = await take(context, row, began, onTheWay);
            if (typeof outcome === "object") {
              counts.skipped++;
              onSkipped(outcome);
            } else if (outcome !== "expired") {
              counts[outcome]++;
              done.push(row.sid);
            }
          }),
        );
      }
      if (remove && done.length > 0) await removeRows(calls, table, done);
      onTheWay?.end(names);
      if (rows.length < PAGE) break;
      after = rows.at(-1)!.sid;
    }
    await onTheWay?.finish();
    return counts;
  } finally {
    calls.close();
  }
}

interface OldRow {
  readonly sid: string;
  /** `null` if it is too long to be looked at. */
  readonly sess: string | null;
  readonly expiresAt: number;
}

/** Not its `sid`, which lets its bearer in. */
function nameOf({ sid }: OldRow): string {
  return sha256(sid).slice(0, 16);
}

async function take(
  context: StoreContext,
  row: OldRow,
  began: Added["beginning"],
  onTheWay: RowsOnTheWay | undefined,
): Promise<"taken" | "there" | "ended" | "expired" | SkippedRow> {
  const { sid, sess, expiresAt } = row;
  const now = context.policy.clock.now();
  const skipped = (reason: SkippedRow["reason"]): SkippedRow => ({ name: nameOf(row), reason });
  let encoded: { readonly json: string; readonly fields: Fields };
  try {
    checkKey(sid);
  } catch {
    return skipped("id");
  }
  if (onTheWay?.isInDoubt(nameOf(row)) === true) {
    return isLive(await context.store.get(sid, now), now) ? "there" : "ended";
  }
  try {
    encoded = encode(context, withExpiry(parseFields(sess ?? "null"), expiresAt));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof InvalidDataError) return skipped("data");
    throw error;
  }
  try {
    ownerOf(context, encoded.fields);
  } catch {
    return skipped("owner");
  }
  const ttl = Math.floor(lifetimeOf(encoded.fields, now, context.policy.ttl));
  const end = Math.min(expiresAt, now + ttl);
  if (end <= now) return "expired";
  const added = { sid, ...encoded, ttl, expiresAt: end, beginning: began };
  const outcome = await run(context.mode, addSession(context, added, now));
  return outcome === "added" ? "taken" : outcome;
}

/** A session with the end that its row has, if its cookie has one: a touch moved only that. */
function withExpiry(fields: Fields, expiresAt: number): Fields {
  const { cookie } = fields;
  if (!isObject(cookie) || (cookie["expires"] ?? null) === null) return fields;
  return { ...fields, cookie: { ...cookie, expires: new Date(expiresAt).toISOString() } };
}

/**
 * The rows behind an id. `expire` has no time zone: it is in that of the connection, as it was when it was written.
 * What is far too long is not fetched.
 */
async function readRows(
  calls: Calls,
  table: string,
  after: string | undefined,
  most: number,
): Promise<readonly OldRow[]> {
  const text = `SELECT sid, CASE WHEN length(sess::text) <= $2::bigint THEN sess::text END,
      least(floor(extract(epoch FROM expire::timestamptz) * 1000), ${LAST})::bigint::text
    FROM ${table} WHERE expire::timestamptz > now() AND ($1::text IS NULL OR sid > $1::text)
    ORDER BY sid LIMIT ${PAGE}`;
  const rows = await ask(calls, table, text, [after ?? null, String(most)]);
  return rows.map(([sid, sess, expiresAt]) => ({
    sid: String(sid),
    sess: typeof sess === "string" ? sess : null,
    expiresAt: Number(expiresAt),
  }));
}

async function removeRows(calls: Calls, table: string, sids: readonly string[]): Promise<void> {
  const text = `DELETE FROM ${table} WHERE sid IN (SELECT json_array_elements_text($1::text::json))`;
  await ask(calls, table, text, [JSON.stringify(sids)]);
}

async function ask(
  calls: Calls,
  table: string,
  text: string,
  values: readonly (string | null)[],
): ReturnType<Calls["run"]> {
  try {
    return await calls.run({ name: `sojourn_${sha256(text).slice(0, 16)}`, text }, values);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "store_schema") throw error;
    throw new StoreError("store_schema", `${table} is not there, or is no table of connect-pg-simple`, {
      cause: error.cause,
    });
  }
}

/** @throws TypeError if they are no names */
function tableInSql(table: string, schema: string | undefined): string {
  const names = Object.entries({ ...(schema !== undefined && { schema }), table });
  return names
    .map(([name, given]) => {
      if (typeof given === "string" && given !== "" && utf8Length(given) <= 63 && !given.includes("\0")) {
        return `"${given.replaceAll('"', '""')}"`;
      }
      throw new TypeError(`Expected \`${name}\` to be a name of 1 to 63 bytes, not quoted, got ${show(given)}`);
    })
    .join(".");
}
