/** The calls that every request, login and logout makes: one entry is looked up, inserted or removed. */
import { StoreError } from "../../errors.ts";
import { toStored } from "../stored-text.ts";
import { RECLAIM_PER_PUT, type Entry, type Head } from "../store.ts";
import type { Calls } from "./calls.ts";
import { BY_ITSELF, gather, type Making } from "./gather.ts";
import { namespaceGone } from "./postgres-fault.ts";
import type { Row, Sending, Statement, Value } from "./postgres-port.ts";
import { entryIn, headIn, isNo } from "./rows.ts";
import type { StatementName } from "./statements.ts";

export interface EntryCallsOptions {
  readonly calls: Calls;
  readonly statements: Readonly<Record<StatementName, Statement>>;
  /** The number of the namespace. */
  readonly namespace: string;
  /** Whether calls of one turn of the event loop go together. */
  readonly gathers: boolean;
}

/** An entry to be stored where nothing is. */
export interface Insertion {
  readonly entry: Entry;
  /** The number of the last revocation that was known when it began. */
  readonly seen: number;
  readonly now: number;
  /** Stores it by itself, and says why if it is not stored. */
  readonly alone: (sending: Sending) => Promise<readonly Row[]>;
}

export interface EntryCalls {
  /** The entry, live or not. */
  get(key: string): Promise<Entry | undefined>;
  /** The rows that `put_v1` answers. */
  insert(insertion: Insertion, giveUpAt: number): Promise<readonly Row[]>;
  remove(key: string, note: string): Promise<Head | undefined>;
}

/** How long a value may be to go with others, in characters: a longer one would hold them up. */
const SHORT = 8_192;

export function entryCalls({ calls, statements, namespace, gathers }: EntryCallsOptions): EntryCalls {
  type Send = (name: StatementName, values: readonly Value[], sending: Sending) => Promise<readonly Row[]>;
  const send: Send = async (name, values, sending) => calls.send(statements[name], [namespace, ...values], sending);

  const get = gathered<string, Entry | undefined>({
    async alone(key, sending) {
      const [row] = await send("get", [key], sending);
      // What a standby does not have may be on the primary, so that absence has to be asked for together with that.
      const [found] = row === undefined ? await send("getOrNone", [key], sending) : [row];
      checkPrimary(found);
      return found![1] === null ? undefined : entryIn(found!, 1);
    },
    async together(keys, sending) {
      const rows = await send("getMany", [listed(keys)], sending);
      checkPrimary(rows[0]);
      const found = new Map(rows.map((row) => [row[1], row]));
      return keys.map((key) => {
        const row = found.get(key);
        return () => (row === undefined ? undefined : entryIn(row, 1));
      });
    },
  });

  const insert = gathered<Insertion, readonly Row[]>({
    alone: async ({ alone }, sending) => alone(sending),
    async together(insertions, sending) {
      const entries = insertions.map(({ entry }) => entry);
      const values = [
        listed(entries.map(({ key }) => toStored(key))),
        listed(entries.map(({ owner }) => (owner === null ? null : toStored(owner)))),
        listed(entries.map(({ rev }) => toStored(rev))),
        listed(entries.map(({ meta }) => toStored(meta))),
        `{${entries.map(({ createdAt }) => createdAt).join()}}`,
        `{${entries.map(({ touchedAt }) => touchedAt).join()}}`,
        `{${entries.map(({ expiresAt }) => expiresAt).join()}}`,
        listed(entries.map(({ value }) => toStored(value as string))),
        `{${insertions.map(({ seen }) => seen).join()}}`,
        `${Math.min(...insertions.map(({ now }) => now))}`,
        `${insertions.length * RECLAIM_PER_PUT}`,
      ];
      const rows = await send("insertMany", values, sending);
      const stored = new Set(rows.filter(([kind]) => kind === "i").map((row) => row[1]));
      // What has gone on the way is reported by one of them.
      let removed = rows.filter(([kind]) => kind === "r");
      return entries.map(({ key }) => {
        if (!stored.delete(toStored(key))) return BY_ITSELF;
        const answer = removed;
        removed = [];
        return () => answer;
      });
    },
  });

  const remove = gathered<{ readonly key: string; readonly note: string }, Head | undefined>({
    async alone({ key, note }, sending) {
      const [row] = await send("remove", [key, note], sending);
      return row === undefined ? undefined : headIn(row);
    },
    async together(removals, sending) {
      const lists = [listed(removals.map(({ key }) => key)), listed(removals.map(({ note }) => note))];
      const rows = await send("removeMany", lists, sending);
      const removed = new Map(rows.map((row) => [row[0], row]));
      return removals.map(({ key }) => {
        const row = removed.get(key);
        return row !== undefined && removed.delete(key) ? () => headIn(row) : BY_ITSELF;
      });
    },
  });

  type Made<Asked, Answer> = (asked: Asked, giveUpAt?: number) => Promise<Answer>;
  function gathered<Asked, Answer>(making: Making<Asked, Answer>): Made<Asked, Answer> {
    const make = gathers ? gather(making) : making.alone;
    return async (asked, giveUpAt) => calls.make(async (sending) => make(asked, sending), giveUpAt);
  }

  return {
    get: async (key) => get(toStored(key)),
    async insert(insertion, giveUpAt) {
      const { owner, value } = insertion.entry;
      const isShort = typeof value === "string" && value.length + (owner?.length ?? 0) <= SHORT;
      return isShort ? insert(insertion, giveUpAt) : calls.make(insertion.alone, giveUpAt);
    },
    remove: async (key, note) => remove({ key: toStored(key), note }),
  };
}

/** An array of texts, as Postgres reads one. */
function listed(texts: readonly (string | null)[]): string {
  return `{${texts.map((text) => (text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`)).join()}}`;
}

/**
 * Looks at the first row of something that only reads.
 *
 * @throws StoreError if there is none, or if its first column says that it is from a standby
 */
export function checkPrimary(row: Row | undefined): void {
  if (row === undefined) throw namespaceGone();
  if (isNo(row[0])) return;
  throw new StoreError("store_readonly", "The Postgres server is a standby, whose data may be old; a failover may run");
}
