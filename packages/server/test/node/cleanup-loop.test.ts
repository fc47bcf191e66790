import { StoreError } from "sojourn";
import { expect, test } from "vitest";
import { noLog } from "../../src/http/log.ts";
import { startCleanup } from "../../src/node/cleanup-loop.ts";

/** Sessions of which so many have expired; says when a round has found nothing more. */
function expired(count: number): {
  readonly limits: number[];
  readonly done: Promise<void>;
  cleanup(o?: { limit?: number }): number;
} {
  const limits: number[] = [];
  const done = Promise.withResolvers<void>();
  let left = count;
  return {
    limits,
    done: done.promise,
    cleanup: ({ limit = 1 } = {}) => {
      limits.push(limit);
      const removed = Math.min(left, limit);
      left -= removed;
      if (removed < limit) done.resolve();
      return removed;
    },
  };
}

test("cleans in slices until nothing is left, and lets the event loop turn in between", async () => {
  const sessions = expired(25);
  let turns = 0;
  const loop = startCleanup({
    sessions: {
      cleanup: (options) => {
        setImmediate(() => turns++);
        return sessions.cleanup(options);
      },
    },
    log: noLog,
    interval: 1,
    limit: 10,
  });
  await sessions.done;
  await loop.stop();
  expect(sessions.limits).toEqual([10, 10, 10]);
  expect(turns).toBeGreaterThanOrEqual(2);
});

test("goes on after a fault, which it logs, and never runs twice at once", async () => {
  const lines: string[] = [];
  const third = Promise.withResolvers<void>();
  let running = 0;
  let calls = 0;
  const loop = startCleanup({
    sessions: {
      cleanup: async () => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        if (++calls === 3) third.resolve();
        if (calls === 1) throw new StoreError("store_unavailable", "gone");
        return 0;
      },
    },
    log: { ...noLog, warn: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`) },
    interval: 1,
  });
  await third.promise;
  await loop.stop();
  expect(lines).toEqual([expect.stringMatching(/cleanup.+failed.+store_unavailable/)]);
});

test("stop waits for the slice that runs, and none comes after it", async () => {
  const begun = Promise.withResolvers<void>();
  const slice = Promise.withResolvers<number>();
  let calls = 0;
  const loop = startCleanup({
    sessions: {
      cleanup: async () => {
        calls++;
        begun.resolve();
        return slice.promise;
      },
    },
    log: noLog,
    interval: 1,
    limit: 10,
  });
  await begun.promise;
  let isStopped = false;
  const stopped = loop.stop().finally(() => {
    isStopped = true;
  });
  await Promise.resolve();
  expect(isStopped).toBe(false);
  slice.resolve(10);
  await stopped;
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(calls).toBe(1);
});
