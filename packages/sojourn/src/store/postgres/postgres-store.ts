/** The store over its statements, once it has been connected. */
import { checkEntry, checkInstant, checkKey, checkLimit, checkNote, checkPage } from "../check.ts";
import type { Refused, RevocationOrder } from "../revocation-order.ts";
import { fromStored, toStored } from "../stored-text.ts";
import {
  RECLAIM_PER_PUT,
  type Begun,
  type Entry,
  type Expected,
  type Guarantees,
  type Put,
  type Store,
} from "../store.ts";
import type { Calls } from "./calls.ts";
import type { Changes } from "./changes.ts";
import { checkPrimary, entryCalls } from "./entry-calls.ts";
import type { Row, Sending, Statement, Value } from "./postgres-port.ts";
import { entryIn, headIn, isYes } from "./rows.ts";
import type { StatementName } from "./statements.ts";

/** What connecting has found out. */
export interface Connected {
  readonly calls: Calls;
  readonly statements: Readonly<Record<StatementName, Statement>>;
  /** The number of the namespace. */
  readonly namespace: string;
  readonly order: RevocationOrder;
  readonly guarantees: Guarantees;
  readonly changes: Changes;
  /** Whether calls of one turn of the event loop go together. */
  readonly gathers: boolean;
}

/** How many puts of a store share one look for expired entries; it may then reclaim for all of them. */
const PUTS_PER_RECLAIM = 4;
/** Greater than anything that can go on a stored text. */
const ABOVE = "\u{10FFFF}\u{10FFFF}";

export function connectedStore(connected: Connected): Store<"async"> {
  const { calls, statements, namespace, order, guarantees, changes } = connected;
  const entries = entryCalls(connected);
  let puts = 0;

  async function call(name: StatementName, ...values: readonly Value[]): Promise<readonly Row[]> {
    return calls.run(statements[name], [namespace, ...values]);
  }

  /** A call of several statements, which have one deadline. */
  function calling(): typeof call {
    const giveUpAt = calls.giveUpAt();
    return async (name, ...values) => calls.run(statements[name], [namespace, ...values], giveUpAt);
  }

  /** Rows of something that only reads, without the column that says whether the server is a standby. */
  async function read(name: StatementName, ...values: readonly Value[]): Promise<readonly Row[]> {
    const rows = await call(name, ...values);
    checkPrimary(rows[0]);
    return rows;
  }

  async function put(entry: Entry, expected: Expected, now: number, begun: Begun): Promise<Put> {
    const { key, owner, rev, meta, value, createdAt, touchedAt, expiresAt } = entry;
    const values = (seen: number): readonly Value[] => [
      namespace,
      toStored(key),
      owner === null ? null : toStored(owner),
      toStored(rev),
      toStored(meta),
      `${createdAt}`,
      `${touchedAt}`,
      `${expiresAt}`,
      typeof value === "string" ? toStored(value) : null,
      typeof value === "string" ? null : value,
      wanted(expected),
      `${now}`,
      `${seen}`,
      `${++puts % PUTS_PER_RECLAIM === 0 ? PUTS_PER_RECLAIM * RECLAIM_PER_PUT : 0}`,
    ];
    const giveUpAt = calls.giveUpAt();
    const made = await order.put(0, begun, async (seen) => {
      const alone = async (sending: Sending) => calls.send(statements.put, values(seen), sending);
      if (expected !== null) return putIn(await calls.make(alone, giveUpAt));
      return putIn(await entries.insert({ entry, seen, now, alone }, giveUpAt));
    });
    if (made.outcome === "stored" && made.removed.length > 0) changes.hurry();
    return made;
  }

  return {
    mode: "async",
    guarantees,

    async get(key, now) {
      checkKey(key);
      checkInstant(now, "now");
      const entry = await entries.get(key);
      return entry !== undefined && now < entry.expiresAt ? entry : undefined;
    },

    async put(entry, expected, now, begun = order.begin()) {
      checkEntry(entry);
      checkInstant(now, "now");
      calls.checkOpen();
      // It may be sent later, and more than once.
      const { value } = entry;
      return put({ ...entry, value: typeof value === "string" ? value : value.slice() }, expected, now, begun);
    },

    async touch(key, rev, { touchedAt, expiresAt }, now) {
      checkKey(key);
      checkInstant(touchedAt, "touchedAt");
      checkInstant(expiresAt, "expiresAt");
      checkInstant(now, "now");
      const [row] = await call("touch", toStored(key), toStored(rev), `${touchedAt}`, `${expiresAt}`, `${now}`);
      return isYes(row?.[0]);
    },

    async delete(key, note = "") {
      checkKey(key);
      checkNote(note);
      const head = await entries.remove(key, note);
      if (head !== undefined) changes.hurry();
      return head;
    },

    async list({ prefix = "", after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const begin = toStored(prefix);
      const rows = await read("list", toStored(after ?? ""), begin, begin + ABOVE, `${limit + 1}`);
      return pageOf(rows, limit, (row) => headIn(row, 1), now);
    },

    async listByOwner(owner, { after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const rows = await read("listByOwner", toStored(owner), toStored(after ?? ""), `${limit + 1}`);
      return pageOf(rows, limit, (row) => entryIn(row, 1), now);
    },

    begin() {
      calls.checkOpen();
      return order.begin();
    },

    async revokeOwner(owner, except, note = "") {
      checkNote(note);
      const step = calling();
      return order.revoke(async () => {
        const rows = await step("revoke", toStored(owner), except === undefined ? null : toStored(except), note);
        changes.hurry();
        const answer = rows.filter(([key]) => key !== null).map((row) => headIn(row));
        const number = Number(rows.find(([key]) => key === null)?.[4]);
        // So that a login elsewhere which begins after this has resolved can tell. Without it, one is refused once.
        await step("seal", toStored(owner), `${number}`).catch(() => {});
        return { numbers: [number], answer };
      });
    },

    async count(now) {
      checkInstant(now, "now");
      const [row] = await read("count", `${now}`);
      return Number(row![1]);
    },

    async sweep(now, limit) {
      checkInstant(now, "now");
      checkLimit(limit);
      const heads = (await call("sweep", `${now}`, `${limit}`)).map((row) => headIn(row));
      if (heads.length > 0) changes.hurry();
      return heads.sort((a, b) => a.expiresAt - b.expiresAt);
    },

    watch: changes.watch,
    watchRemovals: changes.watchRemovals,

    async close() {
      changes.close();
      calls.close();
    },
  };
}

/** What the put function compares with a rev. */
function wanted(expected: Expected): string | null {
  if (expected === null) return null;
  return expected === "any" ? "" : toStored(expected);
}

/** The answer to a put: see `put_v1` in functions.ts. */
function putIn(rows: readonly Row[]): Exclude<Put, { readonly outcome: "revoked" }> | Refused {
  const [first] = rows;
  if (first?.[0] === "c") {
    return { outcome: "conflict", current: first[1] === null ? undefined : entryIn(first, 1) };
  }
  if (first?.[0] === "n") {
    const micros = first[6];
    const ago = micros === null ? undefined : Number(micros) / 1_000;
    return { outcome: "refused", number: Number(first[5]), ago };
  }
  return { outcome: "stored", removed: rows.map((row) => headIn(row, 1)) };
}

/** A page of what is live, of rows that are one more than the page where there is another. */
function pageOf<T extends { readonly expiresAt: number }>(
  rows: readonly Row[],
  limit: number,
  decode: (row: Row) => T,
  now: number,
): { readonly items: readonly T[]; readonly next: string | undefined } {
  const there = rows.filter((row) => row[1] !== null);
  const page = there.slice(0, limit);
  const items = page.map(decode).filter(({ expiresAt }) => now < expiresAt);
  return { items, next: there.length > limit ? fromStored(String(page.at(-1)![1])) : undefined };
}
