/**
 * How many entries end when, so that `count` does not have to look at each that has expired.
 *
 * For each second, and for each hour, in which entries end there is a row with their number. What has expired by an
 * instant is then a sum of three: whole hours, the whole seconds of the hour that runs, and the entries of the second
 * that runs, which are counted one by one. At most 3,600 rows of seconds are summed up, and one of hours for each hour
 * in which something ended that is still there.
 *
 * A row belongs to its last instant, not to its first: what ends at a round second, or at midnight, is in a row that
 * counts at that very instant.
 */
import type { SqlPort, SqlRow } from "./sql-port.ts";
import * as sql from "./statements.ts";

const SECOND = 1_000;
const HOUR = 3_600_000;
const WIDTHS = [SECOND, HOUR] as const;

/** The changes of one transaction to the numbers of a namespace. */
export interface ExpiryCounts {
  /** Forgets what was noted: a transaction begins. */
  begin(): void;
  added(expiresAt: number): void;
  removed(expiresAt: number): void;
  moved(from: number, to: number): void;
  /** Writes down what was noted. */
  write(): void;
}

export function expiryCounts(port: SqlPort, namespace: number): ExpiryCounts {
  /** By how many entries the second that ends at an instant has changed. */
  const changes = new Map<number, number>();

  function note(expiresAt: number, change: number): void {
    const until = endOf(expiresAt, SECOND);
    changes.set(until, (changes.get(until) ?? 0) + change);
  }

  function change(width: number, until: number, by: number): void {
    port.run(sql.CHANGE_EXPIRY, namespace, width, until, by);
    // No row stays that counts nothing.
    if (by < 0) port.run(sql.DELETE_EXPIRY, namespace, width, until);
  }

  return {
    begin: () => changes.clear(),
    added: (expiresAt) => note(expiresAt, 1),
    removed: (expiresAt) => note(expiresAt, -1),
    moved(from, to) {
      if (from === to) return;
      note(from, -1);
      note(to, 1);
    },
    write() {
      const hours = new Map<number, number>();
      for (const [until, by] of changes) {
        if (by === 0) continue;
        change(SECOND, until, by);
        const hour = endOf(until, HOUR);
        hours.set(hour, (hours.get(hour) ?? 0) + by);
      }
      for (const [until, by] of hours) if (by !== 0) change(HOUR, until, by);
    },
  };
}

/** The row with the number of `live` entries of a namespace; none if there is no such namespace. */
export function countLive(port: SqlPort, namespace: number, now: number): SqlRow | undefined {
  const [second, hour] = [startOf(now, SECOND), startOf(now, HOUR)];
  return port.get(sql.COUNT, HOUR, hour, SECOND, hour, second, second, now, namespace);
}

/** The statements that count what is there already. */
export const COUNT_EXPIRIES: readonly string[] = WIDTHS.map(
  (width) => `INSERT INTO sojourn_expiry (namespace, width, until, entries)
    SELECT namespace, ${width}, min(${Number.MAX_SAFE_INTEGER}, expiresAt - expiresAt % ${width} +
      iif(expiresAt % ${width} > 0, ${width}, 0)) AS until, count(*)
    FROM sojourn_entry GROUP BY namespace, until`,
);

/** The last instant of the second or the hour of an instant: the first multiple that is not before it. */
function endOf(instant: number, width: number): number {
  const past = instant % width;
  return past > 0 ? Math.min(Number.MAX_SAFE_INTEGER, instant - past + width) : instant - past;
}

/** The last multiple that is not after an instant. */
function startOf(instant: number, width: number): number {
  const past = instant % width;
  return past < 0 ? Math.max(Number.MIN_SAFE_INTEGER, instant - past - width) : instant - past;
}
