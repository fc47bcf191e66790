import { afterAll, describe, expect, test } from "vitest";
import { agreeWithModel } from "../support/agree-with-model.ts";
import { postgresStores } from "../support/stores.ts";

describe.each(postgresStores)("the model and Postgres, $name", ({ modelRuns, place }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());

  test("agree on every answer, and every entry goes exactly once", async () =>
    expect(await agreeWithModel(async (namespace) => open({ namespace }), modelRuns)).toBe(modelRuns));
});
