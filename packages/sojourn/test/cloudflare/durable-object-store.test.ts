/** What needs no workerd: options, how keys are spread, and when an alarm is set. */
import { describe, expect, test } from "vitest";
import type { ShardStorage } from "../../src/cloudflare/durable-object.ts";
import {
  durableObjectStore,
  SessionShard,
  type DurableObjectStoreOptions,
  type ShardNamespace,
} from "../../src/cloudflare/index.ts";
import { reclaimAlarm } from "../../src/cloudflare/shard-storage.ts";
import { shardOf } from "../../src/cloudflare/fan-out.ts";

/** A binding that notes what it is asked for, and whose objects fail. */
function failingBinding(thrown: unknown): ShardNamespace & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const fail = async (): Promise<never> => {
    throw thrown;
  };
  const binding: ShardNamespace & { readonly asked: unknown[] } = {
    asked,
    idFromName: (name) => ({ name }),
    get(id, options) {
      asked.push([id, options]);
      return { ask: fail, join: fail };
    },
    jurisdiction(name) {
      asked.push(name);
      return binding;
    },
  };
  return binding;
}

describe("options", () => {
  test.each<[string, Record<string, unknown>]>([
    ["`shards`", { shards: 0 }],
    ["`shards`", { shards: 257 }],
    ["`shards`", { shards: 1.5 }],
    ["`shards`", { shards: "8" }],
    ["`namespace`", { namespace: "" }],
    ["`namespace`", { namespace: "é".repeat(257) }],
    ["`deadline`", { deadline: 0 }],
    ["`deadline`", { deadline: "soon" }],
    ["`cache`", { cache: -1 }],
    ["`cache`", { cache: 0.5 }],
  ])("%s is refused when it is %j", (name, options: DurableObjectStoreOptions) => {
    const make = (): unknown => durableObjectStore(failingBinding(undefined), options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`Expected ${name}`);
  });

  test("a misspelt option is refused by name", () => {
    expect(() => durableObjectStore({} as never, { shard: 3 } as never)).toThrow('such as `shards`, got "shard"');
  });

  test.each([undefined, null, {}, "SESSIONS"])("a binding that is %j is refused", (binding) => {
    expect(() => durableObjectStore(binding as never)).toThrow("Expected a binding of Durable Objects");
  });

  test("where the objects are to be is passed on", async () => {
    const binding = failingBinding(new Error("away"));
    const store = durableObjectStore(binding, {
      namespace: "n/1",
      shards: 1,
      jurisdiction: "eu",
      locationHint: "weur",
    });
    await expect(store.get("k", 0)).rejects.toThrow("away");
    expect(binding.asked).toEqual(["eu", [{ name: "n/1/0" }, { locationHint: "weur" }]]);
  });
});

test.each([
  [Object.assign(new Error("Network connection lost."), { retryable: true }), /did not answer \(Network connection/],
  [Object.assign(new Error("Durable Object is overloaded."), { overloaded: true }), /too much to do \(Durable Object/],
  [undefined, /did not answer \(undefined\)/],
])("what the runtime throws is an unavailable store", async (error, message) => {
  const store = durableObjectStore(failingBinding(error));
  const calls = [
    async () => store.get("k", 0),
    async () => store.count(0),
    async () => store.revokeOwner("ann"),
    async () => store.sweep(0, 1),
    async () => store.list({ limit: 1 }, 0),
    async () => store.listByOwner("ann", { limit: 1 }, 0),
  ];
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(message),
      cause: error,
    });
  }
});

test("outside of workerd the class is there, to be imported", () => {
  expect(SessionShard.name).toBe("SessionShard");
});

describe("the shard of a key", () => {
  test("never changes", () => {
    const keys = ["", "a", "sess_AAAAAAAAAAAAAAAAAAAAAA", "é😀", "k".repeat(512)];
    expect(keys.map((key) => shardOf(key, 8))).toEqual(SHARDS_OF_KEYS);
    expect(keys.map((key) => shardOf(key, 1))).toEqual([0, 0, 0, 0, 0]);
  });

  test("is as often one as another, also for keys that differ only at their end", () => {
    for (const shards of [2, 8, 13]) {
      const counts = Array.from({ length: shards }, () => 0);
      for (let index = 0; index < 10_000; index++) counts[shardOf(`session-${index}`, shards)]!++;
      const even = 10_000 / shards;
      for (const count of counts) expect(Math.abs(count - even)).toBeLessThan(even / 5);
    }
  });
});

/** Written down, since what is stored depends on them. */
const SHARDS_OF_KEYS: readonly number[] = [3, 3, 3, 0, 6];

/** The part of a storage that an alarm is about. */
function storage(): Pick<ShardStorage, "getAlarm" | "setAlarm"> & { at: number | null; sets: number } {
  const state = {
    at: null as number | null,
    sets: 0,
    getAlarm: async () => state.at,
    setAlarm: async (at: number) => {
      state.at = at;
      state.sets++;
    },
  };
  return state;
}
const alarmOver = (state: object): ReturnType<typeof reclaimAlarm> => reclaimAlarm(state as ShardStorage);

describe("the alarm of a shard", () => {
  const now = Date.UTC(2030, 0, 1);
  const DAY = 86_400_000;

  test("is set for the earliest end, and not again for a later one", async () => {
    const state = storage();
    const alarm = alarmOver(state);
    for (const [dueAt, at, sets] of [
      [now + 500, now + 500, 1],
      [now + 900, now + 500, 1],
      [now + 100, now + 100, 2],
    ] as const) {
      await alarm.cover(dueAt, now);
      expect([state.at, state.sets]).toEqual([at, sets]);
    }
    expect(alarm.cover(now + 200, now)).toBeUndefined();
  });

  test("is asked for once after a restart", async () => {
    const state = storage();
    state.at = now + 50;
    const alarm = alarmOver(state);
    await alarm.cover(now + 100, now);
    expect([state.at, state.sets]).toEqual([now + 50, 0]);
    expect(alarm.cover(now + 100, now)).toBeUndefined();
  });

  test("is never set for the past, nor for a far future", async () => {
    const state = storage();
    const alarm = alarmOver(state);
    await alarm.cover(Number.MAX_SAFE_INTEGER, now);
    expect(state.at).toBe(now + 30 * DAY);
    expect(alarm.cover(Number.MAX_SAFE_INTEGER, now + 1)).toBeUndefined();
    await alarm.cover(-5, now);
    expect(state.at).toBe(now);
  });

  test("once it has rung, is not to ring again before the instant given", async () => {
    const state = storage();
    const alarm = alarmOver(state);
    await alarm.cover(now, now);
    alarm.rang(now + 60_000);
    await alarm.cover(now + 1, now);
    expect([state.at, state.sets]).toEqual([now + 60_000, 2]);
  });

  test("is set anew when it did not ring for long", async () => {
    const state = storage();
    const alarm = alarmOver(state);
    await alarm.cover(now, now);
    expect(alarm.cover(now + DAY, now + 599_999)).toBeUndefined();
    await alarm.cover(now + DAY, now + 600_000);
    expect([state.at, state.sets]).toEqual([now + DAY, 2]);
  });

  test("is asked for again when it could not be set", async () => {
    const state = storage();
    const alarm = alarmOver(state);
    const { setAlarm } = state;
    state.setAlarm = async () => {
      throw new Error("not now");
    };
    await expect(alarm.cover(now, now)).rejects.toThrow("not now");
    state.setAlarm = setAlarm;
    await alarm.cover(now + 1, now);
    expect(state.at).toBe(now + 1);
  });
});
