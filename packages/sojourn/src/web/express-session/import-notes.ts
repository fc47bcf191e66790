/**
 * What an import leaves in the new store, for the calls after it. What was ended there is known for an hour: later, a row
 * of which the store has nothing may be of a session that was never stored, or of one that was ended since.
 */
import { StoreError } from "../../errors.ts";
import { sha256 } from "../../tokens/crypto.ts";
import { uniqueRev } from "../../tokens/token.ts";
import { MARK_LIFETIME } from "./session-entry.ts";
import type { StoreContext } from "./store-context.ts";

/** By what clocks may differ, in milliseconds. */
const SKEW = 60_000;
const YEARS = 20 * 365 * 86_400_000;

/**
 * Whether the first call for this table was within the hour for which the new store knows what was ended in it. That
 * call leaves an entry, which is no session and is not listed as one.
 *
 * @throws StoreError `store_schema` if it was not
 */
export async function checkHour(context: StoreContext, table: string): Promise<void> {
  const now = context.policy.clock.now();
  const put = await context.store.put(note(`import of ${sha256(table)}`, "", now, now), null, now);
  if (put.outcome !== "conflict" || put.current === undefined || !isLate(put.current.createdAt, now)) return;
  throw new StoreError(
    "store_schema",
    `The sessions of ${table} were first taken along more than an hour ago: those that were ended since could come back`,
  );
}

/** The rows that are between being stored and being removed, by their names. */
export interface RowsOnTheWay {
  /** Whether a session was perhaps stored so long ago that it cannot be told any more whether it was ended since. */
  isInDoubt(name: string): boolean;
  /** Before any of them is stored. */
  begin(names: readonly string[]): Promise<void>;
  /** Once those that were stored are removed. */
  end(names: readonly string[]): void;
  /** Once every row was looked at. */
  finish(): Promise<void>;
}

/** Those of a table, with what a call that failed has left on the way. */
export async function rowsOnTheWay({ store, policy }: StoreContext, table: string): Promise<RowsOnTheWay> {
  const key = `rows on the way of ${sha256(table)}`;
  const left = await store.get(key, policy.clock.now());
  const names = new Set(left === undefined ? [] : (JSON.parse(String(left.value)) as string[]));
  const inDoubt = new Set(left !== undefined && isLate(left.createdAt, policy.clock.now()) ? names : []);
  // Since when the one that has been there for the longest has been there.
  let since = left?.createdAt;

  return {
    isInDoubt: (name) => inDoubt.has(name),
    async begin(more) {
      const now = policy.clock.now();
      since ??= now;
      for (const name of more) names.add(name);
      await store.put(note(key, JSON.stringify([...names]), since, now), "any", now);
    },
    end(some) {
      // What is written down of them goes with the next page: until then, they are only known for longer than needed.
      for (const name of some) names.delete(name);
      if (names.size === 0) since = undefined;
    },
    async finish() {
      await store.delete(key);
    },
  };
}

function isLate(since: number, now: number): boolean {
  return now >= since + MARK_LIFETIME - SKEW;
}

function note(key: string, value: string, createdAt: number, now: number) {
  const instants = { createdAt, touchedAt: now, expiresAt: now + YEARS };
  return { key, owner: null, rev: uniqueRev(), meta: "import", value, ...instants };
}
