import { afterAll, describe, expect, test, vi } from "vitest";
import { agreeWithModel } from "../support/agree-with-model.ts";
import { postgresStores } from "../support/stores.ts";

// Hundreds of calls, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

describe.each(postgresStores)("the model and Postgres, $name", ({ modelRuns, place }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());

  test("agree on every answer, and every entry goes exactly once", async () =>
    expect(await agreeWithModel(async (namespace) => open({ namespace }), modelRuns)).toBe(modelRuns));
});
