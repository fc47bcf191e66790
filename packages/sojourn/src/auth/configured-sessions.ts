/** The session calls with a configuration that can change while they are in use. */
import { createSessions } from "../sessions/create-sessions.ts";
import { show } from "../show.ts";
import type { Store } from "../store/store.ts";
import { systemClock, type Clock } from "../time/clock.ts";
import { defaultAbsoluteTtl, parseSeconds } from "./seconds.ts";
import type { SessionData, SessionFields } from "./session.ts";
import { sessionCalls, type SessionCalls } from "./session-calls.ts";

/** What `setSessionConfig` can set. */
export interface SessionConfig {
  /**
   * How long a session lives unless it is extended, in seconds. A change counts for sessions that are created
   * afterwards; one that exists keeps the ttl that it was created with, also when it is refreshed. @default 3600
   */
  readonly ttl: number;
  /**
   * `getSession` extends a session that would expire in fewer than so many seconds; 0 never does. A change counts at
   * once, for every session. @default 300
   */
  readonly refreshThreshold: number;
  /** The name of the cookie, for whoever sets it: these functions set none. @default "session_id" */
  readonly cookieName: string;
  /** Whether the cookie is for HTTPS only. @default true */
  readonly secure: boolean;
  /** When the cookie goes with requests from other sites. `"None"` needs `secure`. @default "Lax" */
  readonly sameSite: "Strict" | "Lax" | "None";
}

/** Fields to change; one that is `undefined` stays. */
export type SessionConfigChanges = { readonly [Name in keyof SessionConfig]?: SessionConfig[Name] | undefined };

const DEFAULT_SESSION_CONFIG: SessionConfig = Object.freeze({
  ttl: 3_600,
  refreshThreshold: 300,
  cookieName: "session_id",
  secure: true,
  sameSite: "Lax",
});

/** The session calls, and their configuration. */
export interface ConfiguredSessions extends SessionCalls<"sync"> {
  setSessionConfig(changes: SessionConfigChanges): void;
  getSessionConfig(): SessionConfig;
}

/**
 * The session calls over one manager. The configuration is looked at in each call, so that the manager, and with it
 * what it knows of logouts in flight, stays the same.
 *
 * @param options.store by default in memory
 */
export function configuredSessions(
  options: { readonly store?: Store<"sync">; readonly clock?: Clock } = {},
): ConfiguredSessions {
  const { clock = systemClock } = options;
  let config = DEFAULT_SESSION_CONFIG;
  const sessions = createSessions<SessionData>({ ...options, refreshThreshold: 0 });
  const calls = sessionCalls<"sync", SessionFields>(sessions, {
    authenticate(token) {
      const session = sessions.authenticate(token, { extend: false });
      const due = session !== undefined && session.expiresAt - clock.now() < config.refreshThreshold * 1_000;
      return due ? sessions.refresh(session.id) : session;
    },
    lifetimes() {
      const ttl = Math.round(config.ttl * 1_000);
      return { ttl: `${ttl}ms`, absoluteTtl: `${defaultAbsoluteTtl(ttl)}ms` };
    },
  });
  return {
    ...calls,
    setSessionConfig(changes) {
      config = changedConfig(config, changes);
    },
    getSessionConfig: () => config,
  };
}

/** A cookie's name is a token of RFC 9110, 5.6.2 (RFC 6265bis, 4.1.1). */
const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]{1,256}$/;

/**
 * A configuration with some fields changed; a field that is `undefined` stays.
 *
 * @throws TypeError for a field that is unknown, or not what it should be
 */
function changedConfig(config: SessionConfig, changes: SessionConfigChanges): SessionConfig {
  if (typeof changes !== "object" || changes === null) {
    throw new TypeError(`Expected the session configuration to be an object, got ${show(changes)}`);
  }
  for (const name of Object.keys(changes)) {
    if (!Object.hasOwn(DEFAULT_SESSION_CONFIG, name)) {
      throw new TypeError(
        `Expected one of ${Object.keys(DEFAULT_SESSION_CONFIG).join(", ")} in the session configuration, got ${show(name)}`,
      );
    }
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const next: SessionConfig = { ...config, ...(given as Partial<SessionConfig>) };
  checkConfig(next);
  return Object.freeze(next);
}

function checkConfig({ ttl, refreshThreshold, cookieName, secure, sameSite }: SessionConfig): void {
  parseSeconds(ttl, "ttl");
  parseSeconds(refreshThreshold, "refreshThreshold", { zero: true });
  if (typeof cookieName !== "string" || !COOKIE_NAME.test(cookieName)) {
    throw new TypeError(
      `Expected \`cookieName\` to be letters, digits and !#$%&'*+-.^_\`|~, at most 256, got ${show(cookieName)}`,
    );
  }
  if (typeof secure !== "boolean") throw new TypeError(`Expected \`secure\` to be true or false, got ${show(secure)}`);
  if (sameSite !== "Strict" && sameSite !== "Lax" && sameSite !== "None") {
    throw new TypeError(`Expected \`sameSite\` to be "Strict", "Lax" or "None", got ${show(sameSite)}`);
  }
  if (sameSite === "None" && !secure) {
    throw new TypeError('Expected `secure` to be true with `sameSite: "None"`: browsers refuse such a cookie');
  }
}
