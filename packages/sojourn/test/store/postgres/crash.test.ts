/** All processes of a server are killed under load, again and again: nobody is logged out by it, and nobody comes back. */
import { expect, onTestFinished, test, vi } from "vitest";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPostgresLoad } from "../support/postgres-load.ts";
import { startPostgres } from "../support/postgres-server.ts";

/** `SOJOURN_KILLS=200 npx vitest run packages/sojourn/test/store/postgres/crash.test.ts` */
const KILLS = Number(process.env["SOJOURN_KILLS"] ?? 20);

vi.setConfig({ testTimeout: 60_000 + 5_000 * KILLS });

test.skipIf(noPostgres)(`what was acknowledged survives ${KILLS} kills`, async () => {
  const server = await startPostgres();
  onTestFinished(async () => server.stop());
  const { load, store, ...running } = await startPostgresLoad(server.url);
  onTestFinished(async () => running.stop());
  expect(store.guarantees).toMatchObject({ durability: "power", failoverLoss: false });
  for (let kill = 0; kill < KILLS; kill++) {
    await load.calls(100 + ((kill * 37) % 100));
    await server.kill();
    await server.restart();
    await load.progress(2);
  }
  await load.progress(10);
  await load.stop();
  expect(running.faults()).toEqual([]);
  expect(await running.losses()).toEqual([]);
  expect(load.ledger.destroyed.size).toBeGreaterThan(5 * KILLS);
  expect(load.ledger.faults.size).toBeGreaterThan(0);
  // Totals and entries are of one transaction.
  const [row] = await server.ask(
    "SELECT (SELECT sum(entries) FROM sojourn.total)::int AS total, (SELECT count(*) FROM sojourn.entry)::int AS there",
  );
  expect(row?.["total"]).toBe(row?.["there"]);
});
