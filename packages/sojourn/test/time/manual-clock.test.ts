import { expect, test } from "vitest";
import { systemClock } from "../../src/time/clock.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

test("stands still until it is moved, forward or back", () => {
  const clock = manualClock(1_000);
  expect(clock.now()).toBe(1_000);
  expect(clock.advance("2s")).toBe(3_000);
  expect(clock.set(500)).toBe(500);
  expect(clock.now()).toBe(500);
});

test.each([Number.NaN, 0.5, Number.POSITIVE_INFINITY])("refuses %s as an instant", (wrong) => {
  expect(() => manualClock(wrong)).toThrow(TypeError);
  expect(() => manualClock().set(wrong)).toThrow(TypeError);
});

test("refuses to advance by a negative duration: a jump back is a set", () => {
  expect(() => manualClock().advance(-1)).toThrow(TypeError);
});

test("the system's clock gives whole milliseconds", () => {
  expect(Number.isSafeInteger(systemClock.now())).toBe(true);
});
