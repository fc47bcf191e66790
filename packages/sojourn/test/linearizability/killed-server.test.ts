/** The same races while the server is killed and comes back with what it had on disk: no history may have a gap. */
import { describe, expect, onTestFinished, test } from "vitest";
import { noPostgres } from "../store/support/postgres-binary.ts";
import { pgPool, type OpenPostgresClient } from "../store/support/postgres-clients.ts";
import { startPostgres } from "../store/support/postgres-server.ts";
import { noRedis } from "../store/support/redis-binary.ts";
import { ioredis6, nodeRedis6, type OpenClient } from "../store/support/redis-clients.ts";
import { startRedis } from "../store/support/redis-server.ts";
import { until } from "../store/support/redis-until.ts";
import { isFair } from "./level.ts";
import { openPostgresStores, openStores, type OpenStores } from "./open-store.ts";
import { print } from "./race.ts";
import { CLIENTS, LONGER, counted, oneRace } from "./races.ts";
import { random } from "./random.ts";

const KILLS = 4;

/** A server that can be killed, and the stores on it. */
type Open = () => Promise<{ restart(): Promise<void>; stop(): Promise<void> } & Pick<OpenStores, "stores" | "close">>;

const onRedis =
  (open: OpenClient): Open =>
  async () => {
    const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    return { ...server, ...(await openStores(async () => open(server.url))) };
  };
const onPostgres =
  (open: OpenPostgresClient): Open =>
  async () => {
    const server = await startPostgres();
    return { ...server, ...(await openPostgresStores(open, server.url)) };
  };
const opens: Readonly<Record<string, Open>> = {
  ...(noRedis ? {} : { "node-redis 6": onRedis(nodeRedis6), "ioredis 6": onRedis(ioredis6) }),
  ...(noPostgres ? {} : { "pg, a pool": onPostgres(pgPool) }),
};

describe.each(Object.entries(opens))("a server that is killed in the middle: %s", (_, open) => {
  test.each(["entries", "sessions"] as const)("%s", async (level) => {
    const { stores, restart, stop, close } = await open();
    onTestFinished(stop);
    onTestFinished(close);
    let kills = 0;
    for (let race = 0; race < KILLS * LONGER; race++) {
      let left = 20 + random(race).under(60);
      let restarted: Promise<void> | undefined;
      const onCall = (): void => {
        if (--left > 0 || restarted !== undefined) return;
        kills++;
        restarted = restart();
      };
      const racing = stores.map((store) => counted(store, onCall));
      const before = await oneRace(level, racing, race);
      await restarted;
      for (const store of stores) {
        await until("the store to be back", async () => (await store.count(0)) >= 0);
      }
      const history = [...before, ...(await oneRace(level, stores, race, CLIENTS))];
      expect(isFair(level, history) ? undefined : print(history)).toBeUndefined();
    }
    expect(kills).toBe(KILLS * LONGER);
  });
});
