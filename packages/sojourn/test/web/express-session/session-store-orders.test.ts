/** Every order in which requests and logouts can reach the store. */
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore, faultyStore, gate } from "../../../src/testing/index.ts";
import { generate, load, open, written, type Loaded } from "../support/express-session.ts";

const HOUR = 3_600_000;

describe("orders", () => {
  test("a read waits for a write of this process that is on its way", async () => {
    const write = gate();
    const inner = faultyStore(asyncStore(memoryStore()), [{ call: "put", fault: "hold", gate: write }]);
    const store = open(inner);
    const saved = store.set("123", written({ user: "ann" }));
    let read: unknown = "nothing yet";
    const reading = store.get("123").then((found) => (read = found));
    await write.reached;
    await turn();
    expect(read).toBe("nothing yet");
    write.open();
    await saved;
    expect(await reading).toMatchObject({ user: "ann" });
  });

  test("a session that is saved again before its first write has ended loses nothing", async () => {
    const write = gate();
    const store = open(
      faultyStore(asyncStore(memoryStore()), [{ call: "put", nth: 1, fault: "hold-reply", gate: write }]),
    );
    const generated = generate(store, "123");
    generated["first"] = true;
    const first = store.set("123", generated);
    await write.reached;
    generated["second"] = true;
    const second = store.set("123", generated);
    write.open();
    await Promise.all([first, second]);
    expect(await store.get("123")).toMatchObject({ first: true, second: true });
  });

  test("whatever the order of requests and a logout, the session stays destroyed (law 2)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom("save", "touch", "by hand", "generated"), { minLength: 1, maxLength: 4 }),
        async (scheduler, requests) => {
          const pause = async (point: string): Promise<unknown> => scheduler.schedule(Promise.resolve(), point);
          const inner = memoryStore();
          await open(inner).set("123", written({ user: "ann" }, HOUR));
          const store = open(asyncStore(inner, { pause }));
          const held = await scheduler.waitFor(Promise.all(requests.map(async () => load(store, "123"))));
          const generated = generate(store, "123");
          const late = (request: string, loaded: Loaded): Promise<void> => {
            loaded["late"] = request;
            if (request === "by hand") return store.set("123", written({ late: true }));
            if (request === "generated") return store.set("123", generated);
            loaded.cookie.maxAge = 2 * HOUR;
            return request === "save" ? store.set("123", loaded) : store.touch("123", loaded);
          };
          // By hand there is no telling whether it comes late, unless it comes after.
          const [during, after] = [requests.map((request) => request !== "by hand"), requests];
          const running = during.flatMap((is, index) => (is ? [late(after[index] ?? "", held[index] as Loaded)] : []));
          await scheduler.waitFor(Promise.all([store.destroy("123"), ...running]));
          await scheduler.waitFor(
            Promise.all(requests.map(async (request, index) => late(request, held[index] as Loaded))),
          );
          expect(await scheduler.waitFor(store.get("123"))).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  test("whatever the order of requests, every field that one of them has written is kept (law 3)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 5 }), async (scheduler, writers) => {
        const pause = async (point: string): Promise<unknown> => scheduler.schedule(Promise.resolve(), point);
        const inner = memoryStore();
        await open(inner).set("123", written());
        const store = open(asyncStore(inner, { pause }));
        const names = Array.from({ length: writers }, (_, index) => `field${index}`);
        const requests = names.map(async (name) => {
          const loaded = await load(store, "123");
          loaded[name] = true;
          await store.set("123", loaded);
        });
        await scheduler.waitFor(Promise.all(requests));
        const stored = (await scheduler.waitFor(store.get("123"))) ?? {};
        expect(Object.keys(stored).toSorted()).toEqual(["cookie", ...names]);
      }),
      { numRuns: 200 },
    );
  });
});
