/** The calls that change nothing, on a connection of their own or of the writer. */
import { show } from "../../show.ts";
import type { Entry, Head, KeyValue, Page, PageOptions } from "../store.ts";
import { checkInstant, checkPage } from "../check.ts";
import { touchEntry } from "../kept-entry.ts";
import { entryOf, entryOfValues, headOf } from "./entry-row.ts";
import { countLive } from "./expiry-counts.ts";
import type { SqlPort, SqlRow, SqlValue } from "./sql-port.ts";
import { namespaceRow } from "./schema.ts";
import * as sql from "./statements.ts";
import { endOfPrefix, fromStored, toStored } from "../stored-text.ts";

/** Above every text: SQLite sorts bytes after text. */
const ABOVE_ALL_TEXT = new Uint8Array([0]);

/** What reads the entries of one namespace. */
export interface EntryReader {
  /** What is under a key, live or not. */
  find(key: string): Entry | undefined;
  /** The same, of an entry that was read before: while its rev is there, only the instants are read. */
  findAgain(before: Entry): Entry | undefined;
  list(options: Parameters<KeyValue["list"]>[0], now: number): Page<Head>;
  listByOwner(owner: string, options: PageOptions, now: number): Page<Entry>;
  count(now: number): number;
  /** How many transactions have changed the namespace. */
  changes(): number;
}

export function entryReader(port: SqlPort, namespace: number): EntryReader {
  function find(key: string): Entry | undefined {
    const values = port.getValues(sql.READ_ENTRY, namespace, toStored(key));
    return values === undefined ? absent() : entryOfValues(values);
  }

  function changes(): number {
    return Number(namespaceRow(port.get(sql.READ_CHANGES, namespace))["changes"]);
  }

  /** No row: that is absence only if the namespace is there. */
  function absent(): undefined {
    changes();
  }

  return {
    find,

    findAgain(before) {
      const values = port.getValues(sql.READ_STATE, namespace, toStored(before.key));
      if (values === undefined) return absent();
      if (fromStored(values[0] as string) !== before.rev) return find(before.key);
      const touchedAt = Number(values[1]);
      const expiresAt = Number(values[2]);
      const isSame = touchedAt === before.touchedAt && expiresAt === before.expiresAt;
      return isSame ? before : touchEntry(before, touchedAt, expiresAt);
    },

    list({ prefix = "", after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const from = toStored(prefix);
      const end: SqlValue = endOfPrefix(from) ?? ABOVE_ALL_TEXT;
      const rows =
        after === undefined
          ? port.all(sql.LIST_FROM, namespace, from, end, limit + 1)
          : port.all(sql.LIST_AFTER, namespace, toStored(after), end, limit + 1);
      return page(rows.map(headOf), limit, now, (last) => last.key);
    },

    listByOwner(owner, { after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const rows = port.all(sql.LIST_BY_OWNER, namespace, toStored(owner), idOf(after), limit + 1);
      return page(rows.map(entryOf), limit, now, (_, index) => idText(rows[index]!));
    },

    count(now) {
      checkInstant(now, "now");
      return Number(namespaceRow(countLive(port, namespace, now))["live"]);
    },

    changes,
  };
}

/** One row more than the limit was read, to know whether there is a next page. */
function page<T extends Head>(
  found: readonly T[],
  limit: number,
  now: number,
  cursorOf: (last: T, index: number) => string,
): Page<T> {
  const items = found.slice(0, limit).filter(({ expiresAt }) => now < expiresAt);
  return { items, next: found.length > limit ? cursorOf(found[limit - 1]!, limit - 1) : undefined };
}

function idText(row: SqlRow): string {
  return String(row["id"]);
}

function idOf(after: string | undefined): number {
  if (after === undefined) return 0;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(after)}`);
}
