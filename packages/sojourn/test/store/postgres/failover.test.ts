/** The primary is killed under load, and a standby takes its place. */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { LONGER } from "../../linearizability/races.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPostgresLoad } from "../support/postgres-load.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";
import { until } from "../support/redis-until.ts";
import { startSwitchboard } from "../support/switchboard.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A primary and its standby, which has all that the primary has. */
async function pair(settings: Readonly<Record<string, string>>) {
  const primary = await startPostgres({ settings });
  onTestFinished(async () => primary.stop());
  const standby = await startPostgres({ follows: primary });
  onTestFinished(async () => standby.stop());
  await until("the standby to follow", async () => (await statesOf(primary)).includes("streaming"));
  return { primary, standby };
}

async function statesOf(primary: PostgresServer): Promise<unknown[]> {
  return (await primary.ask("SELECT state FROM pg_stat_replication")).map(({ state }) => state);
}

/** Kills the primary under load and lets the load go on until everybody is served by the standby. */
async function failover({ primary, standby }: { primary: PostgresServer; standby: PostgresServer }) {
  const board = await startSwitchboard(primary.port);
  onTestFinished(async () => board.stop());
  const { load, store, ...running } = await startPostgresLoad(primary.url.replace(`${primary.port}`, `${board.port}`));
  onTestFinished(async () => running.stop());
  const removals: unknown[] = [];
  const watch = store.watchRemovals!((removed) => removals.push(removed));
  onTestFinished(async () => watch.close());
  await watch.confirm();
  await load.progress(20);
  // What the primary writes from here on does not reach the standby.
  standby.pause();
  await primary.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
  await load.calls(150);
  await primary.kill();
  standby.resume();
  removals.length = 0;
  board.to(standby.port);
  await until("a client to meet the standby", async () => store.get("k", 0).then(() => false, isReadonly));
  await standby.promote();
  await load.progress(10);
  await watch.confirm();
  // What the primary had still answered can come before it.
  expect(removals).toContain(null);
  await load.stop();
  expect(running.faults()).toEqual([]);
  return { guarantees: store.guarantees, losses: await running.losses(), destroyed: load.ledger.destroyed.size };
}

const isReadonly = (error: unknown): boolean => (error as { code?: unknown }).code === "store_readonly";

describe.skipIf(noPostgres).each(Array.from({ length: LONGER }, (_, round) => round + 1))(
  "a failover under load, round %d",
  () => {
    test("to a standby that commits waited for loses nothing", async () => {
      const { guarantees, losses, destroyed } = await failover(await pair({ synchronous_standby_names: "*" }));
      expect(guarantees).toMatchObject({ durability: "power", failoverLoss: false });
      expect(losses).toEqual([]);
      expect(destroyed).toBeGreaterThan(20);
    });

    test("to a standby that nobody waited for loses changes, as `guarantees` says, and nothing else", async () => {
      const { guarantees, losses } = await failover(await pair({}));
      expect(guarantees.failoverLoss).toBe(true);
      expect(losses).not.toEqual([]);
    });
  },
);
