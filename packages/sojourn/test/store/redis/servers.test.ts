/** The servers that other tests start: they answer, they come back, and nothing is left of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { startProxy, type RedisProxy } from "../support/redis-proxy.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const servers: RedisServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(...args: readonly string[]): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
}

/** A proxy to a server of its own. */
async function line(): Promise<RedisProxy> {
  const proxy = await startProxy((await start()).port);
  onTestFinished(async () => proxy.stop());
  return proxy;
}

/** How long an answer takes, in milliseconds. */
async function timeOf(port: number): Promise<number> {
  const start = performance.now();
  await ask(port, "PING");
  return performance.now() - start;
}

/** What the server itself has under a key. */
async function seen(key: string): Promise<unknown> {
  return ask(servers[0]?.port ?? 0, "GET", key);
}

/** Whether a process runs. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(noRedis)("a server", () => {
  test("answers, and forgets everything when it is killed and started again", async () => {
    const server = await start();
    expect(await ask(server.port, "SET", "k", "é\r\n")).toBe("OK");
    expect(await ask(server.port, "MGET", "k", "none")).toEqual(["é\r\n", null]);
    const { pid } = server;
    await server.kill();
    expect(runs(pid)).toBe(false);
    await expect(ask(server.port, "PING")).rejects.toThrow("ECONNREFUSED");
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await ask(server.port, "GET", "k")).toBe(null);
  });

  test("keeps what it wrote to its file", async () => {
    const server = await start("--appendonly", "yes", "--appendfsync", "always");
    await ask(server.port, "SET", "k", "v");
    await server.restart();
    expect(await ask(server.port, "GET", "k")).toBe("v");
    const { folder } = server;
    expect(existsSync(folder)).toBe(true);
    await server.stop();
    expect(existsSync(folder)).toBe(false);
  });

  test("keeps silent while it is paused", async () => {
    const server = await start();
    server.pause();
    await expect(ask(server.port, "PING")).rejects.toThrow("silent");
    server.resume();
    expect(await ask(server.port, "PING")).toBe("PONG");
  });

  test("says why it does not start", async () => {
    await expect(startRedis({ args: ["--no-such-setting", "yes"] })).rejects.toThrow("no-such-setting");
  });

  test("ends with the process that started it, even if that one is killed, and its folder with it", async () => {
    const module = new URL("../support/redis-server.ts", import.meta.url);
    const program = `
      const { startRedis } = await import(${JSON.stringify(fileURLToPath(module))});
      const { pid, port, folder } = await startRedis();
      console.log(JSON.stringify({ pid, port, folder }));
      setInterval(() => {}, 1_000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
    const { pid, folder } = JSON.parse(line) as { pid: number; folder: string };
    expect(runs(pid)).toBe(true);
    parent.kill("SIGKILL");
    await expect.poll(() => runs(pid) || existsSync(folder), { timeout: 5_000 }).toBe(false);
  });
});

describe.skipIf(noRedis)("a proxy", () => {
  test("carries what is said, until it is cut, and again when it is mended", async () => {
    const { port, cut, mend } = await line();
    expect(await ask(port, "ECHO", "é".repeat(100_000))).toBe("é".repeat(100_000));
    const waiting = ask(port, "BLPOP", "list", "0");
    await expect.poll(() => ask(port, "INFO", "clients")).toMatch("blocked_clients:1");
    cut();
    await expect(waiting).rejects.toThrow("ECONNRESET");
    await expect(ask(port, "PING")).rejects.toThrow("ECONNRESET");
    mend();
    expect(await ask(port, "PING")).toBe("PONG");
  });

  test("is slow in the direction that it is told", async () => {
    const { port, delay, mend } = await line();
    delay(60, "to server");
    expect(await timeOf(port)).toBeGreaterThanOrEqual(59);
    delay(60, "to client");
    expect(await timeOf(port)).toBeGreaterThanOrEqual(119);
    mend();
    expect(await timeOf(port)).toBeLessThan(59);
  });

  test.each(["to server", "to client"] as const)("holds back what goes %s, and lets it go in order", async (way) => {
    const { port, hold, mend } = await line();
    const appended = async (text: string): Promise<unknown> => ask(port, "APPEND", "k", text);
    await appended("a");
    hold(way);
    const held = appended("b");
    if (way === "to client") await expect.poll(() => seen("k")).toBe("ab");
    expect(await Promise.race([held, seen("k")])).toBe(way === "to client" ? "ab" : "a");
    mend();
    expect(await held).toBe(2);
  });
});
