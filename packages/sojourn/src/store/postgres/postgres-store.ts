/** The store over its statements, once it has been connected. */
import { StoreError } from "../../errors.ts";
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
import { namespaceGone } from "./postgres-fault.ts";
import type { Row, Statement, Value } from "./postgres-port.ts";
import { entryIn, headIn, isNo, isYes } from "./rows.ts";
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
}

/** How many puts of a store share one look for expired entries; it may then reclaim for all of them. */
const PUTS_PER_RECLAIM = 4;
/** Greater than anything that can go on a stored text. */
const ABOVE = "\u{10FFFF}\u{10FFFF}";

export function connectedStore(connected: Connected): Store<"async"> {
  const { calls, statements, namespace, order, guarantees, changes } = connected;
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
    return onPrimary(await call(name, ...values));
  }

  async function put(entry: Entry, expected: Expected, now: number, begun: Begun): Promise<Put> {
    const { key, owner, meta, value } = entry;
    const reclaim = ++puts % PUTS_PER_RECLAIM === 0 ? PUTS_PER_RECLAIM * RECLAIM_PER_PUT : 0;
    const values: readonly Value[] = [
      toStored(key),
      owner === null ? null : toStored(owner),
      toStored(entry.rev),
      toStored(meta),
      `${entry.createdAt}`,
      `${entry.touchedAt}`,
      `${entry.expiresAt}`,
      typeof value === "string" ? toStored(value) : null,
      typeof value === "string" ? null : value.slice(),
      wanted(expected),
      `${now}`,
    ];
    const step = calling();
    const made = await order.put(0, begun, async (seen) =>
      putIn(await step("put", ...values, `${seen}`, `${reclaim}`)),
    );
    if (made.outcome === "stored" && made.removed.length > 0) changes.hurry();
    return made;
  }

  return {
    mode: "async",
    guarantees,

    async get(key, now) {
      checkKey(key);
      checkInstant(now, "now");
      const stored = toStored(key);
      const step = calling();
      const [row] = await step("get", stored);
      // What a standby does not have may be on the primary, so that absence has to be asked for together with that.
      const [found] = row === undefined ? onPrimary(await step("getOrNone", stored)) : [row];
      if (!isNo(found![0])) throw standby();
      if (found![1] === null) return undefined;
      const entry = entryIn(found!, 1);
      return now < entry.expiresAt ? entry : undefined;
    },

    async put(entry, expected, now, begun = order.begin()) {
      checkEntry(entry);
      checkInstant(now, "now");
      calls.checkOpen();
      return put(entry, expected, now, begun);
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
      const [row] = await call("remove", toStored(key), note);
      if (row === undefined) return undefined;
      changes.hurry();
      return headIn(row);
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

/** The rows of something that only reads, if they are of a namespace, and not of a standby. */
function onPrimary(rows: readonly Row[]): readonly Row[] {
  if (rows.length === 0) throw namespaceGone();
  if (!isNo(rows[0]![0])) throw standby();
  return rows;
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

function standby(): StoreError {
  return new StoreError(
    "store_readonly",
    "The Postgres server is a standby, whose data may be old; a failover may run",
  );
}
