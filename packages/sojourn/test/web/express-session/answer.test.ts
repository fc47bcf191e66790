/** How callbacks are called: as those of express-session's own MemoryStore. */
import { execFile } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/index.ts";
import { open, written } from "../support/express-session.ts";

const stores: readonly (readonly [name: string, open: () => Store])[] = [
  ["memory", () => memoryStore()],
  ["an asynchronous store", () => asyncStore(memoryStore())],
];
const calls = ["set", "get", "touch", "destroy", "all", "length", "ids", "clear"] as const;
const places = stores.flatMap(([name, make]) => calls.map((call) => [call, name, make] as const));

test.each(places)("%s on %s calls back in a later turn", async (call, _, make) => {
  const store = open(make());
  let isCalled = false;
  const given =
    call === "set" || call === "touch" ? ["1", written()] : call === "get" || call === "destroy" ? ["1"] : [];
  Reflect.apply(store[call] as (...given: unknown[]) => void, store, [...given, () => (isCalled = true)]);
  expect(isCalled).toBe(false);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  await Promise.resolve();
  expect(isCalled).toBe(false);
  for (let turns = 0; turns < 5; turns++) await setImmediate();
  expect(isCalled).toBe(true);
});

test.each(["memoryStore()", "asyncStore(memoryStore())"])(
  "what a callback throws is an exception of its own, on %s: no rejection of ours, and no second call",
  async (make) => {
    const source = new URL("../../../src/", import.meta.url).href;
    const program = `
      import { SessionStore } from "${source}web/express-session.ts";
      import { memoryStore } from "${source}store/memory-store.ts";
      import { asyncStore } from "${source}testing/index.ts";
      process.on("unhandledRejection", (error) => console.log("rejection:", error.message));
      process.on("uncaughtException", (error) => console.log("exception:", error.message));
      const store = new SessionStore({ store: ${make} });
      const failing = (error) => { throw new Error(error === null ? "own" : "own after " + error.name); };
      store.get("1", failing);
      store.set("1", 1n, failing);
    `;
    const run = promisify(execFile);
    const cwd = import.meta.dirname;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd });
    const lines = stdout.trim().split("\n");
    expect([...lines].sort()).toEqual(["exception: own", "exception: own after InvalidDataError"]);
  },
);
