/** A server is killed in the middle of a load: nobody is logged out by it, and nobody who has logged out is back. */
import { describe, expect, onTestFinished, test } from "vitest";
import { LONGER } from "../../linearizability/races.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6, nodeRedis6 } from "../support/redis-clients.ts";
import { startCluster } from "../support/redis-cluster.ts";
import {
  demotionInCluster,
  demotionInSentinel,
  failover,
  ofCluster,
  ofSentinel,
  ofServer,
  type Outcome,
} from "../support/redis-failover.ts";
import { clusterClients, sentinelClients } from "../support/redis-group-clients.ts";
import { startSentinel } from "../support/redis-sentinel.ts";
import { startRedis } from "../support/redis-server.ts";

/** What the deadline of a call is by default, in milliseconds, and what a busy machine may add. */
const DEADLINE = 1_000;
const SLACK = 1_000;

const wait = { replicas: 1, timeout: 100 };

/** What is wrong with an outcome, whatever the servers may lose. */
function faultsOf({ ledger, away }: Outcome): unknown[] {
  const codes = [...ledger.faults.keys()].filter((code) => code !== "store_unavailable" && code !== "store_timeout");
  const slow = ledger.slowest < DEADLINE + SLACK ? [] : [`a call took ${ledger.slowest} ms`];
  const late = away < 15_000 ? [] : [`the service was away for ${away} ms`];
  return [...ledger.absent, ...ledger.strange, ...codes, ...slow, ...late];
}

/** The acknowledged changes that are not there any more. */
function lossOf({ ledger, back }: Outcome): string[] {
  return [...ledger.lost, ...ledger.revived, ...back];
}

// The replica is cut off shortly before the kill, so that a change that it has not got is certain to be lost.
describe.skipIf(noRedis).each(Array.from({ length: LONGER }, (_, round) => round + 1))(
  "kill -9 under load, round %d",
  () => {
    test("of a server that has all on disk, and comes back", async () => {
      const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      onTestFinished(async () => server.stop());
      const outcome = await failover(ofServer(server, [nodeRedis6, ioredis6]));
      expect(faultsOf(outcome)).toEqual([]);
      expect(lossOf(outcome)).toEqual([]);
      expect(outcome.ledger.destroyed.size).toBeGreaterThan(50);
      expect(outcome.guarantees).toMatchObject({ durability: "power", failoverLoss: false });
    });

    test("of the master of a Sentinel group, whose replica was waited for", async () => {
      const group = await startSentinel();
      onTestFinished(async () => group.stop());
      const outcome = await failover(ofSentinel(group, Object.values(sentinelClients)), { wait });
      expect(faultsOf(outcome)).toEqual([]);
      expect(lossOf(outcome)).toEqual([]);
      expect(outcome.ledger.faults.size).toBeGreaterThan(0);
    });

    test("of a master of a Cluster, whose replica was waited for", async () => {
      const cluster = await startCluster();
      onTestFinished(async () => cluster.stop());
      const outcome = await failover(ofCluster(cluster, Object.values(clusterClients)), { wait });
      expect(faultsOf(outcome)).toEqual([]);
      expect(lossOf(outcome)).toEqual([]);
      expect(outcome.ledger.faults.size).toBeGreaterThan(0);
    });

    test("in place of which a master of a Cluster is demoted", async () => {
      const cluster = await startCluster();
      onTestFinished(async () => cluster.stop());
      const outcome = await failover(demotionInCluster(cluster, Object.values(clusterClients)), { wait });
      expect(faultsOf(outcome)).toEqual([]);
      expect(lossOf(outcome)).toEqual([]);
    });

    test("in place of which a master of a Sentinel group is demoted", async () => {
      const group = await startSentinel();
      onTestFinished(async () => group.stop());
      const outcome = await failover(demotionInSentinel(group, Object.values(sentinelClients)), { wait });
      expect(faultsOf(outcome)).toEqual([]);
      expect(lossOf(outcome)).toEqual([]);
    });

    test("of a master that nobody waited for loses changes, as `guarantees` says, and nothing else", async () => {
      const group = await startSentinel();
      onTestFinished(async () => group.stop());
      const outcome = await failover(ofSentinel(group, Object.values(sentinelClients)));
      expect(faultsOf(outcome)).toEqual([]);
      expect(lossOf(outcome)).not.toEqual([]);
      expect(outcome.guarantees.failoverLoss).toBe(true);
    });
  },
);
