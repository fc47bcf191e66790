/** cookieSessions on a store whose calls are counted, and a browser that keeps one cookie. */
import { DatabaseSync } from "node:sqlite";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../../src/sessions/options.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { manualClock, type ManualClock } from "../../../src/time/manual-clock.ts";
import {
  cookieSessions,
  type CookieSessions,
  type CookieSessionsOptions,
  type RequestSession,
} from "../../../src/web/cookies/index.ts";

export interface Data {
  readonly [name: string]: unknown;
}

export const KEY = "the first key of the tests, 32 bytes or more";
export const OLD_KEY = "an older key of the tests, 32 bytes or more";

export const stores: readonly (readonly [name: string, open: () => Store])[] = [
  ["memory", () => memoryStore()],
  ["SQLite", () => sqliteStore({ database: new DatabaseSync(":memory:") })],
  ["an asynchronous store", () => asyncStore(memoryStore())],
];

export interface Setup {
  readonly web: CookieSessions<Data>;
  readonly sessions: Sessions<Data, Mode>;
  readonly clock: ManualClock;
  /** The names of the store's calls, in order. */
  readonly calls: string[];
  /** The ends that were reported. */
  readonly ends: string[];
  /** The same sessions, with other options: another deployment of the application. */
  again(options: Partial<CookieSessionsOptions<Data, Mode>>): CookieSessions<Data>;
}

export interface SetupOptions extends Partial<Omit<CookieSessionsOptions<Data, Mode>, "sessions">> {
  readonly store?: Store;
  readonly manager?: Partial<Omit<SessionsOptions<Data, Mode>, "store">>;
}

export function setUp({ store = memoryStore(), manager = {}, ...options }: SetupOptions = {}): Setup {
  const clock = manualClock();
  const calls: string[] = [];
  const sessions = createSessions<Data>({ clock, ...manager, store: counted(store, calls) });
  const ends: string[] = [];
  sessions.on("ended", ({ session, reason }) => ends.push(`${session.id} ${reason}`));
  const again: Setup["again"] = (more) => cookieSessions<Data, Mode>({ sessions, keys: [KEY], ...options, ...more });
  return { web: again({}), sessions, clock, calls, ends, again };
}

/** The store, with each call's name noted. */
export function counted(store: Store, calls: string[]): Store {
  const names = ["get", "put", "delete", "list", "touch", "listByOwner", "revokeOwner", "count", "sweep"] as const;
  const wrapped = names.map((name) => [
    name,
    (...given: readonly unknown[]) => {
      calls.push(name);
      return (store[name] as (...given: readonly unknown[]) => unknown)(...given);
    },
  ]);
  return { ...store, ...(Object.fromEntries(wrapped) as Partial<Store>) };
}

/** Calls that change something. */
export const writes = (calls: readonly string[]): readonly string[] =>
  calls.filter((name) => name !== "get" && name !== "count" && !name.startsWith("list"));

export interface Visit {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
}

export interface Visited {
  readonly session: RequestSession<Data>;
  readonly headers: Headers;
  /** The `Set-Cookie` lines. */
  readonly cookies: readonly string[];
  readonly kept: boolean;
}

/** A browser on one host. */
export interface Visitor {
  /** The `Cookie` header that it sends. */
  cookie: string | undefined;
  visit(handle?: (session: RequestSession<Data>) => unknown, options?: Visit): Promise<Visited>;
}

export function visitor(web: CookieSessions<Data>, cookie?: string): Visitor {
  const self: Visitor = {
    cookie,
    async visit(handle, { url = "https://app.test/", method = "GET", headers = {}, status = 200 } = {}) {
      const sent = self.cookie === undefined ? headers : { cookie: self.cookie, ...headers };
      const session = await web.start(new Request(url, { method, headers: sent }));
      await handle?.(session);
      const answer = new Headers();
      const kept = await session.commit(answer, { status });
      const cookies = answer.getSetCookie();
      for (const line of cookies) self.cookie = keptOf(line);
      return { session, headers: answer, cookies, kept };
    },
  };
  return self;
}

/** What a browser sends after a `Set-Cookie` line: the pair, or nothing if it deletes it. */
export function keptOf(line: string): string | undefined {
  return /;\s*Max-Age=0(;|$)/i.test(line) ? undefined : line.split(";")[0];
}

/** The token in a cookie pair or a credential: for tests that look behind the signature. */
export function tokenIn(credential: string): string {
  return /sess_[\w-]+/.exec(credential)?.[0] ?? "";
}
