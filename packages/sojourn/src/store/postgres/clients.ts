/** The ports over the clients that people have: pg, postgres.js, Neon and PGlite, told by what they can do. */
import { show } from "../../show.ts";
import { isFromServer } from "./postgres-fault.ts";
import type { PostgresPort, Row, Sending, Statement, Value } from "./postgres-port.ts";

/** A `Pool` of pg. */
export interface PgPool {
  readonly totalCount: number;
  connect(): Promise<PgPoolClient>;
  on(event: "error", listener: (error: Error) => void): unknown;
  listeners(event: "error"): readonly unknown[];
}

interface PgPoolClient {
  query(query: string | object): Promise<unknown>;
  release(destroy?: boolean): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  listeners(event: "error"): readonly unknown[];
}

/** A connected `Client` of pg, or one that was taken from a pool. */
export interface PgClient {
  query(query: string | object): Promise<unknown>;
  connect(): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  listeners(event: "error"): readonly unknown[];
}

/** The function that `postgres(…)` of postgres.js gives. */
export interface PostgresJs {
  readonly options: { readonly prepare?: boolean };
  unsafe(text: string, values?: never[], options?: object): PromiseLike<unknown> & { raw(): PostgresJsQuery };
}

interface PostgresJsQuery extends PromiseLike<unknown> {
  /** `null` while it waits for a connection. */
  readonly state?: unknown;
  cancel(): unknown;
}

/** A `PGlite`. */
export interface Pglite {
  query(text: string, values?: unknown[], options?: object): Promise<{ readonly rows: readonly unknown[] }>;
  exec(text: string): Promise<unknown>;
}

/** The function that `neon(…)` of `@neondatabase/serverless` gives: each statement is an HTTP request. */
export interface NeonHttp {
  query(text: string, values?: unknown[], options?: object): PromiseLike<unknown>;
  transaction(...args: never[]): unknown;
}

/** What `client` can be. */
export type PostgresClient = PgPool | PgClient | PostgresJs | Pglite | NeonHttp | PostgresPort;

/**
 * @param prepare whether statements are prepared once for each connection; `undefined` for what the client does itself
 * @param grace for how long after its deadline a connection may still answer, before it is given up, in milliseconds
 * @throws TypeError if it is none of them
 */
export function portOf(client: PostgresClient, prepare: boolean | undefined, grace: Grace): PostgresPort {
  if (client !== null && (typeof client === "object" || typeof client === "function")) {
    if ("script" in client) return client;
    // Both have `unsafe`, and so has what a `begin` of postgres.js gives.
    if ("transaction" in client && "query" in client && typeof client === "function") return neonPort(client);
    if ("unsafe" in client) {
      // One of `begin` or `reserve` can do less, and would go with its transaction.
      if (!("options" in client)) throw notAClient("a connection of its `begin` or `reserve`");
      return postgresJsPort(client, prepare ?? client.options.prepare !== false);
    }
    if ("exec" in client) return pglitePort(client);
    if ("totalCount" in client) return pgPoolPort(client, prepare === true, grace);
    if ("connect" in client && "query" in client) return pgClientPort(client, prepare === true);
  }
  // A string is one with the password of the server, as like as not.
  throw notAClient(typeof client === "string" ? "a connection string" : show(client));
}

function notAClient(got: string): TypeError {
  return new TypeError(
    `Expected \`client\` to be a Pool or a Client of pg, what \`postgres()\` or \`neon()\` gives, or a PGlite, got ${got}`,
  );
}

/** Calls back some time after a call has run out of its own. */
export type Grace = (run: () => void) => () => void;

const ignore = (): void => {};

/**
 * A connection that breaks says so by an event as well, and where nobody listens for it the process would end. The pool
 * listens while a connection is idle, and tells of it by an event of its own.
 */
function hearErrors(client: PgPool | PgPoolClient | PgClient): void {
  if (!client.listeners("error").includes(ignore)) client.on("error", ignore);
}

/** Whatever parsers an application has, for all clients or for one: the store takes what the server sends. */
const asItIs = <T>(value: T): T => value;
const PG_TEXTS = { getTypeParser: () => asItIs };
/** The same for the types that statements have: boolean, bigint and text. */
const PGLITE_TEXTS = Object.fromEntries([16, 20, 25].map((oid) => [oid, asItIs]));

function pgQuery({ name, text }: Statement, values: readonly Value[], prepare: boolean): object {
  return { text, values, rowMode: "array", types: PG_TEXTS, ...(prepare && { name }) };
}

function pgPoolPort(pool: PgPool, prepare: boolean, grace: Grace): PostgresPort {
  hearErrors(pool);
  const heard = new WeakSet<PgPoolClient>();

  /** A connection is taken first: the pool would send what waits in its queue long after the caller has gone. */
  async function withClient<T>(sending: Sending | undefined, use: (client: PgPoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    if (!heard.has(client)) hearErrors(client);
    heard.add(client);
    if (sending?.isOver === true) {
      client.release();
      throw new Error("The deadline has passed before there was a connection");
    }
    sending?.sent();
    let isReleased = false;
    let callOff: (() => void) | undefined;
    const release = (destroy: boolean): void => {
      if (isReleased) return;
      isReleased = true;
      callOff?.();
      client.release(destroy);
    };
    // A server that stands still would take the whole pool with it. Its statement is not cancelled: where a commit waits
    // for a replica, that would end the wait, and show others what the replica does not have.
    sending?.onOver(() => {
      callOff = grace(() => release(true));
    });
    let isBroken = true;
    try {
      const result = await use(client);
      isBroken = false;
      return result;
    } catch (error) {
      isBroken = !isFromServer(error);
      throw error;
    } finally {
      release(isBroken);
    }
  }

  return {
    async query(statement, values, sending) {
      const result = await withClient(sending, async (client) => client.query(pgQuery(statement, values, prepare)));
      return (result as { readonly rows: readonly Row[] }).rows;
    },
    async script(text) {
      await withClient(undefined, async (client) => client.query(text));
    },
  };
}

/** A client sends one query after the other, so what waits here could be sent late. */
function pgClientPort(client: PgClient, prepare: boolean): PostgresPort {
  let last: Promise<unknown> = Promise.resolve();
  hearErrors(client);
  return {
    advice: "a `Client` of pg does not give up a connection that was dropped without a word; give the store a `Pool`",
    async query(statement, values, sending) {
      const turn = last.then(async () => {
        if (sending.isOver) throw new Error("The deadline has passed before the connection was free");
        sending.sent();
        return client.query(pgQuery(statement, values, prepare));
      });
      last = turn.catch(() => {});
      return ((await turn) as { readonly rows: readonly Row[] }).rows;
    },
    async script(text) {
      await client.query(text);
    },
  };
}

function postgresJsPort(sql: PostgresJs, prepare: boolean): PostgresPort {
  return {
    advice:
      "postgres.js keeps connections that were dropped without a word until the system gives them up; " +
      "end its client and open the store with another, or give it a `Pool` of pg",
    async query({ text }, values, sending) {
      const query = sql.unsafe(text, values as never[], { prepare }).raw();
      // It queues by itself. What has no connection yet it takes back; the rest is left alone, as in `pgPoolPort`.
      sending.onOver(() => {
        if (query.state === null) query.cancel();
      });
      sending.sent();
      return ((await query) as readonly unknown[]).map(textsIn);
    },
    async script(text) {
      await sql.unsafe(text);
    },
  };
}

/** A row of postgres.js as the server sends it, past all that an application has it make of values. */
function textsIn(row: unknown): Row {
  // What `transform.row` has made of it is found out when the store is opened.
  if (!Array.isArray(row)) return row as Row;
  return row.map((value: Buffer | null) => value && value.toString("utf8"));
}

/**
 * A request that is under way is left alone, as in `pgPoolPort`. A script goes as one statement, which is one transaction:
 * there is no way to send several texts with semicolons.
 */
function neonPort(sql: NeonHttp): PostgresPort {
  async function send(text: string, values: readonly Value[]): Promise<readonly Row[]> {
    try {
      return (await sql.query(text, [...values], { arrayMode: true, fullResults: false })) as readonly Row[];
    } catch (error) {
      if (!/connection string/i.test(String(error))) throw error;
      // oxlint-disable-next-line preserve-caught-error -- it has the connection string in it, with the password
      throw new TypeError("Expected `neon()` to have the URL of a database, got another connection string");
    }
  }
  return {
    async query({ text }, values, sending) {
      sending.sent();
      return send(text, values);
    },
    async script(text) {
      await send(`DO $sojourn_do$ BEGIN EXECUTE $sojourn_script$${text}$sojourn_script$; END $sojourn_do$`, []);
    },
  };
}

function pglitePort(database: Pglite): PostgresPort {
  return {
    isServer: false,
    async query({ text }, values, sending) {
      sending.sent();
      const { rows } = await database.query(text, values.map(withoutMark), { rowMode: "array", parsers: PGLITE_TEXTS });
      return rows as readonly Row[];
    },
    async script(text) {
      await database.exec(text);
    },
  };
}

/** It takes U+FEFF at the beginning of a text for a mark of its encoding, and drops it. `fromStored` reads this one. */
function withoutMark(value: Value): Value {
  return typeof value === "string" && value.startsWith("\uFEFF") ? `\u{10FFFF}feff${value.slice(1)}` : value;
}
