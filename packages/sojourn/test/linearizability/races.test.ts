/** Eight clients race for one entry, one session, or the sessions of one user, on real stores: what each saw must fit one order of all calls. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { noPostgres } from "../store/support/postgres-binary.ts";
import { pgPool, postgresJs } from "../store/support/postgres-clients.ts";
import { startPostgres, type PostgresServer } from "../store/support/postgres-server.ts";
import { noRedis } from "../store/support/redis-binary.ts";
import { ioredis6, nodeRedis6 } from "../store/support/redis-clients.ts";
import { startRedis, type RedisServer } from "../store/support/redis-server.ts";
import { isFair, type Level } from "./level.ts";
import { openPostgresStores, openStores, type OpenStores } from "./open-store.ts";
import { print } from "./race.ts";
import { LONGER, overlaps, races, type History } from "./races.ts";
import { sqliteRaces } from "./sqlite-races.ts";

vi.setConfig({ testTimeout: 30_000 * LONGER });

const levels: readonly Level[] = ["entries", "sessions", "revocations"];

/** The first history that is not fair, as text. */
function firstFoul(level: Level, histories: readonly History[], exactOrder = true): string | undefined {
  const foul = histories.find((history) => !isFair(level, history, exactOrder));
  return foul && print(foul);
}

describe.each(["each", "grouped"] as const)("threads with connections of their own, commit: %s", (commit) => {
  test.each(levels)("%s", async (level) => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-races-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "sessions.db");
    // Synchronous calls overlap between threads only.
    const threads = commit === "each" ? 4 : 2;
    const count = (level === "revocations" ? 8 : 20) * LONGER;
    const histories = await sqliteRaces({ path, commit, level, threads, count });
    expect(firstFoul(level, histories)).toBeUndefined();
    // Enough calls were under way at the same time to mean something.
    expect(overlaps(histories)).toBeGreaterThan(histories.length * 100);
  });
});

describe.skipIf(noPostgres).each(Object.entries({ "pg, a pool": pgPool, "postgres.js": postgresJs }))(
  "connections of their own to Postgres: %s",
  (_, open) => {
    let server: PostgresServer;
    let opened: OpenStores;
    beforeAll(async () => {
      server = await startPostgres();
      opened = await openPostgresStores(open, server.url);
    });
    afterAll(async () => {
      await opened?.close();
      await server?.stop();
    });

    test.each(levels)("%s", async (level) => {
      const histories = await races(level, opened.stores, 30 * LONGER, opened.clocks);
      expect(firstFoul(level, histories, false)).toBeUndefined();
      expect(histories.flat().every(({ answer }) => answer !== undefined)).toBe(true);
      expect(overlaps(histories)).toBeGreaterThan(histories.length * 100);
    });
  },
);

describe.skipIf(noRedis).each(Object.entries({ "node-redis 6": nodeRedis6, "ioredis 6": ioredis6 }))(
  "connections of their own to Redis: %s",
  (_, open) => {
    let server: RedisServer;
    let opened: OpenStores;
    beforeAll(async () => {
      server = await startRedis();
      opened = await openStores(async () => open(server.url));
    });
    afterAll(async () => {
      await opened?.close();
      await server?.stop();
    });

    test.each(levels)("%s", async (level) => {
      const count = (level === "revocations" ? 50 : 100) * LONGER;
      const histories = await races(level, opened.stores, count, opened.clocks);
      expect(firstFoul(level, histories, false)).toBeUndefined();
      expect(histories.flat().every(({ answer }) => answer !== undefined)).toBe(true);
      expect(overlaps(histories)).toBeGreaterThan(histories.length * 100);
    });
  },
);
