/**
 * The statements of the store: one for each call.
 *
 * Those that change something call a function, which says why it needs READ COMMITTED. Those that only read are right
 * under every isolation level, since one statement sees one state. Each says whether the server is a standby: what one of
 * those has may be old, and that nothing is there is no answer then. No row at all is a namespace that is gone.
 *
 * What comes back is the same whatever a role has set: numbers as texts, since `extra_float_digits` rounds a `float8`;
 * bytes in base64, since `bytea_output` decides how they look else; an instant of the server as seconds, since `TimeZone` and
 * `DateStyle` decide how a date looks.
 */
import { schemaInSql } from "./migrations.ts";
import { statementOf, type Statement } from "./postgres-port.ts";

/** The names of the statements. */
export type StatementName =
  | "get"
  | "getOrNone"
  | "getMany"
  | "put"
  | "insertMany"
  | "touch"
  | "remove"
  | "removeMany"
  | "revoke"
  | "seal"
  | "sweep"
  | "list"
  | "listByOwner"
  | "count"
  | "open"
  | "watch"
  | "settle"
  | "poll"
  | "trim";

/** How many changes a watch is told one by one; of more, it is told that everything may have changed. */
export const MOST_CHANGES = 5_000;

const HEAD = "key, owner, rev, meta, created_at::text, touched_at::text, expires_at::text";
const ENTRY = `${HEAD}, value_text, encode(value_bytes, 'base64')`;
/** The same, without what costs planning: clients read a bigint as a text, or as what they were told to. */
const RAW_HEAD = HEAD.replaceAll("::text", "");
const RAW_ENTRY = ENTRY.replaceAll("::text", "");

export function statementsFor(schema: string): Readonly<Record<StatementName, Statement>> {
  const s = schemaInSql(schema);
  const texts: Readonly<Record<StatementName, string>> = {
    // Namespace, key. The first is planned in half the time, and says nothing of the server where there is no row.
    get: `SELECT pg_is_in_recovery(), ${RAW_ENTRY} FROM ${s}.entry WHERE namespace = $1 AND key = $2`,
    getOrNone: `SELECT pg_is_in_recovery(), ${RAW_ENTRY}
      FROM ${s}.namespace n LEFT JOIN ${s}.entry ON namespace = n.id AND key = $2 WHERE n.id = $1`,
    // Namespace, keys. A list is sent as a text: clients differ in what they do with an array.
    getMany: `SELECT pg_is_in_recovery(), ${RAW_ENTRY}
      FROM ${s}.namespace n LEFT JOIN ${s}.entry ON namespace = n.id AND key = ANY($2::text::text[]) WHERE n.id = $1`,
    put: `SELECT kind, ${RAW_ENTRY} FROM ${s}.put_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    insertMany: `SELECT kind, ${RAW_HEAD} FROM ${s}.insert_many_v1($1, $2::text::text[], $3::text::text[], $4::text::text[],
      $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[], $9::text::text[], $10::text::bigint[],
      $11, $12)`,
    touch: `SELECT ${s}.touch_v1($1, $2, $3, $4, $5, $6)`,
    remove: `SELECT ${RAW_HEAD} FROM ${s}.delete_v1($1, $2, $3)`,
    removeMany: `SELECT ${RAW_HEAD} FROM ${s}.delete_many_v1($1, $2::text::text[], $3::text::text[])`,
    revoke: `SELECT ${HEAD} FROM ${s}.revoke_v1($1, $2, $3, $4)`,
    // Namespace, owner, number.
    seal: `SELECT ${s}.seal_v1($1, $2, $3)`,
    sweep: `SELECT ${HEAD} FROM ${s}.sweep_v1($1, $2, $3)`,
    // Namespace, the key before, the least key, the first key that is too great, how many.
    list: `SELECT pg_is_in_recovery(), ${HEAD} FROM ${s}.namespace n LEFT JOIN LATERAL (
      SELECT * FROM ${s}.entry WHERE namespace = $1 AND key > $2 AND key >= $3 AND key < $4 ORDER BY key LIMIT $5
    ) page ON true WHERE n.id = $1 ORDER BY key`,
    // Namespace, owner, the key before, how many.
    listByOwner: `SELECT pg_is_in_recovery(), ${ENTRY} FROM ${s}.namespace n LEFT JOIN LATERAL (
      SELECT * FROM ${s}.entry WHERE namespace = $1 AND hashtextextended(owner, 0) = hashtextextended($2, 0)
        AND owner = $2 AND key > $3 ORDER BY key LIMIT $4
    ) page ON true WHERE n.id = $1 ORDER BY key`,
    // Namespace, now.
    count: `SELECT pg_is_in_recovery(), ((SELECT sum(entries) FROM ${s}.total WHERE namespace = $1)
      - (SELECT count(*) FROM ${s}.entry WHERE namespace = $1 AND due_at <= $2 AND expires_at <= $2))::text
      FROM ${s}.namespace WHERE id = $1`,
    open: `SELECT id::text, revoked::text FROM ${s}.open_v1($1)`,
    watch: `SELECT ${s}.watch_v1($1)`,
    // Namespace, since when.
    settle: `UPDATE ${s}.watching SET settled = true WHERE namespace = $1 AND since = $2::text::xid8 AND NOT settled`,
    // Namespace, the snapshot of the poll before, or the present one. The first row says what was seen; the others are
    // the changes whose transactions the one snapshot does not show, and the other does. A position in the order of the
    // numbers would lose those that commit late.
    poll: `SELECT NULL, pg_current_snapshot()::text, extract(epoch FROM pg_postmaster_start_time())::text,
        CASE WHEN w.since < pg_snapshot_xmax(pg_current_snapshot()) THEN w.since::text END,
        pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text,
        w.run::text, (w.trimmed <= pg_snapshot_xmin($2::pg_snapshot))::text, w.settled::text
      FROM (VALUES (0)) one LEFT JOIN ${s}.watching w ON namespace = $1
    UNION ALL (SELECT ${HEAD}, note, NULL FROM ${s}.change
      WHERE namespace = $1 AND xid >= pg_snapshot_xmin($2::pg_snapshot)
        AND NOT pg_visible_in_snapshot(xid, $2::pg_snapshot) ORDER BY id LIMIT ${MOST_CHANGES + 1})`,
    trim: `SELECT ${s}.trim_v1($1, true)`,
  };
  const named = Object.entries(texts).map(([name, text]) => [name, statementOf(name, text)]);
  return Object.fromEntries(named) as Readonly<Record<StatementName, Statement>>;
}
