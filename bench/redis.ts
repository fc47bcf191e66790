/**
 * What a session in Redis costs: `npm run bench:redis [-- --json]`.
 *
 * Each of our calls against the bare command by the same client on the same server: a `GET`, `SET` or `DEL` of a record
 * of the same size, one at a time and with 64 in flight; a hit of the near cache; and the store of express-session for
 * Redis. All take turns in one run. What stands beside a call of ours is checked first.
 */
import { randomBytes } from "node:crypto";
import { RedisStore as ConnectRedis } from "connect-redis";
import { Redis as Ioredis6 } from "ioredis";
import { Redis as Ioredis5 } from "ioredis-5";
import { createClient as createClient6 } from "redis";
import { createClient as createClient5 } from "redis-5";
import { createSessions, nearCache, type Sessions, type Store } from "sojourn";
import { fromIoredis, redisStore } from "sojourn/redis";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { ensure, mediansAsync, ns, report, times, type Row } from "./measure.ts";

const ROUNDS = 7;
const SESSIONS = 1_000;
const OPERATIONS = { 1: 1_500, 64: 12_000 } as const;

/** A client library under one shape: the bare commands, and our store over it. */
interface Library {
  readonly name: string;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
  readonly store: Store<"async">;
  close(): unknown;
}

const server = await startRedis();
const libraries: Library[] = [
  await nodeRedis("node-redis 6", 6),
  await nodeRedis("node-redis 6, no timeouts", 6, { timeout: 0 }),
  await nodeRedis("node-redis 5", 5),
  await ioredis("ioredis 6", new Ioredis6(server.port)),
  await ioredis("ioredis 5", new Ioredis5(server.port)),
];

/** Without `timeout: 0`, node-redis 6 starts a timer for each command. Our store turns that off: it has a deadline. */
async function nodeRedis(
  name: string,
  version: 5 | 6,
  commandOptions: { readonly timeout?: 0 } = {},
): Promise<Library> {
  const options = { url: server.url, commandOptions };
  const client = version === 6 ? createClient6(options) : createClient5(options);
  await client.connect();
  return {
    name,
    get: async (key) => client.get(key),
    set: async (key, value) => client.set(key, value),
    del: async (key) => client.del(key),
    store: await redisStore({ client, prefix: `bench-${name}` }),
    close: () => client.destroy(),
  };
}

async function ioredis(name: string, client: Ioredis6 | Ioredis5): Promise<Library> {
  return {
    name,
    get: async (key) => client.get(key),
    set: async (key, value) => client.set(key, value),
    del: async (key) => client.del(key),
    store: await redisStore({ client: fromIoredis(client), prefix: `bench-${name}` }),
    close: () => client.disconnect(),
  };
}

/** Runs something so many times, with so many under way at once. */
async function inFlight(count: number, total: number, run: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < total) await run(next++);
  };
  await Promise.all(Array.from({ length: count }, lane));
  return total;
}

/** The size of a session's record on the server. */
async function recordSize(library: Library, sessions: Sessions<object, "async">, key: string): Promise<string> {
  const client = createClient6({ url: server.url });
  await client.connect();
  const { id } = await sessions.create("sized", { role: "admin" });
  const names = await client.keys(`*${id}`);
  ensure(names.length === 1, "a session is one record");
  const record = (await client.get(names[0] ?? "")) ?? "";
  await sessions.destroy(id);
  await client.set(key, record);
  client.destroy();
  ensure((await library.get(key)) === record, "the bare GET answers as many bytes");
  return record;
}

async function measure(library: Library, flight: 1 | 64): Promise<Row[]> {
  const total = OPERATIONS[flight];
  const sessions = createSessions({ store: library.store });
  const tokens: string[] = [];
  for (let n = 0; n < SESSIONS; n++) tokens.push((await sessions.create(`user-${n}`, { role: "admin" })).token);
  const bareKeys = tokens.map((_, n) => `bare:${randomBytes(16).toString("base64url")}${n}`);
  const record = await recordSize(library, sessions, "bare:sized");
  for (const key of bareKeys) await library.set(key, record);
  for (const token of tokens) ensure((await sessions.authenticate(token))?.data !== undefined, "it is logged in");

  const made: string[] = [];
  const bareMade: string[] = [];
  const figures = await mediansAsync(
    {
      bareGet: () => inFlight(flight, total, async (n) => library.get(bareKeys[n % SESSIONS] ?? "")),
      authenticate: () => inFlight(flight, total, async (n) => sessions.authenticate(tokens[n % SESSIONS] ?? "")),
      bareSet: () => {
        for (let n = 0; n < total; n++) bareMade.push(`made:${randomBytes(16).toString("base64url")}`);
        return inFlight(flight, total, async (n) => library.set(bareMade[n] ?? "", record));
      },
      create: () =>
        inFlight(flight, total, async (n) => {
          made.push((await sessions.create(`u-${n}`, { role: "admin" })).id);
        }),
      bareDel: () => {
        const keys = bareMade.splice(0);
        return inFlight(flight, keys.length, async (n) => library.del(keys[n] ?? ""));
      },
      destroy: () => {
        const ids = made.splice(0);
        return inFlight(flight, ids.length, async (n) => {
          ensure(await sessions.destroy(ids[n] ?? ""), "it was there");
        });
      },
    },
    ROUNDS,
  );
  const what = `${library.name}, ${flight} in flight`;
  const row = (
    call: "authenticate" | "create" | "destroy",
    bare: "bareGet" | "bareSet" | "bareDel",
    aim: string,
  ): Row => ({
    what: `${call}, ${what}`,
    ours: ns(figures[call]),
    against: `bare ${bare.slice(4).toUpperCase()}: ${ns(figures[bare])}`,
    ratio: times(figures[bare] / figures[call]),
    aim,
  });
  return [
    row("authenticate", "bareGet", "at least 0.9"),
    row("create", "bareSet", "at least 0.7"),
    row("destroy", "bareDel", "at least 0.7"),
  ];
}

/** A hit of the near cache against a look over the network, and both against express-session's store. */
async function measureReads(library: Library): Promise<Row[]> {
  const client = createClient6({ url: server.url });
  await client.connect();
  const direct = createSessions({ store: library.store });
  const near = createSessions({ store: nearCache(library.store) });
  const peer = new ConnectRedis({ client, prefix: "sess:" });
  const { token } = await direct.create("u_42", { role: "admin" });
  const cookie = { originalMaxAge: 1_800_000, expires: new Date(Date.now() + 1_800_000) };
  const session = { cookie, user: "u_42", role: "admin" } as never;
  await peer.set("sid", session);
  ensure((await near.authenticate(token))?.userId === "u_42", "the near cache lets it in");
  ensure(((await peer.get("sid")) as { user?: string } | undefined)?.user === "u_42", "the peer has it");
  const figures = await mediansAsync(
    {
      network: () => inFlight(1, OPERATIONS[1], async () => direct.authenticate(token)),
      near: () => inFlight(1, 20_000, async () => near.authenticate(token)),
      peerGet: () => inFlight(1, OPERATIONS[1], async () => peer.get("sid")),
      peerTouch: () =>
        inFlight(1, OPERATIONS[1], async () => {
          await peer.get("sid");
          await peer.touch("sid", session);
        }),
    },
    ROUNDS,
  );
  client.destroy();
  const against = (figure: "network" | "peerGet" | "peerTouch", name: string): string =>
    `${name}: ${ns(figures[figure])}`;
  return [
    {
      what: `authenticate from the near cache, ${library.name}`,
      ours: ns(figures.near),
      against: against("network", "over the network"),
      ratio: times(figures.network / figures.near),
      aim: "at least 150",
    },
    {
      what: "authenticate over the network",
      ours: ns(figures.network),
      against: against("peerGet", "connect-redis get"),
      ratio: times(figures.peerGet / figures.network),
      aim: "–",
    },
    {
      what: "… as express-session does it",
      ours: ns(figures.network),
      against: against("peerTouch", "connect-redis get and touch"),
      ratio: times(figures.peerTouch / figures.network),
      aim: "–",
    },
  ];
}

const rows: Row[] = [];
const [main] = libraries;
ensure(main !== undefined, "there is a client");
for (const flight of [1, 64] as const) for (const library of libraries) rows.push(...(await measure(library, flight)));
rows.push(...(await measureReads(main)));
report("Redis on loopback", rows);
for (const library of libraries) library.close();
await server.stop();
process.exit();
