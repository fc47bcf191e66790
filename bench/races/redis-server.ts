/** A `redis-server` for the races, if the machine has one. It keeps nothing, and ends with them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** The programs that can be the server; the first one that the machine has is it. */
const PROGRAMS = ["redis-server", "valkey-server"];

/** Starts a server on a free port of loopback; `undefined` if the machine has none. */
export async function startRedis(): Promise<RedisServer | undefined> {
  for (const program of PROGRAMS) {
    const server = await start(program, await freePort());
    if (server !== undefined) return server;
  }
  return undefined;
}

async function start(program: string, port: number): Promise<RedisServer | undefined> {
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = spawn(program, settings, { stdio: ["ignore", "pipe", "ignore"] });
  const isMissing = once(server, "error").then(() => true);
  const end = (): void => void server.kill();
  process.once("exit", end);
  const hasEnded = (async () => {
    for await (const line of createInterface(server.stdout)) if (line.includes("Ready to accept")) return false;
    return true;
  })();
  if (await Promise.race([isMissing, hasEnded])) return undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.removeListener("exit", end);
      server.kill();
      await once(server, "exit");
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
