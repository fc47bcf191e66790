/**
 * What a session costs over HTTP, without the sockets: `npm run --silent build && node bench/http-without-sockets.ts`.
 *
 * The same three requests as in `http.ts`, to Node's own server over a stream in the process, in turns of milliseconds. The
 * system calls for an answer, which are about half of all and alike for the three, are left out; and what else the machine
 * does is not in the time of the thread. So the difference between two routes is exact here, and the ratio is larger.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { createSessions, memoryStore, type Store } from "sojourn";
import { createApp } from "sojourn-server";
import { sqliteStore } from "sojourn/sqlite";
import { createService } from "../packages/server/dist/http/app.js";
import type { FastRoute } from "../packages/server/dist/http/router.js";
import { connectionsOf } from "../packages/server/dist/node/connections.js";
import { fastListener } from "../packages/server/dist/node/fast-routes.js";
import { ensure, report, times, type Row } from "./measure.ts";

const TURNS = 400;
const TURNS_BEFORE = 40;
const REQUESTS = 300;
const TOKEN = "a-token-of-the-caller";
const nothing = (): void => {};
const log = { info: nothing, warn: nothing, error: nothing };

/** A server as `listen` makes it, but for listening. */
function serverOf(fetch: (request: Request) => Response | Promise<Response>, routes: readonly FastRoute[]): Server {
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 65_000 });
  const connections = connectionsOf(server);
  const answerFast = fastListener(routes, log);
  const respond = getRequestListener(fetch);
  server.on("request", (incoming, outgoing) => {
    if (!connections.begin(incoming, outgoing) || answerFast(incoming, outgoing)) return;
    void respond(incoming, outgoing);
  });
  return server;
}

/** A client on a connection that is a stream: asks, and asks again when it has an answer. */
function clientOf(server: Server, path: string): (requests: number) => Promise<string> {
  let answered: (answer: string) => void = nothing;
  const stream = new Duplex({
    read: nothing,
    write: (chunk: Buffer, _encoding, done) => {
      done();
      answered(chunk.toString());
    },
  });
  // What Node's server asks of a socket.
  server.emit("connection", Object.assign(stream, { setTimeout: () => stream, setNoDelay: () => stream }));
  const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost:8787\r\nConnection: keep-alive\r\n\r\n`);
  return async (requests) => {
    let last = "";
    for (let request = 0; request < requests; request++) {
      const answer = new Promise<string>((resolve) => (answered = resolve));
      stream.push(bytes);
      last = await answer;
    }
    return last;
  };
}

async function measure(name: string, store: Store, aim: string): Promise<readonly Row[]> {
  const sessions = createSessions({ store, refreshThreshold: 0 });
  for (let n = 0; n < 10_000; n++) await sessions.create(`user-${n}`);
  await sessions.create("u_42", {}, { token: TOKEN });
  const { app, fastRoutes } = createService({ sessions });
  const headers = Object.fromEntries(
    (await createApp({ sessions }).request(`http://localhost/sessions/${TOKEN}`)).headers,
  );
  app.get("/empty/:token", () => new Response('"u_42"', { headers }));
  const fetch = (request: Request): Response | Promise<Response> => app.fetch(request);
  const clients = {
    empty: clientOf(serverOf(fetch, []), `/empty/${TOKEN}`),
    ours: clientOf(serverOf(fetch, fastRoutes), `/sessions/${TOKEN}`),
    hono: clientOf(serverOf(fetch, []), `/sessions/${TOKEN}`),
  };
  const spent = { empty: 0, ours: 0, hono: 0 };
  for (let turn = 0; turn < TURNS + TURNS_BEFORE; turn++) {
    for (const who of ["empty", "ours", "hono"] as const) {
      const start = process.threadCpuUsage();
      const answer = await clients[who](REQUESTS);
      const { user, system } = process.threadCpuUsage(start);
      ensure(/^HTTP\/1\.1 200 OK\r\n[^]*"u_42"$/.test(answer), `${who} answers the user`);
      if (turn >= TURNS_BEFORE) spent[who] += (user + system) / (TURNS * REQUESTS);
    }
  }
  await store.close();
  const row = (who: "ours" | "hono", what: string, rowAim: string): Row => ({
    what,
    ours: `${spent[who].toFixed(2)} µs`,
    against: `an empty route: ${spent.empty.toFixed(2)} µs`,
    ratio: times(spent.empty / spent[who]),
    aim: rowAim,
  });
  return [row("ours", `GET /sessions/:token, ${name}`, aim), row("hono", "… through Hono", "–")];
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const file = sqliteStore({ path: join(folder, "sojourn.db"), commit: "grouped" });
report("HTTP, without the sockets", [
  ...(await measure("memory", memoryStore(), "at least 1.0")),
  ...(await measure("SQLite", file, "at least 0.8")),
]);
rmSync(folder, { recursive: true });
process.exit();
