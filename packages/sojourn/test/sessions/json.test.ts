import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSessions, InvalidDataError } from "../../src/index.ts";

const sessions = createSessions();
const keep = (data: unknown): unknown => sessions.create("ann", data as Record<string, unknown>).data;

function issueOf(data: unknown): InvalidDataError {
  try {
    keep(data);
  } catch (error) {
    if (error instanceof InvalidDataError) return error;
    throw error;
  }
  throw new Error("expected it to be refused");
}

const SHARED = { x: 1 };
const HOLES: unknown[] = [];
HOLES.length = 2;
class Point {
  readonly x = 1;
}
const cycle: { self?: unknown } = {};
cycle.self = [cycle];

describe("data that JSON would drop or empty is refused, and its path is told", () => {
  test.each([
    ["a Map", { cart: { items: new Map([["a", 1]]) } }, "a Map at cart.items", ["cart", "items"]],
    ["a Set", { tags: new Set(["a"]) }, "a Set at tags", ["tags"]],
    ["a function", { a: [{ run: () => 1 }] }, "a function at a[0].run", ["a", 0, "run"]],
    ["a symbol", { a: Symbol("s") }, "Symbol(s) at a", ["a"]],
    ["a key that is a symbol", { a: { [Symbol("s")]: 1 } }, "symbol keys at a", ["a"]],
    ["undefined in an array", { a: [1, undefined] }, "undefined at a[1]", ["a", 1]],
    ["a hole in an array", { a: HOLES }, "undefined at a[0]", ["a", 0]],
    ["NaN", { a: Number.NaN }, "NaN at a", ["a"]],
    ["Infinity", { a: [[-Infinity]] }, "-Infinity at a[0][0]", ["a", 0, 0]],
    ["an instance of a class", { at: new Point() }, "a Point at at", ["at"]],
    ["an error", { error: new Error("x") }, "a Error at error", ["error"]],
    ["a typed array", { bytes: new Uint8Array(2) }, "a Uint8Array at bytes", ["bytes"]],
    ["a boxed number", { a: Object(1) as unknown }, "a Number at a", ["a"]],
    ["a BigInt", { a: 1n }, "1n at a", ["a"]],
    ["a cycle", cycle, "a cycle at self[0]", ["self", 0]],
    ["a Map as the whole", new Map(), "a Map", []],
    ["a toJSON that answers with a Map", { a: { toJSON: () => new Map() } }, "a Map at a", ["a"]],
  ])("%s", (_, data, shown, path) => {
    const { message, issues } = issueOf(data);
    expect(message).toBe(`Expected session data that JSON keeps, got ${shown}`);
    expect(issues).toEqual([{ message, path }]);
  });
});

test.each([
  ["a Date, as its text", { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" }],
  ["what has a toJSON, as that says", { p: { toJSON: (key: string) => [key, 1] } }, { p: ["p", 1] }],
  ["no property that is undefined, as JSON has it", { a: 1, b: undefined }, { a: 1 }],
  ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ["an object of another realm", runInNewContext("({ a: [1, { b: null }] })"), { a: [1, { b: null }] }],
  ["the same object twice", { a: SHARED, b: [SHARED] }, { a: { x: 1 }, b: [{ x: 1 }] }],
])("keeps %s", (_, data, kept) => {
  expect(keep(data)).toEqual(kept);
});

test("whatever JSON can say comes back as it was", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
      expect(keep(data)).toEqual(JSON.parse(JSON.stringify(data)));
    }),
  );
});

test("what branches without end is given up before it is walked", () => {
  let data: unknown = 1;
  for (let level = 0; level < 60; level++) data = [data, data];
  expect(() => keep({ data })).toThrow(InvalidDataError);
});

test("an update is held to the same", () => {
  const { id } = sessions.create("ann", { a: 1 });
  expect(() => sessions.update(id, { b: new Map() })).toThrow(/got a Map at b/);
  expect(sessions.get(id)?.data).toEqual({ a: 1 });
});
