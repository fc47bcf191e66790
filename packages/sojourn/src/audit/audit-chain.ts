/**
 * The records of an audit log as a chain: each has a number, one more than the one before, and a hash of itself and of
 * the hash before. What was changed, put in between or taken out breaks it at that place. Whoever can write everything
 * can also write the whole chain anew: against that, note its head elsewhere now and then.
 */
import { show } from "../show.ts";
import { wait, type Mode, type Reply, type Steps } from "../store/reply.ts";
import { sha256 } from "../tokens/crypto.ts";
import type { AuditRecord } from "./audit-log.ts";

/** A place in the chain: the number of a record, and its hash. */
export interface ChainLink {
  readonly id: number;
  readonly hash: string;
}

/** What lies before the first record. */
export const ORIGIN: ChainLink = Object.freeze({ id: 0, hash: "" });

/** What `verify` found. */
export type AuditVerification =
  | {
      readonly intact: true;
      /** How many records were read. */
      readonly records: number;
      /** How many were removed before them, when they were old. */
      readonly removed: number;
      /** When the earliest of those that were read happened, in epoch milliseconds; `undefined` if there is none. */
      readonly earliest: number | undefined;
      /** When the latest of them happened. */
      readonly latest: number | undefined;
      /** Where the chain ends: to be noted elsewhere, and given to a later `verify`. */
      readonly head: string;
    }
  | {
      readonly intact: false;
      /** How many records were read before the fault was found. */
      readonly records: number;
      /** The number of the record at which the chain breaks; 0 if its start is gone. */
      readonly id: number;
      /**
       * - `changed`: the record is not the one that was written there, or one before it is not, or stands there although
       *   it was removed
       * - `missing`: the record is gone, or its place in the chain is
       * - `removed`: the given head is from before the first record that is left, so that nothing can be said of it
       */
      readonly reason: "changed" | "missing" | "removed";
    };

/** The link that a record makes behind another one. */
export function linkTo(before: ChainLink, record: AuditRecord): ChainLink {
  const id = before.id + 1;
  return { id, hash: sha256(`${before.hash}[${id},${hashedOf(record)}`) };
}

/** What is hashed of a record, behind the hash before and `[`, its number and a comma. */
export function hashedOf({ at, type, userId, sessionId, reason, ip, userAgent }: AuditRecord): string {
  return JSON.stringify([at, type, userId, sessionId, reason, ip, userAgent]).slice(1);
}

/** What is verified. */
export interface Chain<M extends Mode> {
  /** What lies before the first record; `undefined` if that is gone. */
  readonly start: ChainLink | undefined;
  /** The highest number that was ever given. */
  readonly given: number;
  /** The records behind a number, in order, with what stands beside them. */
  after(id: number): Reply<M, readonly (readonly [AuditRecord, ChainLink])[]>;
}

/** @param noted the head of an earlier verification */
export function* verifyChain<M extends Mode>(
  { start, given, after }: Chain<M>,
  noted: ChainLink | undefined,
): Steps<AuditVerification> {
  if (start === undefined) return { intact: false, id: 0, reason: "missing", records: 0 };
  if (noted !== undefined && noted.id < start.id) return { intact: false, id: noted.id, reason: "removed", records: 0 };
  let last = start;
  let earliest: number | undefined;
  let latest: number | undefined;
  const broken = (id: number, reason: "changed" | "missing"): AuditVerification => ({
    intact: false,
    id,
    reason,
    records: last.id - start.id,
  });
  if (noted?.id === start.id && noted.hash !== start.hash) return broken(start.id, "changed");
  if (start.id > given) return broken(start.id, "changed");
  // From the very first record there is, and not from the start: what stands before it was removed.
  for (let id = Number.NEGATIVE_INFINITY; ; id = last.id) {
    const page = yield* wait(after(id));
    if (page.length === 0) break;
    for (const [record, found] of page) {
      const expected = linkTo(last, record);
      if (found.id !== expected.id) return broken(expected.id, found.id > expected.id ? "missing" : "changed");
      if (found.hash !== expected.hash) return broken(expected.id, "changed");
      if (noted?.id === found.id && noted.hash !== found.hash) return broken(found.id, "changed");
      last = found;
      // Where clocks differ, the last one need not be the latest.
      earliest = Math.min(earliest ?? record.at, record.at);
      latest = Math.max(latest ?? record.at, record.at);
    }
  }
  const wanted = Math.max(given, noted?.id ?? 0);
  if (last.id < wanted) return broken(last.id + 1, "missing");
  const head = `${last.id}.${last.hash}`;
  return { intact: true, records: last.id - start.id, removed: start.id, earliest, latest, head };
}

/** @throws TypeError if it is no head of a verification */
export function parseHead(head: string): ChainLink {
  const [, id = "", hash = ""] = /^(0|[1-9]\d{0,15})\.([\w-]{43}|)$/.exec(head) ?? [];
  if (id === "") throw new TypeError(`Expected \`head\` to be that of a verification, got ${show(head)}`);
  return { id: Number(id), hash };
}
