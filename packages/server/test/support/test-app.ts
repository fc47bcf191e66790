/** An app over a store that can be watched and broken, and a clock that can be moved. */
import type { Hono } from "hono";
import { createSessions, memoryStore, type Duration, type Store } from "sojourn";
import type { AppOptions } from "../../src/http/app-options.ts";
import { createService } from "../../src/http/app.ts";
import type { FastRoute } from "../../src/http/router.ts";

export interface TestApp {
  readonly app: Hono;
  readonly fastRoutes: readonly FastRoute[];
  readonly sessions: AppOptions["sessions"];
  /** The names of the store's calls so far. */
  readonly calls: string[];
  /** Makes each call of the store from now on do this instead; `undefined` mends it. */
  breakStore(fault: (() => never) | undefined): void;
  /** Moves the clock on. */
  advance(milliseconds: number): void;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

export interface TestAppOptions extends Partial<AppOptions> {
  readonly ttl?: Duration;
  /** @default one in memory */
  readonly store?: Store;
}

export function testApp({ ttl = 1_800_000, store: given = memoryStore(), ...options }: TestAppOptions = {}): TestApp {
  let now = Date.UTC(2030, 0, 1);
  let fault: (() => never) | undefined;
  const calls: string[] = [];
  const store = watched(given, (name) => {
    calls.push(name);
    fault?.();
  });
  const sessions = createSessions({
    store,
    ttl,
    // The default, at which an authentication extends: reads must not, whatever the manager does.
    clock: { now: () => now },
  });
  const { app, fastRoutes } = createService({ sessions, ...options });
  return {
    app,
    fastRoutes,
    sessions,
    calls,
    breakStore: (next) => {
      fault = next;
    },
    advance: (milliseconds) => {
      now += milliseconds;
    },
    get: async (path, headers = {}) => app.request(path, { headers }),
    post: async (path, body, headers = {}) =>
      app.request(path, {
        method: "POST",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      }),
  };
}

/** The real store, with something to do before each of its calls. */
export function watched<S extends Store>(store: S, before: (name: string) => void): S {
  return new Proxy(store, {
    get: (target, name, receiver) => {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== "function") return value;
      return (...args: readonly unknown[]) => {
        try {
          before(String(name));
        } catch (error) {
          // As the store itself would: what it promises fails later.
          if (store.mode === "async") return Promise.reject(error);
          throw error;
        }
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

/** What an answer says, for comparing it whole. */
export async function said(response: Response | Promise<Response>): Promise<string> {
  const { status } = await response;
  return `${status} ${await (await response).text()}`;
}
