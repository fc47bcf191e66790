/** The suites over Cloudflare KV, in the real workerd. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyValueContract } from "../../src/testing/index.ts";
import { storageSuite } from "../kv/support/storage-suite.ts";
import { bundle } from "./support/bundle.ts";
import { kvCases } from "./support/kv-cases.ts";
import { startWorkerd, temporaryFolder, type Workerd } from "./support/workerd.ts";

const { folder, remove } = temporaryFolder();
let workerd: Workerd;

beforeAll(async () => {
  const script = await bundle("kv-worker.ts");
  const worker = { script, kvNamespaces: ["FIRST", "SECOND"] };
  workerd = startWorkerd(
    [
      { name: "one", ...worker },
      { name: "two", ...worker },
    ],
    folder,
  );
});
afterAll(async () => {
  await workerd.stop();
  remove();
});

describe("the part of the contract for key-value stores: Cloudflare KV", () => {
  for (const [index, { rule, name }] of keyValueContract.entries()) {
    test(`rule ${rule}: ${name}`, async () => expect(await workerd.ask(`/contract?case=${index}`)).toBe("holds"));
  }
});

describe("storage.kv on Cloudflare KV", () => {
  test.each(storageSuite.map(({ name }, index) => ({ name, index })))("$name", async ({ index }) =>
    expect(await workerd.ask(`/storage?case=${index}`)).toBe("holds"),
  );
});

describe("Cloudflare KV", () => {
  test.each(kvCases.map(({ name }, index) => ({ name, index })))("$name", async ({ index }) =>
    expect(await workerd.ask(`/kv?case=${index}`)).toBe("holds"),
  );
});

test("two Workers on one namespace: what one logs out, the other does not let in", async () => {
  const body = JSON.stringify({ email: "ann@example.org" });
  const login = await workerd.fetch("/api/auth/login", { method: "POST", body }, "one");
  const { token } = (await login.json()) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  const statusOf = async (worker: string): Promise<number> =>
    (await workerd.fetch("/api/profile", { headers }, worker)).status;
  expect([await statusOf("one"), await statusOf("two")]).toEqual([200, 200]);
  await workerd.fetch("/api/auth/logout", { method: "POST", headers }, "one");
  // Here there is one place only. In Cloudflare's network `guarantees.staleMs` may pass until the other one knows.
  expect([await statusOf("one"), await statusOf("two")]).toEqual([401, 401]);
});
