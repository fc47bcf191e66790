/** An end is felt everywhere: several processes on one store, each of which holds something of the same sessions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noRedis } from "../../store/support/redis-binary.ts";
import { startRedis, type RedisServer } from "../../store/support/redis-server.ts";
import { EndsTrials, kinds, type Trial } from "./support/ends-trials.ts";

const MAX_STALE = 500;
/** What waiting for a processor may add on a machine that is busy, in milliseconds. */
const BUSY = 1_000;

/** That every signal of the ended sessions was aborted, with the right reason, and no other one. */
function expectExact(trial: Trial): void {
  expect(trial).toMatchObject({ missing: 0, wrongly: 0, otherReason: 0 });
}

describe.skipIf(noRedis)("on one Redis, four processes", { timeout: 60_000 }, () => {
  let server: RedisServer;
  let trials: EndsTrials;
  beforeAll(async () => {
    server = await startRedis();
    const ends = { maxStale: MAX_STALE, onLost: "recheck" } as const;
    trials = await EndsTrials.start({ place: { port: server.port }, processes: 4, sessions: 200, ends });
  }, 60_000);
  afterAll(async () => {
    await trials.stop();
    await server.stop();
  }, 60_000);

  test.each(kinds)("feel a session's end at once: %s", async (kind) => {
    const trial = await trials.run(kind, "none", 300);
    expectExact(trial);
    expect(Math.max(...trial.delays)).toBeLessThan(BUSY);
    expect(Math.max(...trial.lastThrough)).toBeLessThan(BUSY);
  });

  test.each(["late", "held", "cut"] as const)(
    "let nothing through for longer than `maxStale` while their lines are %s, and feel it when they are mended",
    async (lines) => {
      const trial = await trials.run("destroy", lines, MAX_STALE + BUSY);
      // Of what was missed on a line that was cut, nobody can say any more why it ended.
      expect(trial).toMatchObject({ missing: 0, wrongly: 0, ...(lines !== "cut" && { otherReason: 0 }) });
      expect(Math.max(...trial.lastThrough)).toBeLessThan(MAX_STALE + BUSY);
    },
  );

  test("one that was stopped lets nothing through when it goes on", async () => {
    const trial = await trials.stopped(2_000);
    expectExact(trial);
    expect(Math.max(...trial.lastThrough)).toBeLessThan(0);
    expect(Math.min(...trial.delays)).toBeGreaterThan(0);
  });
});

describe("on one SQLite file, two processes", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-ends-"));
  let trials: EndsTrials;
  beforeAll(async () => {
    const place = { path: join(folder, "sessions.db") };
    trials = await EndsTrials.start({
      place,
      processes: 2,
      sessions: 100,
      ends: { maxStale: MAX_STALE, onLost: "recheck" },
    });
  }, 60_000);
  afterAll(async () => {
    await trials.stop();
    rmSync(folder, { recursive: true });
  }, 60_000);

  test.each(kinds)("feel a session's end soon: %s", async (kind) => {
    const trial = await trials.run(kind, "none", 500);
    expectExact(trial);
    expect(Math.max(...trial.delays)).toBeLessThan(BUSY);
  });

  test("one that was stopped lets nothing through when it goes on", async () => {
    const trial = await trials.stopped(2_000);
    expectExact(trial);
    expect(Math.max(...trial.lastThrough)).toBeLessThan(0);
  });
});
