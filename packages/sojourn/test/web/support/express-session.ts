/** Sessions of express-session by hand: as a program writes them, and as a request gets them. */
import session, { type SessionData } from "express-session";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/index.ts";
import { SessionStore, type SessionStoreOptions } from "../../../src/web/express-session.ts";

/** Stores that answer at once, and one that answers later. */
export const stores: readonly { readonly name: string; readonly make: () => Store }[] = [
  { name: "memory", make: memoryStore },
  { name: "memory, answering later", make: () => asyncStore(memoryStore()) },
  { name: "sqlite", make: () => sqliteStore({ path: ":memory:" }) },
];

/** A `SessionStore` that an app has, on the machine's clock, which tests move. */
export function open(store: Store, options: Partial<SessionStoreOptions> = {}): SessionStore {
  const opened = new SessionStore({ store, clock: { now: () => Date.now() }, ...options });
  // As in an app: this gives the store its `generate`.
  session({ secret: "a secret", resave: false, saveUninitialized: false, store: opened });
  return opened;
}

/** A session as somebody writes it by hand. */
export function written(fields: Record<string, unknown> = {}, maxAge?: number): SessionData {
  const expires = maxAge === undefined ? undefined : new Date(Date.now() + maxAge);
  return { cookie: { originalMaxAge: maxAge ?? null, ...(expires && { expires }) }, ...fields };
}

export type Loaded = session.Session & SessionData & Record<string, unknown>;

/** A session object as a request gets it. */
export async function load(store: SessionStore, sid: string): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    store.load(sid, (error, loaded) => {
      if (loaded === undefined) reject((error as Error | undefined) ?? new Error(`There is no session ${sid}`));
      else resolve(loaded as Loaded);
    });
  });
}

/** A session object as a request without a cookie gets it. */
export function generate(store: SessionStore, sid: string): Loaded {
  const req = {} as Parameters<NonNullable<SessionStore["generate"]>>[0];
  session({ secret: "a secret", resave: false, saveUninitialized: false, store, genid: () => sid });
  store.generate?.(req);
  return req.session as Loaded;
}

/** What a callback is called with. */
export const called = async (call: (callback: (error: unknown, value?: unknown) => void) => void): Promise<unknown[]> =>
  new Promise((resolve) => {
    call((...given) => resolve(given));
  });
