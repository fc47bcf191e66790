/** What is particular to Durable Objects: eviction, restarts, crashes, alarms, and two Workers on the same ones. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EndedSession } from "../../src/cloudflare/index.ts";
import { bundle } from "./support/bundle.ts";
import { startWorkerd, temporaryFolder, type Workerd, type WorkerUnderTest } from "./support/workerd.ts";

const { folder, remove } = temporaryFolder();
let workers: readonly WorkerUnderTest[];
let workerd: Workerd;

const shard = (className: string, scriptName?: string) => ({
  SHARDS: { className, useSQLite: true, ...(scriptName === undefined ? {} : { scriptName }) },
});

beforeAll(async () => {
  const script = await bundle("shard-worker.ts");
  workers = [
    { name: "one", script, durableObjects: shard("WatchedShard") },
    { name: "other", script, durableObjects: shard("WatchedShard", "one") },
    { name: "deaf", script, durableObjects: shard("DeafShard") },
  ];
  workerd = startWorkerd(workers, folder);
});
afterAll(async () => {
  await workerd.stop();
  remove();
});

let namespace: string;
let count = 0;
beforeEach(() => {
  namespace = `test-${++count}`;
});

interface Reply {
  readonly reply?: unknown;
  readonly code?: string;
  readonly name?: string;
  readonly error?: string;
}

async function ask(act: string, given: Readonly<Record<string, string | number>> = {}, worker = "one"): Promise<Reply> {
  const parameters = new URLSearchParams({ namespace });
  for (const [name, value] of Object.entries(given)) parameters.set(name, String(value));
  return JSON.parse(await workerd.ask(`/${act}?${parameters}`, worker)) as Reply;
}

async function create(given: Readonly<Record<string, string | number>> = {}): Promise<string[]> {
  return (await ask("create", given)).reply as string[];
}

async function told(sessions: number): Promise<readonly (readonly EndedSession[])[]> {
  return (await ask("shard", { ask: "told", count: sessions })).reply as EndedSession[][];
}

describe("an object that was", () => {
  test("evicted from memory has lost nothing", async () => {
    const [kept = "", gone = ""] = await create({ count: 2 });
    await ask("destroy", { token: gone });
    await workerd.evict("one", "WatchedShard", `${namespace}/0`);
    expect((await ask("authenticate", { token: kept })).reply).toBe("user-0");
    expect((await ask("authenticate", { token: gone })).reply).toBe("unknown");
    expect((await ask("count")).reply).toBe(1);
  });

  test("crashed has lost nothing", async () => {
    const [kept = "", gone = ""] = await create({ count: 2, shards: 2 });
    await ask("destroy", { token: gone, shards: 2 });
    for (const shard of [0, 1]) {
      expect((await ask("shard", { ask: "crash", shard })).reply).toMatch(/crashed, as it was told to/);
    }
    expect((await ask("authenticate", { token: kept, shards: 2 })).reply).toBe("user-0");
    expect((await ask("authenticate", { token: gone, shards: 2 })).reply).toBe("unknown");
    expect((await ask("count", { shards: 2 })).reply).toBe(1);
  });

  test("in a process that ended has lost nothing", async () => {
    const [kept = "", gone = ""] = await create({ count: 2, shards: 2 });
    await ask("destroy", { token: gone, shards: 2 });
    await workerd.stop();
    workerd = startWorkerd(workers, folder);
    expect((await ask("authenticate", { token: kept, shards: 2 })).reply).toBe("user-0");
    expect((await ask("authenticate", { token: gone, shards: 2 })).reply).toBe("unknown");
    expect((await ask("count", { shards: 2 })).reply).toBe(1);
  });
});

const hasProc = existsSync(`/proc/${process.pid}/task/${process.pid}/children`);

test.skipIf(!hasProc)(
  `what was acknowledged is there after the process was killed${hasProc ? "" : " (skipped: there is no /proc)"}`,
  async () => {
    const live: string[] = [];
    const ended: string[] = [];
    let killed = 0;
    const work = async (): Promise<void> => {
      while (killed === 0) {
        const [kept = "", gone = ""] = (await ask("create", { count: 2, shards: 2 })).reply as string[];
        live.push(kept, gone);
        await ask("destroy", { token: gone, shards: 2 });
        ended.push(gone);
        if (ended.length === 40) {
          killed = workerd.kill();
          expect(killed).toBe(1);
        }
      }
    };
    // Those that are in the middle of a call fail; what they were not answered counts for nothing.
    await Promise.allSettled(Array.from({ length: 4 }, work));
    expect(killed).toBe(1);
    await workerd.stop();
    workerd = startWorkerd(workers, folder);
    expect(ended.length).toBeGreaterThanOrEqual(40);
    for (const token of ended) expect((await ask("authenticate", { token, shards: 2 })).reply).toBe("unknown");
    // The logout of the last one of each worker may have been done without an answer.
    let lost = 0;
    for (const token of live.filter((each) => !ended.includes(each))) {
      if ((await ask("authenticate", { token, shards: 2 })).reply === "unknown") lost++;
    }
    expect(lost).toBeLessThanOrEqual(4);
  },
);

describe("the alarm", () => {
  test("reclaims what has expired, and reports it", async () => {
    await create({ count: 3, ttl: 200 });
    const [kept = ""] = await create({ ttl: 60_000 });
    const ended = (await told(3)).flat();
    expect(new Set(ended.map(({ session }) => session.userId))).toEqual(new Set(["user-0", "user-1", "user-2"]));
    for (const { session, reason, at } of ended) {
      expect([reason, session.id.startsWith("sess_"), session.version]).toEqual(["expired-idle", true, 1]);
      expect(at).toBeGreaterThanOrEqual(session.expiresAt);
      expect(session).not.toHaveProperty("data");
    }
    expect((await ask("shard", { ask: "rows" })).reply).toBe(1);
    expect((await ask("authenticate", { token: kept })).reply).toBe("user-0");
  });

  test("rings although the process ended before", async () => {
    await create({ count: 2, ttl: 200 });
    await workerd.stop();
    workerd = startWorkerd(workers, folder);
    expect((await told(2)).flat()).toHaveLength(2);
    expect((await ask("shard", { ask: "rows" })).reply).toBe(0);
  });

  test("reclaims at most a hundred at a time, each once", async () => {
    await create({ count: 230, ttl: 700 });
    const reports = await told(230);
    expect(Math.max(...reports.map((report) => report.length))).toBeLessThanOrEqual(100);
    expect(new Set(reports.flat().map(({ session }) => session.id)).size).toBe(230);
    expect(reports.flat()).toHaveLength(230);
  });

  test("goes on after a report that failed", async () => {
    await create({ count: 130, ttl: 500 });
    await ask("shard", { ask: "failReports", count: 1 });
    const reports = await told(130);
    expect(new Set(reports.flat().map(({ session }) => session.id)).size).toBe(130);
    expect((await ask("shard", { ask: "rows" })).reply).toBe(0);
  });

  test("leaves what was extended", async () => {
    const [token = ""] = await create({ ttl: 400 });
    expect((await ask("extend", { token })).reply).toBe(true);
    await create({ ttl: 400 });
    expect((await told(1)).flat()).toHaveLength(1);
    expect((await ask("authenticate", { token })).reply).toBe("user-0");
    expect((await ask("shard", { ask: "rows" })).reply).toBe(1);
  });
});

test("two Workers: what one logs out, the other does not know at once", async () => {
  for (let round = 0; round < 20; round++) {
    const [token = ""] = await create({ shards: 4 });
    expect((await ask("authenticate", { token, shards: 4 }, "other")).reply).toBe("user-0");
    expect((await ask("destroy", { token, shards: 4 })).reply).toBe(true);
    expect((await ask("authenticate", { token, shards: 4 }, "other")).reply).toBe("unknown");
  }
});

describe("the number of shards", () => {
  test("is written down, and another one is refused, whichever shard is asked", async () => {
    const tokens = await create({ count: 12, shards: 2 });
    for (const shards of [1, 3, 40]) {
      for (const token of tokens) {
        const { code, error } = await ask("authenticate", { token, shards });
        expect([code, error]).toEqual(["store_schema", expect.stringContaining(`are 2 shards, and`)]);
      }
      expect((await ask("create", { shards })).code).toBe("store_schema");
    }
    for (const shard of [0, 1]) await workerd.evict("one", "WatchedShard", `${namespace}/${shard}`);
    expect((await ask("authenticate", { token: tokens[0]!, shards: 1 })).code).toBe("store_schema");
    expect((await ask("authenticate", { token: tokens[0]!, shards: 2 })).reply).toBe("user-0");
  });

  test("one is a store whose calls are all atomic", async () => {
    expect((await ask("guarantees")).reply).toEqual({
      durability: "power",
      atomic: true,
      staleMs: 0,
      evicts: false,
      failoverLoss: false,
      exactOrder: false,
      // Infinity, as JSON has it.
      removalsMs: null,
    });
    expect((await ask("guarantees", { shards: 2 })).reply).toMatchObject({ atomic: false });
  });
});

describe("faults", () => {
  test("an object that does not answer is a timeout, not an absence", async () => {
    const [token = ""] = await create();
    const asked = await ask("authenticate", { token, deadline: 100 }, "deaf");
    expect([asked.code, asked.reply]).toEqual(["store_timeout", undefined]);
  });

  test("a cursor that is none is a mistake of the caller's, also where a shard finds it", async () => {
    for (const after of ["", "x", "2", "-1", "0.x", "1.1.1"]) {
      const { name, error } = await ask("badCursor", { after, shards: 2 });
      expect([name, error]).toEqual(["TypeError", expect.stringContaining("to be the `next` of a page")]);
    }
  });

  test("an object that crashes in the middle of a call is unavailable, and answers the next one", async () => {
    const tokens = await create({ count: 8 });
    const asked = tokens.map(async (token) => ask("authenticate", { token }));
    await ask("shard", { ask: "crash" });
    for (const { reply, code } of await Promise.all(asked)) {
      expect(reply === undefined ? code : reply).toMatch(/^(user-\d|store_unavailable)$/);
    }
    expect((await ask("authenticate", { token: tokens[7]! })).reply).toBe("user-7");
  });
});
