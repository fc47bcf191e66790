import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LONGEST, parseDuration, parseLifetime, showDuration, type Duration } from "../../src/time/duration.ts";

describe("parseDuration", () => {
  test.each([
    [1, 1],
    ["250ms", 250],
    ["30s", 30_000],
    ["30m", 1_800_000],
    ["12h", 43_200_000],
    ["30d", 2_592_000_000],
    ["2w", 1_209_600_000],
    ["0.1s", 100],
    ["1.5h", 5_400_000],
  ] as const)("%s is %d ms", (given, milliseconds) => {
    expect(parseDuration(given, "ttl")).toBe(milliseconds);
  });

  test.each([
    [0, "0"],
    [-5, "-5"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [1e300, "1e+300"],
    ["", '""'],
    ["30", '"30"'],
    ["m", '"m"'],
    ["-5m", '"-5m"'],
    ["1e3s", '"1e3s"'],
    ["30 m", '"30 m"'],
    ["30M", '"30M"'],
    ["0s", '"0s"'],
    ["0.1ms", '"0.1ms"'],
    ["9999999w", '"9999999w"'],
    [null, "null"],
    [5n, "5n"],
    [{}, "an object"],
    [[1], "an array of 1"],
    [() => 1, "a function"],
    [new Date(0), "a Date"],
    ["x".repeat(40), "a string of 40 characters"],
  ])("refuses %s, and shows it", (given, shown) => {
    expect(() => parseDuration(given as Duration, "ttl")).toThrow(
      new TypeError(
        `Expected \`ttl\` to be a positive duration (whole milliseconds, or a string such as "30m"), got ${shown}`,
      ),
    );
  });

  test("0 is allowed where it is asked for", () => {
    expect(parseDuration(0, "grace", { zero: true })).toBe(0);
    expect(parseDuration("0s", "grace", { zero: true })).toBe(0);
    expect(() => parseDuration(-1, "grace", { zero: true })).toThrow(/not negative/);
  });

  test("any string is either a duration or a TypeError", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{1,6}[a-z]{1,2}$/)), (text) => {
        try {
          expect(Number.isSafeInteger(parseDuration(text as Duration, "ttl"))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
    );
  });
});

describe("parseLifetime", () => {
  test.each([
    ["5ms", 5],
    ["59s", 59_000],
    [60_000, 60_000],
    [1_800_000, 1_800_000],
  ] as const)("%s is %d ms", (given, milliseconds) => {
    expect(parseLifetime(given, "ttl")).toBe(milliseconds);
  });

  test.each([1, 1_800, 3_600, 59_999])("the bare number %d is seconds by mistake, and is refused", (given) => {
    const message = `Expected \`ttl\` to be a string such as "30m", or at least 60000 milliseconds, got ${given}`;
    expect(() => parseLifetime(given, "ttl")).toThrow(new TypeError(message));
  });

  test.each([0, -1, 1.5e5 + 0.5, Number.NaN, "", "5", null])("%o is no lifetime", (given) => {
    expect(() => parseLifetime(given as Duration, "ttl")).toThrow(/Expected `ttl`/);
  });

  test("Infinity is a thousand years where it is allowed", () => {
    expect(parseLifetime(Number.POSITIVE_INFINITY, "absoluteTtl", { endless: true })).toBe(LONGEST);
    expect(Number.isSafeInteger(Date.now() + 2 * LONGEST)).toBe(true);
    expect(() => parseLifetime(Number.POSITIVE_INFINITY, "ttl")).toThrow(/Expected `ttl`/);
  });
});

test.each([
  [2_592_000_000, "30d"],
  [1_209_600_000, "14d"],
  [5_400_000, "90m"],
  [61_000, "61s"],
  [1_500, "1500 ms"],
  [0, "0 ms"],
])("%d ms is shown as %s", (milliseconds, shown) => {
  expect(showDuration(milliseconds)).toBe(shown);
});
