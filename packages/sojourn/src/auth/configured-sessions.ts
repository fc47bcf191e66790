/** The session calls with a configuration that can change while they are in use. */
import { createSessions } from "../sessions/create-sessions.ts";
import type { Store } from "../store/store.ts";
import { systemClock, type Clock } from "../time/clock.ts";
import { defaultAbsoluteTtl } from "./lifetimes.ts";
import type { SessionData, SessionFields } from "./session.ts";
import { sessionCalls, type SessionCalls } from "./session-calls.ts";
import {
  changedConfig,
  DEFAULT_SESSION_CONFIG,
  type SessionConfig,
  type SessionConfigChanges,
} from "./session-config.ts";

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
      return { ttl, absoluteTtl: defaultAbsoluteTtl(ttl) };
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
