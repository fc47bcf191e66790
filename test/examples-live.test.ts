/** The programs with connections that stay open run as a reader would run them, and are asked over real sockets. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { io } from "socket.io-client";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { noRedis } from "../packages/sojourn/test/store/support/redis-binary.ts";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { runExample } from "./support/run-example.ts";

async function logIn(origin: string): Promise<string> {
  const response = await fetch(`${origin}/login`, { method: "POST" });
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

const logOut = async (origin: string, cookie: string): Promise<unknown> =>
  (await fetch(`${origin}/logout`, { method: "POST", headers: { cookie } })).json();

async function refused(origin: string, headers: Record<string, string>): Promise<number | undefined> {
  const socket = new WebSocket(`${origin}/live`, { headers });
  socket.on("error", () => {});
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  socket.terminate();
  return response.statusCode;
}

async function talk(origin: string, cookie: string) {
  const socket = new WebSocket(`${origin}/live`, { headers: { cookie } });
  onTestFinished(() => socket.terminate());
  const said: string[] = [];
  socket.on("message", (data: Buffer) => said.push(data.toString()));
  const closed = once(socket, "close").then(([code, reason]) => [code, String(reason)] as unknown);
  await once(socket, "open");
  socket.send("hello");
  await expect.poll(() => said).toEqual(["42: hello"]);
  return { socket, closed };
}

describe.each(["ws", "hono", "fastify", "crossws"])("live/%s.ts", (name) => {
  test("talks while the session lives; its end closes every socket of it, and no other", async () => {
    const origin = await runExample(`live/${name}.ts`);
    expect(await refused(origin, {})).toBe(401);
    const [cookie, other] = [await logIn(origin), await logIn(origin)];
    expect(await refused(origin, { cookie, origin: "https://evil.test" })).toBe(403);
    const tabs = [await talk(origin, cookie), await talk(origin, cookie)];
    const stays = await talk(origin, other);
    expect(await logOut(origin, cookie)).toEqual({ logged_out: true });
    expect(await Promise.all(tabs.map(async ({ closed }) => closed))).toEqual([
      [4401, "logout"],
      [4401, "logout"],
    ]);
    expect(stays.socket.readyState).toBe(WebSocket.OPEN);
    expect(await refused(origin, { cookie })).toBe(401);
  });
});

test.skipIf(noRedis)("in two processes on one Redis: a logout at one closes the socket at the other", async () => {
  const redis = await startRedis();
  onTestFinished(async () => redis.stop());
  const origins = await Promise.all(
    ["ws", "fastify"].map(async (name) => runExample(`live/${name}.ts`, { REDIS_URL: redis.url })),
  );
  const [one = "", two = ""] = origins;
  const cookie = await logIn(one);
  const { closed } = await talk(two, cookie);
  await logOut(one, cookie);
  expect(await closed).toEqual([4401, "logout"]);
});

test("live/socket-io.ts: every tab hears what one says, and the end of the session", async () => {
  const origin = await runExample("live/socket-io.ts");
  const cookie = await logIn(origin);
  const tabs = [0, 1].map(() => io(origin, { extraHeaders: { cookie }, reconnection: false, forceNew: true }));
  onTestFinished(() => tabs.forEach((tab) => tab.close()));
  const heard: unknown[][] = tabs.map(() => []);
  tabs.forEach((tab, index) => tab.onAny((...event: unknown[]) => heard[index]?.push(event)));
  await Promise.all(tabs.map(async (tab) => new Promise((resolve) => tab.on("connect", () => resolve(undefined)))));
  tabs[0]?.emit("say", "hello");
  await expect.poll(() => heard).toEqual([[["said", "hello"]], [["said", "hello"]]]);
  await logOut(origin, cookie);
  const end = ["session_ended", { reason: "logout" }];
  await expect.poll(() => heard.map((events) => events.at(-1))).toEqual([end, end]);
  await expect.poll(() => tabs.some((tab) => tab.connected)).toBe(false);
});

test("live/events.ts: the stream ends with the session, and says why", async () => {
  const origin = await runExample("live/events.ts");
  const cookie = await logIn(origin);
  expect((await fetch(`${origin}/live`)).status).toBe(401);
  const response = await fetch(`${origin}/live`, { headers: { cookie } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain('event: tick\ndata: "42"\n\n');
  await logOut(origin, cookie);
  let said = "";
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) said += piece.value;
  expect(said).toMatch(/event: session_ended\ndata: {"reason":"logout"}\n\n$/);
  expect((await fetch(`${origin}/live`, { headers: { cookie } })).status).toBe(401);
});

/** Writes how many timers the process keeps, again and again, into a file. */
const COUNT_TIMERS = `import { writeFileSync } from "node:fs";
const count = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
setInterval(() => writeFileSync(process.env.TIMERS, String(count())), 20).unref();`;

test.skipIf(noRedis)(
  "live/events.ts: a client that leaves while its session is looked up leaves no timer",
  async () => {
    const redis = await startRedis();
    const folder = mkdtempSync(join(tmpdir(), "sojourn-live-"));
    onTestFinished(async () => {
      await redis.stop();
      rmSync(folder, { recursive: true });
    });
    const file = join(folder, "timers");
    const preload = `--import "data:text/javascript,${encodeURIComponent(COUNT_TIMERS)}"`;
    const origin = await runExample("live/events.ts", { REDIS_URL: redis.url, NODE_OPTIONS: preload, TIMERS: file });
    const timers = (): number => Number(readFileSync(file, "utf8"));
    const cookie = await logIn(origin);
    await expect.poll(timers).toBe(0);

    const stays = new AbortController();
    await fetch(`${origin}/live`, { headers: { cookie }, signal: stays.signal });
    await expect.poll(timers).toBe(1);
    stays.abort();
    await expect.poll(timers).toBe(0);

    redis.pause();
    const client = connect(Number(new URL(origin).port), "127.0.0.1");
    client.write(`GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`);
    await sleep(100);
    client.resetAndDestroy();
    await sleep(100);
    redis.resume();
    // Answered after the one that left.
    expect((await fetch(`${origin}/live`)).status).toBe(401);
    await logOut(origin, cookie);
    await sleep(100);
    expect(timers()).toBe(0);
  },
);
