/** A `redis-server` for the races, if the machine has one. It keeps nothing, and ends with them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer | undefined> {
  const port = await freePort();
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const isMissing = once(server, "error").then(() => true);
  const end = (): void => void server.kill();
  process.once("exit", end);
  const isReady = (async () => {
    for await (const line of createInterface(server.stdout)) if (line.includes("Ready to accept")) return false;
    return true;
  })();
  if (await Promise.race([isMissing, isReady])) return undefined;
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
