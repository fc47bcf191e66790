/** A service that proxies ask, and a login service that signs cookies with the same keys, on one store and one clock. */
import { createSessions, memoryStore, StoreError } from "sojourn";
import { cookieSessions, type CookieSessions } from "sojourn/cookies";
import { manualClock, type ManualClock } from "sojourn/testing";
import { createService } from "../../src/http/app.ts";
import type { Service } from "../../src/http/router.ts";
import { watched } from "./test-app.ts";

export const KEYS = ["only for tests: a key that has 32 bytes or more"] as const;
export const COOKIE = "__Host-session";

export interface VerifyBench {
  readonly service: Service;
  readonly web: CookieSessions<Record<string, unknown>, "sync">;
  readonly clock: ManualClock;
  /** From now on the store fails, or answers again. */
  setDown(isDown: boolean): void;
  /** A login: what the browser sends from then on as `Cookie`. */
  login(userId: string | null, data?: Record<string, unknown>): Promise<string>;
}

export function verifyBench(fields: readonly string[] = []): VerifyBench {
  const clock = manualClock();
  let isDown = false;
  const store = watched(memoryStore(), () => {
    if (isDown) throw new StoreError("store_unavailable", "down");
  });
  const sessions = createSessions({ store, clock, ttl: "30m" });
  const web = cookieSessions({ sessions, keys: KEYS, bearer: true });
  return {
    service: createService({ sessions, verify: { web, fields } }),
    web,
    clock,
    setDown: (now) => {
      isDown = now;
    },
    login: async (userId, data) => {
      const session = web.start({ headers: {} });
      session.login(userId, data);
      const headers = new Headers();
      session.commit(headers);
      return cookieIn(headers);
    },
  };
}

/** What a browser sends after an answer that sets a cookie. */
export function cookieIn(headers: Headers): string {
  return (headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
}
