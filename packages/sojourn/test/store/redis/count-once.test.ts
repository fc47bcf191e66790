/** Law 3 while the server is killed and comes back: whatever a client sends again, a change counts once. */
import { describe, expect, onTestFinished, test } from "vitest";
import { ConflictError, StoreError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import { LONGER } from "../../linearizability/races.ts";
import { random } from "../../linearizability/random.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6, nodeRedis6 } from "../support/redis-clients.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/redis-until.ts";

const WRITERS = 8;
const UPDATES = 12;

interface Counter {
  readonly n: number;
}

describe.skipIf(noRedis)("updates of one session by eight clients, while the server is killed", () => {
  test.each(Object.entries({ "node-redis 6": nodeRedis6, "ioredis 6": ioredis6 }))("%s", async (_, open) => {
    const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    onTestFinished(async () => server.stop());
    const clients = await Promise.all(Array.from({ length: WRITERS }, async () => open(server.url)));
    onTestFinished(async () => void (await Promise.all(clients.map(async ({ close }) => close()))));
    const stores = await Promise.all(clients.map(async ({ client }) => redisStore({ client })));
    const managers = stores.map((store) => createSessions<Counter>({ store }));
    const [first] = managers as [(typeof managers)[0]];

    for (let round = 0; round < 6 * LONGER; round++) {
      const { id } = await first.create("ann", { n: 0 });
      let left = 10 + random(round).under(30);
      let restarted: Promise<void> | undefined;
      let counted = 0;
      let unanswered = 0;
      const writers = managers.map(async (manager) => {
        for (let update = 0; update < UPDATES; update++) {
          if (--left === 0) restarted = server.restart();
          try {
            await manager.update(id, ({ n }) => ({ n: n + 1 }));
            counted++;
          } catch (error) {
            // A conflict says that nothing was changed.
            if (error instanceof ConflictError) continue;
            if (!(error instanceof StoreError)) throw error;
            unanswered++;
          }
        }
      });
      await Promise.all(writers);
      await restarted;
      for (const manager of managers) await until("the store to be back", async () => (await manager.count()) >= 0);
      const session = await first.get(id);
      expect(session?.data.n).toBeGreaterThanOrEqual(counted);
      expect(session?.data.n).toBeLessThanOrEqual(counted + unanswered);
    }
  });
});
