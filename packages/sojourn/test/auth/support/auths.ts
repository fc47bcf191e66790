/** Every call is tested on synchronous and on asynchronous stores: the same test awaits both. */
import type { AuthOptions } from "../../../src/auth/auth-options.ts";
import { createAuth, type Auth } from "../../../src/auth/create-auth.ts";
import type { Session } from "../../../src/auth/session.ts";
import type { TokenPair } from "../../../src/auth/token-calls.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { manualClock, type ManualClock } from "../../../src/time/manual-clock.ts";
import { modes as memoryModes } from "../../sessions/support/managers.ts";

/** In memory, synchronous and asynchronous, and in SQLite. */
export const modes: readonly (readonly [name: string, open: () => Store])[] = [
  ...memoryModes,
  ["SQLite", () => sqliteStore({ path: ":memory:" })],
];

/** Long and random enough for HS256. */
export const SECRET = "q0kZyQ4uT2mV8rJx6bWc1nLh7dGf5sPa";

export interface Opened {
  readonly auth: Auth<Mode>;
  readonly clock: ManualClock;
  readonly store: Store;
  /** The ends that were reported, as `id reason`, in order. */
  readonly ends: string[];
}

export type Open = (options?: Partial<AuthOptions<Mode>>) => Opened;

/** A `createAuth` on a store, with a clock that stands still and a record of every end. */
export function openAuth(open: () => Store, options: Partial<AuthOptions<Mode>> = {}): Opened {
  const clock = manualClock();
  const store = options.store ?? open();
  const signing = options.keys === undefined ? { jwtSecret: SECRET } : {};
  const auth = createAuth({ clock, ...signing, ...options, store } as AuthOptions<Mode> & { store: Store });
  const ends: string[] = [];
  auth.sessions.on("ended", ({ session, reason }) => ends.push(`${session.id} ${reason}`));
  return { auth, clock, store, ends };
}

/** The handle in a token: all but its secret. */
export function handleOf(token: string): string {
  return token.slice(0, -43);
}

/** A user who has logged in, with a pair. */
export async function loggedIn(
  open: () => Store,
  options?: Partial<AuthOptions<Mode>>,
): Promise<Opened & { readonly session: Session; readonly pair: TokenPair }> {
  const opened = openAuth(open, options);
  const session = await opened.auth.createSession("user-42", { role: "admin" });
  const pair = await opened.auth.signToken(session);
  if (pair === null) throw new Error("The session should live");
  return { ...opened, session, pair };
}
