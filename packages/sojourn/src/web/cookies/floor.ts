/** What the requests of one `cookieSessions` share. */
import type { Sessions } from "../../sessions/sessions.ts";
import type { Mode, Replies, Reply } from "../../store/reply.ts";
import type { CrossSiteCheck } from "./cross-site.ts";
import type { HeaderChanges } from "./response-headers.ts";

export interface Floor<Data, M extends Mode> {
  readonly sessions: Sessions<Data, M>;
  readonly mode: M;
  readonly steps: Replies<M>;
  readonly now: () => number;
  readonly crossSite: CrossSiteCheck | undefined;
  /** The request headers that an answer depends on. */
  readonly vary: readonly string[];
  /** The headers of an answer that depends on a session, and changes nothing of it. */
  readonly seen: HeaderChanges;
  readonly clearSiteData: string | undefined;
}

/** Makes a reply, whose faults come as it does: thrown, or as a rejection. */
export function answer<M extends Mode, T>(mode: M, make: () => Reply<M, T>): Reply<M, T> {
  if (mode === "sync") return make();
  try {
    return make();
  } catch (error) {
    return Promise.reject(error) as Reply<M, T>;
  }
}

/** Makes a reply, and another one from what it throws, or rejects with. */
export function recover<M extends Mode, T>(
  mode: M,
  make: () => Reply<M, T>,
  instead: (error: unknown) => Reply<M, T>,
): Reply<M, T> {
  if (mode === "sync") {
    try {
      return make();
    } catch (error) {
      return instead(error);
    }
  }
  return recoverLater(make as () => Promise<T>, instead as (error: unknown) => Promise<T>) as Reply<M, T>;
}

async function recoverLater<T>(make: () => Promise<T>, instead: (error: unknown) => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    return instead(error);
  }
}
