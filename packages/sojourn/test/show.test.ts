import { expect, test } from "vitest";
import { createSessions } from "../src/sessions/create-sessions.ts";
import { show } from "../src/show.ts";
import { memoryStore } from "../src/store/memory-store.ts";

test.each([
  ["a text", '"a text"'],
  ["x".repeat(33), "a string of 33 characters"],
  [5, "5"],
  [5n, "5n"],
  [null, "null"],
  [undefined, "undefined"],
  [() => {}, "a function"],
  [[1, 2], "an array of 2"],
  [{}, "an object"],
  [new Map(), "a Map"],
  [Promise.resolve(), "a Promise that was not awaited"],
])("%o is shown as %s", (value, shown) => {
  expect(show(value)).toBe(shown);
});

test("a store that was not awaited is told as such", () => {
  const store = Promise.resolve(memoryStore()) as never;
  expect(() => createSessions({ store })).toThrow("Expected `store` to be a store, got a Promise that was not awaited");
});
