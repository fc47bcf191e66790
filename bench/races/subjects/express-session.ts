/** express-session, with its own store, with connect-redis, and with the stores of this library. */
import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { RedisStore } from "connect-redis";
import express, { type Request } from "express";
import session, { MemoryStore, type Store } from "express-session";
import { createClient } from "redis";
import { SessionStore } from "sojourn/express-session";
import { redisStore } from "sojourn/redis";
import { heldWrites, type HeldWrites, type Routes, type Running, type Subject, type Visit } from "../subject.ts";
import { countedStore, heldStore, remoteStore, type HeldStore } from "./counted.ts";

const require = createRequire(import.meta.url);
/** Express 4 under its name as a development dependency; it has no types of its own. */
const express4 = require("express-4") as typeof express;

/** How many stores were opened on a server of Redis; each has keys of its own. */
let opened = 0;

/** A store for express-session, and what the races ask of it. */
interface Opened {
  readonly store: Store;
  readonly held?: HeldWrites;
  writes(): number;
  stored(): Promise<number>;
  close?(): Promise<void>;
}

/** express-session's own store, in memory. @param always its options `resave` and `saveUninitialized` */
export const withMemoryStore = (always: boolean): Subject =>
  subject(`express-session, MemoryStore${named(always)}`, always, () => openMemory(undefined));

/** The same store, reached over a network as it were. */
export const withRemoteMemoryStore = (): Subject =>
  subject("express-session, MemoryStore that answers later", false, () => openMemory(heldWrites()));

/** connect-redis on a server that runs. */
export const withConnectRedis = (url: string): Subject =>
  subject("express-session, connect-redis", false, () => openRedis(url));

/** Our store in memory behind express-session. @param always its options `resave` and `saveUninitialized` */
export const withSessionStore = (always: boolean): Subject =>
  subject(`express-session, SessionStore of sojourn${named(always)}`, always, () => {
    const { store, writes } = countedStore();
    return openOurs(new SessionStore({ store }), writes);
  });

/** The same store, reached over a network as it were. */
export const withRemoteSessionStore = (): Subject =>
  subject("express-session, SessionStore of sojourn that answers later", false, openRemote);

/** The same with Express 4. */
export const withExpress4 = (): Subject =>
  subject("express-session, SessionStore of sojourn that answers later, Express 4", false, openRemote, express4);

/** The same on a server of Redis that runs. */
export const withRedisStore = (url: string): Subject =>
  subject("express-session, SessionStore of sojourn on Redis", false, async () => {
    const client = createClient({ url });
    await client.connect();
    const store = await redisStore({ client, prefix: `race-${opened++}` });
    return { ...openHeld(heldStore(store)), close: async () => client.close() };
  });

const openRemote = (): Opened => openHeld(remoteStore());

function openHeld({ store, writes, held }: HeldStore): Opened {
  return { ...openOurs(new SessionStore({ store }), writes), held };
}

const named = (always: boolean): string => (always ? ", defaults" : "");

function openOurs(store: SessionStore, writes: () => number): Opened {
  return { store, writes, stored: async () => store.length() };
}

function openMemory(held: HeldWrites | undefined): Opened {
  const store = new MemoryStore();
  const save = store.set.bind(store);
  if (held !== undefined) {
    store.set = (sid, data, callback) => {
      const json = JSON.parse(JSON.stringify(data)) as typeof data;
      void held.pass().then(() => save(sid, json, callback));
    };
  }
  const stored = async (): Promise<number> =>
    new Promise((resolve, reject) => {
      store.length((error, length) => (error ? reject(error) : resolve(length ?? 0)));
    });
  return { store, writes: counted(store), stored, ...(held && { held }) };
}

async function openRedis(url: string): Promise<Opened> {
  const client = createClient({ url });
  await client.connect();
  const held = heldWrites();
  const set = client.set.bind(client);
  Object.assign(client, {
    set: async (...given: Parameters<typeof set>) => {
      await held.pass();
      return set(...given);
    },
  });
  const store = new RedisStore({ client, prefix: `race-${opened++}:` });
  return {
    store,
    held,
    writes: counted(store),
    stored: async () => (await store.length()) as number,
    close: async () => client.close(),
  };
}

/** Counts the calls that write. */
function counted(store: Store): () => number {
  let writes = 0;
  const { set, touch } = store;
  store.set = (...given) => (writes++, set.apply(store, given));
  if (touch !== undefined) store.touch = (...given) => (writes++, touch.apply(store, given));
  return () => writes;
}

function subject(
  name: string,
  always: boolean,
  open: () => Opened | Promise<Opened>,
  framework: typeof express = express,
): Subject {
  return { name, start: async (routes) => start(framework(), routes, always, await open()) };
}

async function start(app: express.Express, routes: Routes, always: boolean, opened: Opened): Promise<Running> {
  const { store, held, writes, stored, close } = opened;
  app.use(session({ secret: "a secret of the races", resave: always, saveUninitialized: always, store }));
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, (req, res, next) => {
      void Promise.resolve(route(visitOf(req))).then((answer) => {
        if (typeof answer === "string") res.send(answer);
        else res.redirect(answer.redirect);
        return undefined;
      }, next);
    });
  }
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    writes,
    stored,
    ...(held && { held }),
    async close() {
      server.close();
      await once(server, "close");
      await close?.();
    },
  };
}

function visitOf(req: Request): Visit {
  return {
    get: (name) => (req.session as unknown as Record<string, unknown>)[name],
    set: (name, value) => void Object.assign(req.session, { [name]: value }),
    destroy: async () =>
      new Promise((resolve, reject) => {
        req.session.destroy((error: unknown) => (error ? reject(error) : resolve()));
      }),
  };
}
