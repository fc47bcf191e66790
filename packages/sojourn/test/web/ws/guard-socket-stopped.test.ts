/** A process that was stopped closes the sockets of sessions that ended meanwhile, before they get or send another message. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "redis";
import { expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { cookieSessions } from "../../../src/web/cookies/index.ts";
import { noRedis } from "../../store/support/redis-binary.ts";
import { startRedis } from "../../store/support/redis-server.ts";
import { KEY, keptOf, type Data } from "../support/visitor.ts";
import { connect, type Client } from "./support/socket-server.ts";

/** For how long it stands still, in milliseconds: three times as long as a proof counts, or as long as somebody waits. */
const STOPPED = process.env["SOJOURN_TEST_LONG"] === undefined ? 1_500 : 30_000;

interface Place {
  readonly name: string;
  readonly store: Store;
}

async function onSqlite(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-ws-"));
  const name = join(folder, "sessions.db");
  const store = sqliteStore({ path: name });
  onTestFinished(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  return { name, store };
}

async function onRedis(): Promise<Place> {
  const redis = await startRedis();
  const client = await createClient({ url: redis.url }).connect();
  const store = await redisStore({ client });
  onTestFinished(async () => {
    await store.close();
    client.destroy();
    await redis.stop();
  });
  return { name: redis.url, store };
}

test.each([
  ["one SQLite file", onSqlite, false],
  ["one Redis", onRedis, noRedis],
] as const)("on %s", { timeout: 60_000 }, async (_, open, isMissing) => {
  if (isMissing) return;
  const { name, store } = await open();
  const sessions = createSessions<Data>({ store });
  const web = cookieSessions<Data, Mode>({ sessions, keys: [KEY] });
  const child = fork(fileURLToPath(new URL("support/socket-child.ts", import.meta.url)), [name, KEY]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [port] = (await once(child, "message")) as [number];
  const heard: string[] = [];
  child.on("message", (line: string) => heard.push(line));

  async function login(userId: string): Promise<Client & { readonly id: string }> {
    const session = await web.start(new Request("https://app.test/"));
    await session.login(userId);
    const headers = new Headers();
    await session.commit(headers);
    const client = await connect(`ws://127.0.0.1:${port}/`, keptOf(headers.getSetCookie()[0] ?? "") ?? "");
    return { ...client, id: session.id as string };
  }
  const [ends, stays] = [await login("ends"), await login("stays")];
  for (const { socket } of [ends, stays]) socket.send("before");
  await expect.poll(() => heard.toSorted()).toEqual(["ends before", "stays before"]);
  await expect.poll(() => Math.min(ends.messages.length, stays.messages.length)).toBeGreaterThan(5);

  child.kill("SIGSTOP");
  await sleep(200);
  expect(await sessions.destroy(ends.id)).toBe(true);
  const before = [ends.messages.length, stays.messages.length] as const;
  for (const { socket } of [ends, stays]) socket.send("meanwhile");
  await sleep(STOPPED);
  child.kill("SIGCONT");

  expect(await ends.closed).toEqual([4401, "logout"]);
  await expect.poll(() => heard).toContain("stays meanwhile");
  await expect.poll(() => stays.messages.length).toBeGreaterThan(before[1] + 5);
  expect(ends.messages.length).toBe(before[0]);
  expect(heard).not.toContain("ends meanwhile");
});
