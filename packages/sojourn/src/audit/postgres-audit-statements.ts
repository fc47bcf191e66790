/** The statements of an audit log in Postgres: one for each call. What only reads is right under every isolation level. */
import { schemaInSql } from "../store/postgres/migrations.ts";
import type { Calls } from "../store/postgres/calls.ts";
import { statementOf, type Row, type Value } from "../store/postgres/postgres-port.ts";
import { run } from "../store/reply.ts";
import { fromStored, toStored } from "../store/stored-text.ts";
import { hashedOf, verifyChain, type AuditVerification, type Chain, type ChainLink } from "./audit-chain.ts";
import type { AuditRecord } from "./audit-log.ts";
import type { AuditQuery, Place, Placed } from "./stored-audit-sink.ts";

/** The statements, over tables that are there. */
export interface AuditStatements {
  /**
   * Adds all records, or none.
   *
   * @param batch its number among those of this writer, higher than those before: sent again, it counts once
   */
  append(writer: string, batch: number, records: readonly AuditRecord[]): Promise<void>;
  /** The latest first, after a place. */
  select(query: AuditQuery, after: Place | undefined, limit: number): Promise<readonly Placed[]>;
  /** Removes from the start those before an instant, up to the first that is not, and returns how many. */
  remove(before: number, limit: number): Promise<number>;
  /** Reads the whole chain. */
  verify(noted: ChainLink | undefined): Promise<AuditVerification>;
}

/** Numbers come as texts: clients read a bigint as they were told to. */
const COLUMNS = "id::text, at::text, type, user_id, session_id, reason, ip, user_agent, hash";

const CONDITIONS = {
  userId: (n) => `hashtextextended(user_id, 0) = hashtextextended($${n}, 0) AND user_id = $${n}`,
  sessionId: (n) => `hashtextextended(session_id, 0) = hashtextextended($${n}, 0) AND session_id = $${n}`,
  type: (n) => `hashtextextended(type, 0) = hashtextextended($${n}, 0) AND type = $${n}`,
  reason: (n) => `hashtextextended(reason, 0) = hashtextextended($${n}, 0) AND reason = $${n}`,
  from: (n) => `at >= $${n}::bigint`,
  to: (n) => `at < $${n}::bigint`,
} as const satisfies Record<keyof AuditQuery, (n: number) => string>;

/** @param schema the schema that the tables are in */
export function auditStatements(calls: Calls, schema: string): AuditStatements {
  const s = schemaInSql(schema);
  const ask = async (name: string, text: string, values: readonly Value[] = []): Promise<readonly Row[]> =>
    calls.run(statementOf(`audit_${name}`, text), values);

  async function ends(): Promise<{ readonly start: ChainLink | undefined; readonly given: number }> {
    const [row] = await ask("ends", `SELECT start_id::text, start_hash, id::text FROM ${s}.chain`);
    if (row === undefined) return { start: undefined, given: 0 };
    return { start: { id: Number(row[0]), hash: String(row[1]) }, given: Number(row[2]) };
  }

  const after: Chain<"async">["after"] = async (id) => {
    // Also one before the first that was given.
    const from = id === Number.NEGATIVE_INFINITY ? "-9223372036854775808" : String(id);
    const text = `SELECT ${COLUMNS} FROM ${s}.record WHERE id > $1::bigint ORDER BY record.id LIMIT 1000`;
    return (await ask("page", text, [from])).map((row) => [
      recordIn(row),
      { id: Number(row[0]), hash: String(row[8]) },
    ]);
  };

  return {
    async append(writer, batch, records) {
      const sent = JSON.stringify(records.map(sentOf));
      await ask("append", `SELECT ${s}.append_v1($1, $2, $3)::text`, [writer, String(batch), sent]);
    },

    async select(query, place, limit) {
      const names = (Object.keys(CONDITIONS) as (keyof AuditQuery)[]).filter((name) => query[name] !== undefined);
      const conditions = names.map((name, index) => CONDITIONS[name](index + 1));
      const values = names.map((name) => toStored(String(query[name])));
      if (place !== undefined) {
        conditions.push(`(at, id) < ($${values.length + 1}::bigint, $${values.length + 2}::bigint)`);
        values.push(...place.map(String));
      }
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const shape = Object.keys(CONDITIONS).map((name) => Number(names.includes(name as keyof AuditQuery)));
      const rows = await ask(
        `${shape.join("")}${place === undefined ? 0 : 1}`,
        `SELECT ${COLUMNS} FROM ${s}.record ${where}
          ORDER BY record.at DESC, record.id DESC LIMIT $${values.length + 1}::bigint`,
        [...values, String(limit)],
      );
      return rows.map((row) => [recordIn(row), [Number(row[1]), Number(row[0])]]);
    },

    async remove(before, limit) {
      const [row] = await ask("remove", `SELECT ${s}.remove_v1($1, $2)::text`, [String(before), String(limit)]);
      return Number(row?.[0]);
    },

    async verify(noted) {
      for (;;) {
        // Before the records are read: others may be added meanwhile.
        const { start, given } = await ends();
        const verified = await run("async", verifyChain<"async">({ start, given, after }, noted));
        // What another process removed while it was read is not missing.
        if (verified.intact || (await ends()).start?.id === start?.id) return verified;
      }
    },
  };
}

/** A record as `append_v1` takes it. */
function sentOf(record: AuditRecord): readonly (string | null)[] {
  const { at, type, userId, sessionId, reason, ip, userAgent } = record;
  const texts = [type, userId, sessionId, reason, ip, userAgent].map((text) => text && toStored(text));
  return [hashedOf(record), String(at), ...texts];
}

function recordIn(row: Row): AuditRecord {
  const [type, userId, sessionId, reason, ip, userAgent] = row
    .slice(2, 8)
    .map((text) => (typeof text === "string" ? fromStored(text) : null));
  return { at: Number(row[1]), type, userId, sessionId, reason, ip, userAgent } as AuditRecord;
}
