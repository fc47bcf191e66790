/** The store contract, the model and the races against Durable Objects, in the real workerd. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyValueContract, storeContract } from "../../src/testing/index.ts";
import { bundle } from "./support/bundle.ts";
import { startWorkerd, temporaryFolder, type Workerd } from "./support/workerd.ts";

const { folder, remove } = temporaryFolder({ volatile: true });
let workerd: Workerd;

beforeAll(async () => {
  const script = await bundle("contract-worker.ts");
  const durableObjects = { SHARDS: { className: "SessionShard", useSQLite: true } };
  workerd = startWorkerd([{ name: "contract", script, durableObjects }], folder);
});
afterAll(async () => {
  await workerd.stop();
  remove();
});

describe.each([1, 3])("the store contract: Durable Objects, shards: %i", (shards) => {
  for (const [index, { rule, name }] of storeContract.entries()) {
    test(`rule ${rule}: ${name}`, async () =>
      expect(await workerd.ask(`/contract?case=${index}&shards=${shards}`)).toBe("holds"));
  }
});

describe("the part of the contract for key-value stores", () => {
  for (const [index, { rule, name }] of keyValueContract.entries()) {
    test(`rule ${rule}: ${name}`, async () =>
      expect(await workerd.ask(`/keyvalue?case=${index}&shards=2`)).toBe("holds"));
  }
});

describe.each([1, 3])("Durable Objects, shards: %i", (shards) => {
  test("agree with the model on every answer, and every entry goes exactly once", async () => {
    expect(await workerd.ask(`/model?shards=${shards}&runs=60&name=${shards}`)).toBe("holds");
  });

  test("answer calls at once as if they came one after the other", async () => {
    expect(await workerd.ask(`/races?shards=${shards}&runs=100&name=${shards}`)).toBe("holds");
  });
});
