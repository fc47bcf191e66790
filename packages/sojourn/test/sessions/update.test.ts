import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConflictError, InvalidDataError } from "../../src/errors.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { manage, modes, type Manage } from "./support/managers.ts";

describe.each(modes)("law 3, no update is lost: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("twenty at once all count", async () => {
    const { sessions } = managed();
    const { id } = await sessions.create("u", { n: 0 });
    await Promise.all(
      Array.from({ length: 20 }, async () => sessions.update(id, (data) => ({ n: (data["n"] as number) + 1 }))),
    );
    expect(await sessions.get(id)).toMatchObject({ data: { n: 20 }, version: 21 });
  });

  test("fields set by two writers at once are both kept", async () => {
    const { sessions } = managed();
    const { id } = await sessions.create("u", {});
    await Promise.all([sessions.update(id, { a: 1 }), sessions.update(id, { b: 2 })]);
    expect((await sessions.get(id))?.data).toEqual({ a: 1, b: 2 });
  });

  test("a field set to undefined goes; a change that changes nothing is no version", async () => {
    const { sessions } = managed();
    const { id } = await sessions.create("u", { a: 1, b: 2 });
    expect(await sessions.update(id, { a: undefined })).toMatchObject({ data: { b: 2 }, version: 2 });
    expect(await sessions.update(id, { b: 2 })).toMatchObject({ version: 2 });
  });

  test("a function may change the copy that it is given", async () => {
    const { sessions } = managed();
    const before = await sessions.create("u", { list: [1] });
    const after = await sessions.update(before.id, (data) => {
      (data["list"] as number[]).push(2);
      return data;
    });
    expect(after?.data).toEqual({ list: [1, 2] });
    expect(before.data).toEqual({ list: [1] });
  });

  test("a function is told the version, of the fresh data each time; what it throws changes nothing", async () => {
    const { sessions } = managed();
    const { id } = await sessions.create("u", { n: 0 });
    const seen = new Set<number>();
    const count = async (): Promise<unknown> =>
      sessions.update(id, (data, version) => {
        expect(data).toEqual({ n: version - 1 });
        seen.add(version);
        return { n: version };
      });
    await Promise.all([count(), count(), count()]);
    expect([...seen]).toEqual([1, 2, 3]);
    const refuse = async (): Promise<unknown> =>
      sessions.update(id, (_data, version) => {
        throw new RangeError(`not over version ${version}`);
      });
    await expect(refuse).rejects.toThrow(new RangeError("not over version 4"));
    expect(await sessions.get(id)).toMatchObject({ data: { n: 3 }, version: 4 });
  });

  test.each([
    ["a promise", async () => ({}), /return the new data, got a promise/],
    ["nothing", () => undefined as never, /that JSON keeps, got undefined/],
    ["a cycle", () => cycle(), /that JSON keeps, got a cycle/],
  ])("a function that returns %s is refused, and nothing changes", async (_name, change, message) => {
    const { sessions } = managed();
    const { id } = await sessions.create("u", { a: 1 });
    await expect(async () => sessions.update(id, change as never)).rejects.toThrow(message);
    expect(await sessions.get(id)).toMatchObject({ data: { a: 1 }, version: 1 });
  });

  test("a change that is neither fields nor a function is refused", async () => {
    const { sessions } = managed();
    const { id } = await sessions.create("u");
    for (const wrong of [null, 1, "a", [1]]) {
      await expect(async () => sessions.update(id, wrong as never)).rejects.toThrow(/fields or a function/);
    }
  });
});

test("a store on which others always come first ends in a conflict, not in a loop", async () => {
  const inner = asyncStore(memoryStore());
  const store = {
    ...inner,
    put: async (entry: never, expected: never, now: number) =>
      expected === null
        ? inner.put(entry, expected, now)
        : { outcome: "conflict" as const, current: await inner.get((entry as { key: string }).key, now) },
  };
  const sessions = createSessions({ store });
  const { id } = await sessions.create("u", { n: 0 });
  await expect(sessions.update(id, { n: 1 })).rejects.toThrow(ConflictError);
});

const increment = (data: Record<string, unknown>) => ({ n: (data["n"] as number) + 1 });

test("a write that is delivered twice, or whose reply is lost, counts once", async () => {
  const inner = memoryStore();
  const store = faultyStore(inner, [
    { call: "put", nth: 2, fault: "duplicate" },
    { call: "put", nth: 3, fault: "lose-reply" },
  ]);
  const sessions = createSessions({ store });
  const { id } = sessions.create("u", { n: 0 });
  expect(sessions.update(id, increment)).toMatchObject({ data: { n: 1 } });
  expect(() => sessions.update(id, increment)).toThrow(/lost/);
  expect(sessions.get(id)).toMatchObject({ data: { n: 2 }, version: 3 });
});

describe("data", () => {
  const sessions = createSessions({ maxDataLength: 1_000 }) as unknown as Sessions<unknown, "sync">;

  test("comes back as JSON has it, equal, frozen, and sharing nothing with what was given", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (data) => {
        fc.pre(JSON.stringify(data).length <= 1_000);
        const { id, token } = sessions.create("u", data);
        const expected: unknown = JSON.parse(JSON.stringify(data));
        expect(sessions.get(id)?.data).toEqual(expected);
        expect(sessions.authenticate(token)?.data).toEqual(expected);
        expect(isDeeplyFrozen(sessions.get(id))).toBe(true);
        sessions.destroy(id);
      }),
    );
  });

  test("what was given may be changed afterwards", () => {
    const data = { list: [1] };
    const { id } = sessions.create("u", data);
    data.list.push(2);
    expect(sessions.get(id)?.data).toEqual({ list: [1] });
  });

  test("prototype names are data like any other, and pollute nothing", () => {
    const data: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}');
    const { id } = sessions.create("u", data);
    const updated = sessions.update(id, JSON.parse('{"__proto__":{"admin":false},"b":1}') as never);
    expect(JSON.stringify(updated?.data)).toBe(
      '{"__proto__":{"admin":false},"constructor":{"prototype":{"x":1}},"b":1}',
    );
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    expect(Object.getPrototypeOf(updated?.data)).toBe(Object.prototype);
  });

  test.each([
    ["a cycle", cycle(), /got a cycle at/],
    ["a BigInt", { a: 1n }, /got 1n at a$/],
    ["a function", () => 1, /got a function/],
    ["too large", { a: "x".repeat(1_000) }, /at most 1000 characters of JSON, got 1008/],
    ["too deep for the stack", nested(100_000), /cannot be written|at most/],
    ["too deep", nested(300), /nested at most 256 deep/],
  ])("that is %s is refused before the store", (_name, data, message) => {
    const before = sessions.count();
    expect(() => sessions.create("u", data)).toThrow(InvalidDataError);
    expect(() => sessions.create("u", data)).toThrow(message);
    expect(sessions.count()).toBe(before);
  });

  test("brackets in strings are not depth", () => {
    const { id } = sessions.create("u", { a: '["\\'.repeat(190) });
    expect(sessions.get(id)).toBeDefined();
  });
});

function cycle(): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  data["self"] = data;
  return data;
}

function nested(depth: number): unknown {
  let data: unknown = 1;
  for (let n = 0; n < depth; n++) data = [data];
  return data;
}

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}
