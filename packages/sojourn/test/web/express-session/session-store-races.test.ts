/** The races of `npm run bench:races`, each row held to what it is: ours win them, and the harness tells the difference. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runRaces, type Outcome } from "../../../../../bench/races/races.ts";
import { startRedis, type RedisServer } from "../../../../../bench/races/redis-server.ts";
import { migrated, ours, peers } from "../../../../../bench/races/subjects.ts";
import { withConnectRedis, withRedisStore } from "../../../../../bench/races/subjects/express-session.ts";

const WON: Outcome = {
  slowRead: "logged out",
  slowWrite: "logged out",
  twoWriters: "both kept",
  redirect: "saved",
  cookieless: 0,
  reads: 0,
};
/** What most others come to: a request that writes brings the session back, and the last writer wins. */
const LOST: Outcome = { ...WON, slowWrite: "still logged in", twoWriters: "only a", reads: 100 };

describe("ours win every race", () => {
  test.each(ours())("$name", async (subject) => {
    expect(await runRaces(subject)).toEqual(WON);
  });
});

describe("express-session wins them with our store", () => {
  test.each(migrated(undefined))("$name", async (subject) => {
    // By default express-session asks to store what has nothing in it; a store has to do as it is told.
    const cookieless = subject.name.endsWith("defaults") ? 100 : 0;
    expect(await runRaces(subject)).toEqual({ ...WON, cookieless });
  });
});

describe("the harness sees others lose them", () => {
  const outcomes: Readonly<Record<string, Outcome>> = {
    "express-session, MemoryStore, defaults": { ...LOST, slowRead: "still logged in", cookieless: 100 },
    "express-session, MemoryStore": LOST,
    "express-session, MemoryStore that answers later": { ...LOST, redirect: "lost" },
    "@fastify/session, defaults": { ...LOST, slowRead: "still logged in", cookieless: 100 },
    "@fastify/session, rolling: false": { ...LOST, reads: 0 },
    // Its memory store hands out one live object to all requests, so that they do not race.
    // A read is a write if a millisecond has passed since the last one.
    "hono-sessions, MemoryStore": { ...WON, cookieless: 100, reads: expect.toSatisfy((writes: number) => writes > 1) },
  };

  test.each(peers(undefined))("$name", async (subject) => {
    expect(await runRaces(subject)).toEqual(outcomes[subject.name]);
  });
});

describe("and on a server of Redis", () => {
  let redis: RedisServer | undefined;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => redis?.stop());

  test("express-session, connect-redis", async (context) => {
    if (redis === undefined) return context.skip("no redis-server was found");
    return expect(await runRaces(withConnectRedis(redis.url))).toEqual({ ...LOST, redirect: "lost" });
  });

  test("express-session with our store", async (context) => {
    if (redis === undefined) return context.skip("no redis-server was found");
    return expect(await runRaces(withRedisStore(redis.url))).toEqual(WON);
  });
});
