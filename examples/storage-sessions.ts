/**
 * Session storage with `storage.kv`, served by node:http. Run it with `node examples/storage-sessions.ts` after
 * `npm run build`; with a file, such as `node examples/storage-sessions.ts ./sessions.db`, it is kept in SQLite.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { memoryStore } from "sojourn";
import { storage } from "sojourn/kv";
import { sqliteStore } from "sojourn/sqlite";
import { manualClock } from "sojourn/testing";
import { backend, sessionRoutes } from "./storage-app.ts";

const [, , path] = process.argv;
const store = path === undefined ? memoryStore() : sqliteStore({ path });

// A clock that we can move, to see time pass. An application leaves this out.
const clock = manualClock();
const sessionsStore = storage.kv({
  name: "user-sessions",
  namespace: "auth",
  ttlSeconds: 86_400, // Sessions expire after 24 hours unless a put says otherwise.
  store,
  clock,
});

const app = backend();
sessionRoutes(app, sessionsStore);

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = "GET", url = "/", headers } = incoming;
  const authorization = headers.authorization === undefined ? {} : { authorization: headers.authorization };
  const body = method === "GET" ? null : await text(incoming);
  const request = new Request(new URL(url, "http://localhost"), { method, headers: authorization, body });
  const response = await app.fetch(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(await response.text());
}

const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function login(rememberMe: boolean): Promise<string> {
  const body = JSON.stringify({ email: "ann@example.org", rememberMe });
  const response = await fetch(`${origin}/api/auth/login`, { method: "POST", body });
  const { status, token } = (await response.json()) as { status: string; token: string };
  console.log(`login${rememberMe ? ", remember me" : ""}: ${status}`);
  return token;
}

async function profile(whose: string, token: string): Promise<void> {
  const response = await fetch(`${origin}/api/profile`, { headers: { authorization: `Bearer ${token}` } });
  console.log(`${whose}: ${response.status} ${await response.text()}`);
}

const short = await login(false);
const long = await login(true);
await profile("short", short);

clock.advance("24h");
await profile("short, a day later", short);
await profile("long, a day later", long);

const keys = (await sessionsStore.list({ prefix: "session:" })).keys;
console.log("sessions:", keys.length, "the first ends:", new Date(keys[0]?.expiresAt ?? 0).toISOString());

await fetch(`${origin}/api/auth/logout`, { method: "POST", headers: { authorization: `Bearer ${long}` } });
await profile("long, logged out", long);

server.close();
store.close();
