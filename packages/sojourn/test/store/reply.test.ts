import { describe, expect, test } from "vitest";
import { run, wait, type Steps } from "../../src/store/reply.ts";

function* sum(first: () => unknown, second: () => unknown, log: string[]): Steps<number> {
  try {
    const a = yield* wait<"async", number>(first() as Promise<number>);
    log.push("first");
    const b = yield* wait<"async", number>(second() as Promise<number>);
    return a + b;
  } catch (error) {
    log.push(`caught ${(error as Error).message}`);
    return -1;
  } finally {
    log.push("finally");
  }
}

function* single(step: () => unknown): Steps<number> {
  return yield* wait<"async", number>(step() as Promise<number>);
}

describe.each(["sync", "async"] as const)("a call in steps, %s", (mode) => {
  const reply = (value: number) => () => (mode === "sync" ? value : Promise.resolve(value));
  const fault = (message: string) => () => {
    if (mode === "sync") throw new Error(message);
    return Promise.reject(new Error(message));
  };

  test("makes its steps in order, and answers", async () => {
    const log: string[] = [];
    const answer = run(mode, sum(reply(1), reply(2), log));
    expect(answer instanceof Promise).toBe(mode === "async");
    expect(await answer).toBe(3);
    expect(log).toEqual(["first", "finally"]);
  });

  test("throws a fault where the step stands", async () => {
    const log: string[] = [];
    expect(await run(mode, sum(reply(1), fault("away"), log))).toBe(-1);
    expect(log).toEqual(["first", "caught away", "finally"]);
  });

  test("lets a fault that nobody catches out", async () => {
    // oxlint-disable-next-line typescript/require-await -- a throw and a rejection are both asked for
    await expect((async () => run(mode, single(fault("away"))))()).rejects.toThrow("away");
  });
});
