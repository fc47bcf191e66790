/** The store on a Sentinel group, before and after a failover. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisStore } from "../../../src/store/redis/index.ts";
import { storeContract } from "../../../src/testing/index.ts";
import { isFair } from "../../linearizability/level.ts";
import { print } from "../../linearizability/race.ts";
import { races } from "../../linearizability/races.ts";
import { agreeWithModel } from "../support/agree-with-model.ts";
import { noRedis } from "../support/redis-binary.ts";
import type { TestClient } from "../support/redis-clients.ts";
import { sentinelClients } from "../support/redis-group-clients.ts";
import { startSentinel, type RedisSentinel } from "../support/redis-sentinel.ts";

const MODEL_RUNS = 30;

describe.skipIf(noRedis)("on a Sentinel group", () => {
  let group: RedisSentinel;
  beforeAll(async () => {
    group = await startSentinel();
  });
  afterAll(async () => group?.stop());

  describe.each(Object.entries(sentinelClients))("%s", (name, open) => {
    const clients: TestClient[] = [];
    beforeAll(async () => void clients.push(await open(group), await open(group)));
    afterAll(async () => {
      for (const { close } of clients) await close();
    });
    let opened = 0;
    const openStore = async (namespace: string, checkClock: boolean) => {
      const { client } = clients[opened++ % 2] as TestClient;
      return redisStore({ client, prefix: `${name} ${namespace}`, checkClock });
    };

    // The logical clock of the contract runs a day ahead.
    test.each(storeContract.map((each) => [each.rule, each.name, each.run] as const))("rule %d: %s", async (...args) =>
      expect(await args[2](async ({ namespace }) => openStore(namespace, false))).toBeUndefined(),
    );

    test("agrees with the model on every answer", async () =>
      expect(await agreeWithModel(async (namespace) => openStore(namespace, false), MODEL_RUNS)).toBe(MODEL_RUNS));

    test.each(["entries", "sessions"] as const)("races are fair: %s", async (level) => {
      const stores = [await openStore(level, true), await openStore(level, true)];
      const histories = await races(level, stores, 40);
      const foul = histories.find((history) => !isFair(level, history));
      expect(foul && print(foul)).toBeUndefined();
    });
  });
});
