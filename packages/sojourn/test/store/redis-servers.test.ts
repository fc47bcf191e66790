/** The servers that other tests start: they answer, they come back, and nothing is left of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { ask } from "./support/redis-ask.ts";
import { noRedis } from "./support/redis-binary.ts";
import { startRedis, type RedisServer } from "./support/redis-server.ts";

const servers: RedisServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(...args: readonly string[]): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
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
    const server = await start("--appendonly", "yes");
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
    const module = new URL("support/redis-server.ts", import.meta.url);
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
