/** Look-ups, logins and logouts that are under way at once go to the server together, and each gets its own answer. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { postgresStore } from "../../../src/store/postgres/index.ts";
import type { Entry, Removed, Store } from "../../../src/store/store.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { pgClient, pgPool, postgresJs } from "../support/postgres-clients.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

const now = Date.now();
const AT_ONCE = 100;
const CLIENTS = { "pg, a pool": pgPool, "pg, a client": pgClient, "postgres.js": postgresJs };
let spaces = 0;

function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now + 1, expiresAt: now + 60_000 };
  return {
    key,
    owner: `of ${key}`,
    rev: `rev ${key}`,
    meta: `{"m":"${key}"}`,
    value: `v ${key}`,
    ...instants,
    ...parts,
  };
}
const entries = (parts: Partial<Entry> = {}): Entry[] =>
  Array.from({ length: AT_ONCE }, (_, n) => entry(`k${n}`, parts));

/** The number of a transaction that this begins. */
async function numberOf(server: PostgresServer): Promise<number> {
  const [row] = await server.ask("SELECT pg_current_xact_id()::text::int AS n");
  return Number(row!["n"]);
}

describe.skipIf(noPostgres).each(Object.entries(CLIENTS))("calls at once over %s", (_, openClient) => {
  let server: PostgresServer;
  let store: Store<"async">;
  beforeAll(async () => {
    server = await startPostgres();
    const { client, close } = await openClient(server.url);
    await postgresStore.migrate(client);
    await close();
  });
  beforeEach(async () => {
    const { client, close } = await openClient(server.url);
    store = await postgresStore({ client, namespace: `space ${++spaces}`, deadline: "20s" });
    onTestFinished(async () => {
      await store.close();
      await close();
    });
  });
  afterAll(async () => server?.stop());

  /** How many transactions the server has made for a call, beside the one that asks. */
  async function transactionsOf(call: () => Promise<unknown>): Promise<number> {
    const before = await numberOf(server);
    await call();
    return (await numberOf(server)) - before - 1;
  }

  const putAll = async (all: readonly Entry[]): Promise<string[]> =>
    (await Promise.all(all.map(async (each) => store.put(each, null, now)))).map(({ outcome }) => outcome);

  test("are few transactions, and none is lost", async () => {
    const all = entries();
    expect(await transactionsOf(async () => putAll(all))).toBeLessThan(AT_ONCE / 10);
    expect(await store.count(now)).toBe(AT_ONCE);
    expect(await Promise.all(all.map(async ({ key }) => store.get(key, now)))).toEqual(all);
    const removing = async (): Promise<unknown> => Promise.all(all.map(async ({ key }) => store.delete(key)));
    expect(await transactionsOf(removing)).toBeLessThan(AT_ONCE / 10);
    expect(await store.count(now)).toBe(0);
  });

  test("bring every text unchanged", async () => {
    const odd = [
      "NULL",
      "",
      '"',
      "\\",
      '\\"',
      "{}",
      ",",
      "a,b",
      " ",
      "\0",
      "\uFEFFx",
      "\u{10FFFF}",
      "\uD800",
      'é{"}\n',
    ];
    const all = odd.map((text, n) =>
      entry(`${text}${n}`, { owner: `${text}!`, rev: `${text}?`, meta: text, value: text }),
    );
    all.push(entry("anonymous", { owner: null }), entry("bytes", { value: new Uint8Array([0, 255]) }));
    all.push(entry("long", { value: `"`.repeat(20_000) }));
    expect(new Set(await putAll([...all]))).toEqual(new Set(["stored"]));
    expect(await Promise.all(all.map(async ({ key }) => store.get(key, now)))).toEqual(all);
    const heads = await Promise.all(all.map(async ({ key }) => store.delete(key)));
    expect(heads.map((head) => ({ ...head, value: "" }))).toEqual(all.map((each) => ({ ...each, value: "" })));
  });

  test("are answered each on its own", async () => {
    const first = entry("k3");
    await store.put(first, null, now);
    const taken = await Promise.all([
      ...entries().map(async (each) => store.put(each.key === "k3" ? { ...each, rev: "another" } : each, null, now)),
      store.put(first, null, now),
    ]);
    expect(taken[3]).toEqual({ outcome: "conflict", current: first });
    expect(taken.filter(({ outcome }) => outcome === "stored").length).toBe(AT_ONCE);
    const keys = ["k1", "none", "k2", "k1", "k1"];
    const found = await Promise.all(keys.map(async (key) => store.get(key, now)));
    expect(found.map((each) => each?.key)).toEqual(["k1", undefined, "k2", "k1", "k1"]);
    const gone = await Promise.all(keys.map(async (key) => store.delete(key)));
    expect(gone.filter((each) => each?.key === "k1").length).toBe(1);
    expect(new Set(gone.flatMap((each) => each?.key ?? []))).toEqual(new Set(["k1", "k2"]));
    expect(await Promise.all(["x", "y", "z"].map(async (key) => store.get(key, now)))).toEqual(
      Array(3).fill(undefined),
    );
    expect(await store.count(now)).toBe(AT_ONCE - 2);
  });

  test("report once what has expired and goes on the way", async () => {
    await putAll(entries({ expiresAt: now + 1 }));
    const later = now + 10;
    const puts = await Promise.all(entries().map(async ({ key }) => store.put(entry(`new ${key}`), null, later)));
    const removed = puts.flatMap((put) => (put.outcome === "stored" ? put.removed : []));
    expect(removed.length).toBeGreaterThan(AT_ONCE / 2);
    const swept = await store.sweep(later, 1_000);
    const keys = [...removed, ...swept].map(({ key }) => key);
    expect(keys.toSorted()).toEqual(
      entries()
        .map(({ key }) => key)
        .toSorted(),
    );
    expect(await store.count(later)).toBe(AT_ONCE);
  });

  test("are told to those who watch, with the note of each", async () => {
    const all = entries();
    await putAll(all);
    const told: Removed[] = [];
    const watch = store.watchRemovals!((removed) => removed !== null && told.push(removed));
    await watch.confirm();
    await Promise.all(all.map(async ({ key }) => store.delete(key, `note of ${key}`)));
    await watch.confirm();
    await watch.close();
    const byKey = new Map(told.map(({ head, note }) => [head.key, note]));
    expect(told.length).toBe(AT_ONCE);
    expect(byKey).toEqual(new Map(all.map(({ key }) => [key, `note of ${key}`])));
  });
});
