/** What an audit log that is stored can be asked, wherever it is. */
import { StoreError } from "../errors.ts";
import { show } from "../show.ts";
import { checkInstant, checkPage } from "../store/check.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Page } from "../store/store.ts";
import type { AuditVerification } from "./audit-chain.ts";
import type { AuditRecord, AuditSink } from "./audit-log.ts";

/** How many records wait for a database that cannot be written, before further ones are lost, and reported so. */
export const MOST_PENDING = 10_000;

/** What is asked of an audit log: all conditions that are given hold. */
export interface AuditQuery {
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly type?: AuditRecord["type"] | undefined;
  readonly reason?: NonNullable<AuditRecord["reason"]> | undefined;
  /** From this instant on, in epoch milliseconds. */
  readonly from?: number | undefined;
  /** Before this instant, in epoch milliseconds. */
  readonly to?: number | undefined;
}

/** A page of a query. */
export interface AuditPageQuery extends AuditQuery {
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  /** 1 to 1,000. @default 100 */
  readonly limit?: number;
}

/**
 * An audit sink that remembers: `sqliteAuditSink` answers at once, `postgresAuditSink` with promises. What is asked of it
 * includes what still waits to be written.
 */
export interface StoredAuditSink<M extends Mode> extends AuditSink {
  /** Takes a record. What it throws, or rejects with, is a fault of this or of earlier records, which still wait. */
  write(record: AuditRecord): M extends "sync" ? void : Promise<void> | undefined;
  lastEnd(sessionId: string): Reply<M, AuditRecord | undefined>;
  /** Writes down what waits. @throws StoreError, and then it still waits */
  flush(): Reply<M, void>;
  /**
   * The records that meet every given condition, the latest first, a page at a time.
   *
   * @throws TypeError if a part of the query is not what it should be
   * @throws StoreError
   */
  query(query?: AuditPageQuery): Reply<M, Page<AuditRecord>>;
  /**
   * Whether the log is as it was written: reads every record, which takes some seconds for each million (OWASP ASVS
   * 5.0, 16.4.2).
   *
   * @param options.head the `head` of an earlier verification, which was noted where nobody who can write here can
   *   write: with it, a log that was written anew, or cut off at its end, is found out as well
   * @throws TypeError if the head is none
   * @throws StoreError
   */
  verify(options?: { readonly head?: string | undefined }): Reply<M, AuditVerification>;
  /**
   * Removes records from before an instant, from the start of the log up to the first that is not: what a retention
   * period is kept with (OWASP ASVS 5.0, 16.1.1). Call it again while it returns `limit`. Where clocks differ, a record
   * can stay until the one that was written before it is old.
   *
   * @param instant in epoch milliseconds
   * @param limit how many at most, 1 to 1,000, by default 1,000
   * @returns how many it removed
   * @throws StoreError
   */
  deleteBefore(instant: number, limit?: number): Reply<M, number>;
  /** Writes down what waits, and closes what the sink has opened itself. @throws StoreError, and then it stays open */
  close(): Reply<M, void>;
}

/** Where a record is in the log. */
export type Place = readonly [at: number, id: number];

/** A record, and its place. */
export type Placed = readonly [AuditRecord, Place];

/** @throws TypeError if it is not a number of records */
export function checkBatch(batch: number): number {
  if (Number.isSafeInteger(batch) && batch >= 1 && batch <= MOST_PENDING) return batch;
  throw new TypeError(`Expected \`batch\` to be 1 to ${MOST_PENDING} records, got ${show(batch)}`);
}

/** @throws TypeError if a part of the query is not what it should be */
export function checkQuery({ after, limit = 100, ...query }: AuditPageQuery): {
  readonly query: AuditQuery;
  readonly after: Place | undefined;
  readonly limit: number;
} {
  checkPage({ after, limit });
  if (query.from !== undefined) checkInstant(query.from, "from");
  if (query.to !== undefined) checkInstant(query.to, "to");
  return { query, after: after === undefined ? undefined : parsePlace(after), limit };
}

/** The page of what was found, one more than the limit. */
export function pageOf(found: readonly Placed[], limit: number): Page<AuditRecord> {
  const items = found.slice(0, limit);
  return {
    items: items.map(([record]) => record),
    next: found.length > limit ? items.at(-1)?.[1].join(".") : undefined,
  };
}

/** What is thrown for a record that has no place any more. */
export function lostRecord(): StoreError {
  return new StoreError("store_full", `${MOST_PENDING} audit records wait already; this one is lost`);
}

function parsePlace(after: string): Place {
  const [at = Number.NaN, id = Number.NaN] = after.split(".").map(Number);
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(id)) {
    throw new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(after)}`);
  }
  return [at, id];
}
