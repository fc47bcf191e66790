/** What the parts of one `nextSessions` share. */
import type { Mode } from "../../store/reply.ts";
import type { CookieSessions, StartOptions } from "../cookies/cookie-sessions.ts";
import { NO_HEADERS, type CommitTarget, type HeaderReader } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import type { OnError } from "../fetch/exchange.ts";

export interface NextContext<Data, M extends Mode> {
  /** The carrier of sessions, made when it is first needed. */
  readonly open: () => Promise<CookieSessions<Data, M>>;
  readonly onError: OnError;
  readonly address: ((headers: HeaderReader) => string | undefined) | undefined;
}

/** The options of a request's `start`. */
export function startOptions(
  { address }: Pick<NextContext<never, Mode>, "address">,
  headers: HeaderReader,
  given: StartOptions = {},
): StartOptions {
  return address === undefined ? given : { ...given, address: () => address(headers) };
}

/** Commits; if that fails, a session that has begun ends, since its client will not hear of it. */
export async function commitTo<Data, M extends Mode>(
  session: RequestSession<Data, M>,
  target: CommitTarget,
  status: number,
): Promise<void> {
  try {
    await session.commit(target, { status });
  } catch (error) {
    await session.commit(NO_HEADERS, { status: 500 });
    throw error;
  }
}
