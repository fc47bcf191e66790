/** The course of a failover: a load, a kill or an order, a promotion, and what the clients were told meanwhile. */
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { redisStore, type RedisOptions } from "../../../src/store/redis/index.ts";
import { ask } from "./redis-ask.ts";
import type { Guarantees } from "../../../src/store/store.ts";
import { isCaughtUp, type RedisCluster } from "./redis-cluster.ts";
import type { TestClient } from "./redis-clients.ts";
import { LOAD_CLIENTS, startLoad, type Known, type Ledger } from "./redis-load.ts";
import type { RedisSentinel } from "./redis-sentinel.ts";
import type { RedisServer } from "./redis-server.ts";
import { until } from "./redis-until.ts";

/** How many stores of each library the clients of the load share. */
const WORKERS = 2;

/** Servers of which one can be killed. */
export interface Group {
  /** Opens clients, one of each library. */
  open(): Promise<readonly TestClient[]>;
  /** The server whose place is taken, and whose replica has all that it has. */
  victim(): Promise<RedisServer>;
  /** Takes the replica of the victim away from it. Returns how to let it go on, as a replica without a master. */
  cutOff?(victim: RedisServer): Promise<() => void>;
  /** Makes the victim a replica of its own replica, in place of a kill. */
  demote?(victim: RedisServer): Promise<unknown>;
  /** Resolves when another has taken the place of the victim, or it is back itself. */
  recovered(victim: RedisServer): Promise<void>;
  /** Brings the victim back beside the one that took its place, if one did. */
  restored?(victim: RedisServer): Promise<void>;
}

export interface Outcome {
  readonly guarantees: Guarantees;
  readonly ledger: Ledger;
  /** How long after the kill every client had answers again, in milliseconds. */
  readonly away: number;
  /** Acknowledged destroys whose session is there in the end. */
  readonly back: readonly string[];
}

/** Kills or demotes a server under load, and lets the load go on until every client is served again. */
export async function failover(group: Group, storeOptions: Omit<RedisOptions, "client"> = {}): Promise<Outcome> {
  const clients = (await Promise.all(Array.from({ length: WORKERS }, async () => group.open()))).flat();
  const stores = await Promise.all(clients.map(async ({ client }) => redisStore({ ...storeOptions, client })));
  const managers = stores.map((store) => createSessions<Record<string, never>>({ store }));
  const [first] = managers as [(typeof managers)[0]];
  const base: Known[] = [];
  // A replica that has just come may be slow to confirm; then a create throws, and is made anew.
  const ten = async (): Promise<Known[]> => Promise.all(Array.from({ length: 10 }, async () => first.create("bob")));
  await until("sessions to begin with", async () => base.push(...(await ten())) === 100);
  const victim = await group.victim();
  const load = startLoad(managers, base);
  try {
    await load.progress(30);
    // What is acknowledged from here on is known to the victim alone, unless a store waits for the replica.
    const reach = await group.cutOff?.(victim);
    if (reach !== undefined) await load.calls(4 * LOAD_CLIENTS);
    const killed = performance.now();
    await (group.demote === undefined ? victim.kill() : group.demote(victim));
    reach?.();
    const served = (async () => {
      await group.recovered(victim);
      // The new master has nobody to wait for, so a store that waits takes no writes until the old one is back.
      if (storeOptions.wait !== undefined) await group.restored?.(victim);
    })();
    await Promise.all([served, load.progress(20)]);
    const away = performance.now() - killed;
    if (storeOptions.wait === undefined) await group.restored?.(victim);
    await load.progress(20);
    await load.stop();
    const { destroyed } = load.ledger;
    const back: string[] = [];
    for (const id of destroyed.keys()) if ((await first.get(id)) !== undefined) back.push(id);
    return { guarantees: first.guarantees, ledger: load.ledger, away, back };
  } finally {
    await load.stop();
    for (const store of stores) await store.close();
    for (const { close } of clients) await close();
  }
}

/** A server that has everything on disk, and is started again after its end. */
export function ofServer(server: RedisServer, opens: Opens<string>): Group {
  return { open: openAll(opens, server.url), victim: async () => server, recovered: async () => server.restart() };
}

/** How the clients of several libraries are opened on something. */
type Opens<On> = readonly ((on: On) => Promise<TestClient>)[];

function openAll<On>(opens: Opens<On>, on: On): Group["open"] {
  return async () => Promise.all(opens.map(async (open) => open(on)));
}

/** The master of a Sentinel group. */
export function ofSentinel(group: RedisSentinel, opens: Opens<RedisSentinel>): Group {
  return {
    open: openAll(opens, group),
    async victim() {
      const master = await group.master();
      await until("the replica to catch up", async () => isCaughtUp(master.port));
      return master;
    },
    cutOff: async (victim) => cutOff(victim, replicaOf(group, victim)),
    recovered: async (victim) => group.promoted(replicaOf(group, victim)),
    async restored(victim) {
      await victim.restart();
      await group.inSync();
    },
  };
}

/** The master of a Sentinel group, in place of which the sentinels are told to take the replica. */
export function demotionInSentinel(group: RedisSentinel, opens: Opens<RedisSentinel>): Group {
  const { cutOff: _, ...others } = ofSentinel(group, opens);
  return { ...others, demote: async () => group.failOver(), restored: async () => group.inSync() };
}

function replicaOf({ servers }: RedisSentinel, master: RedisServer): RedisServer {
  return servers[master === servers[0] ? 1 : 0];
}

/** Closes the line between a master and its replica, which stands still and cannot come back. */
async function cutOff(master: RedisServer, replica: RedisServer): Promise<() => void> {
  replica.pause();
  await ask(master.port, "CLIENT", "KILL", "TYPE", "replica");
  return () => replica.resume();
}

/** The first master of a Cluster, whose replica is told to take its place. */
export function demotionInCluster(cluster: RedisCluster, opens: Opens<RedisCluster>): Group {
  const { cutOff: _, ...others } = ofCluster(cluster, opens);
  return {
    ...others,
    demote: async () => ask((cluster.nodes[3] as RedisServer).port, "CLUSTER", "FAILOVER"),
    restored: async () => cluster.inSync(),
  };
}

/** The first master of a Cluster. */
export function ofCluster(cluster: RedisCluster, opens: Opens<RedisCluster>): Group {
  return {
    open: openAll(opens, cluster),
    async victim() {
      const [victim] = cluster.nodes as [RedisServer];
      await until("the replica to catch up", async () => isCaughtUp(victim.port));
      return victim;
    },
    cutOff: async (victim) => cutOff(victim, cluster.nodes[3] as RedisServer),
    recovered: async ({ port }) => cluster.replaced(port),
    async restored(victim) {
      await victim.restart();
      await cluster.inSync();
    },
  };
}
