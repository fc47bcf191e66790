/**
 * Two workers behind one Redis: whichever serves a request knows the session, and a logout on one holds on the other.
 *
 * Run it with `node examples/redis-two-workers.ts redis://127.0.0.1:6379` after `npm run build`.
 */
import cluster from "node:cluster";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "redis";
import { createSessions, nearCache } from "sojourn";
import { sessionMiddleware } from "sojourn/express";
import { redisStore } from "sojourn/redis";

const url = process.argv[2] ?? "redis://127.0.0.1:6379";
await (cluster.isPrimary ? main() : work());

/** A worker, on a port of its own, so that the one to ask can be chosen. */
async function work(): Promise<void> {
  const client = await createClient({ url }).connect();
  // Repeated reads are answered from memory, and no longer than 200 ms after a logout elsewhere: it waits for that.
  const sessions = createSessions({
    store: nearCache(await redisStore({ client, prefix: "two-workers" })),
    ttl: "30m",
  });
  const keys = ["a key that everybody knows, for this example only"];
  const session = sessionMiddleware({ sessions, keys, development: true });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const own = session.of(request);
    try {
      if (request.url === "/login") await own.login("ann");
      if (request.url === "/logout") await own.logout();
      response.end(own.userId ?? "nobody");
    } catch {
      response.writeHead(503).end();
    }
  }
  const server = createServer((request, response) =>
    session(request, response, (error) => {
      if (error === undefined) void answer(request, response);
      else response.writeHead(503).end();
    }),
  );
  await once(server.listen({ port: 0, host: "127.0.0.1", exclusive: true }), "listening");
  process.send?.((server.address() as AddressInfo).port);
}

/** Logs in on the first worker, and asks both. */
async function main(): Promise<void> {
  const workers = [cluster.fork(), cluster.fork()];
  const ports = await Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0] as number));
  let cookie = "";
  async function ask(worker: 0 | 1, path: string): Promise<void> {
    const response = await fetch(`http://localhost:${ports[worker]}${path}`, { headers: { cookie } });
    console.log(`worker ${worker + 1}, ${path}: ${await response.text()}`);
    // A browser would also forget it when it is told to; this one keeps on sending it.
    if (path === "/login") cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  }
  await ask(1, "/profile");
  await ask(0, "/login");
  await ask(1, "/profile");
  await ask(0, "/profile");
  await ask(1, "/logout");
  await ask(0, "/profile");
  await ask(1, "/profile");
  for (const worker of workers) worker.kill();
}
