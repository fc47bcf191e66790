import { afterAll, describe, expect, test } from "vitest";
import { agreeWithModel } from "../support/agree-with-model.ts";
import { noRedis } from "../support/redis-binary.ts";
import { redisStores } from "../support/stores.ts";

describe.skipIf(noRedis).each(redisStores)("the model and Redis, $name", ({ modelRuns, place }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());

  test("agree on every answer, and every entry goes exactly once", async () =>
    expect(await agreeWithModel(async (namespace) => open({ namespace }), modelRuns)).toBe(modelRuns));
});
