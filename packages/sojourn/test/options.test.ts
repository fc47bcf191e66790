import { expect, test } from "vitest";
import { checkOptions } from "../src/options.ts";

interface Options {
  readonly ttl?: string;
  readonly absoluteTtl?: string;
  readonly maxPerUser?: number;
}

const check = (given: unknown): void =>
  checkOptions<Options>("createThings", given as Options, { ttl: true, absoluteTtl: true, maxPerUser: true });

test("options that are known pass, and so do none", () => {
  for (const given of [{ ttl: "1h", absoluteTtl: undefined }, {}, undefined]) {
    expect(() => check(given)).not.toThrow();
  }
});

test.each([
  ["tll", "`ttl`"],
  ["absoluteTTL", "`absoluteTtl`"],
  ["absolutTtl", "`absoluteTtl`"],
  ["maxPerUsers", "`maxPerUser`"],
  ["absolute", "`absoluteTtl`"],
  ["ttlSeconds", "`ttl`"],
  ["a", "one of ttl, absoluteTtl, maxPerUser"],
  ["colour", "one of ttl, absoluteTtl, maxPerUser"],
  ["toString", "one of ttl, absoluteTtl, maxPerUser"],
])("an unknown one is refused by name: %s", (name, wanted) => {
  const message = `Expected an option of \`createThings\`, such as ${wanted}, got "${name}"`;
  expect(() => check({ ttl: "1h", [name]: undefined })).toThrow(new TypeError(message));
});

test("a long name is neither shown nor compared", () => {
  expect(() => check({ ["x".repeat(1e6)]: 1 })).toThrow("got a string of 1000000 characters");
});

test.each([
  [null, "null"],
  ["30m", '"30m"'],
  [[], "an array of 0"],
  [5, "5"],
])("%o is no options", (given, shown) => {
  expect(() => check(given)).toThrow(`Expected the options of \`createThings\` to be an object, got ${shown}`);
});
