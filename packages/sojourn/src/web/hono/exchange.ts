/** A request and its answer as an app of Hono has them, on Node and elsewhere. */
import { HTTPException } from "hono/http-exception";
import { SojournError, TooManyAttemptsError } from "../../errors.ts";
import type { IncomingRequest } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { canSetLater, setHeadersLater } from "../node/late-headers.ts";
import type { MiddlewareResponse } from "../node/server-response.ts";

/**
 * On Node the headers that the server has parsed are there already; a `Headers` would have to be made of them first. They
 * are used for the very request that the server made from them, and not for one that a handler made and sent on with the
 * same environment. The server keeps what a request was made from under a symbol of its own, which is found once.
 */
export function requestReader(): (request: Request, env: unknown) => IncomingRequest {
  let madeFrom: symbol | undefined;
  return (request, env) => {
    const raw = request as Request & { readonly [key: symbol]: unknown };
    const { incoming } = (env ?? {}) as { readonly incoming?: IncomingRequest };
    if (typeof incoming?.headers !== "object") return raw;
    madeFrom ??= Object.getOwnPropertySymbols(raw).find((key) => raw[key] === incoming);
    return madeFrom !== undefined && raw[madeFrom] === incoming ? incoming : raw;
  };
}

/** The response of Node's that a request is answered with; `undefined` elsewhere, and for an upgrade. */
export const outgoing = (env: unknown): MiddlewareResponse | undefined =>
  (env as { readonly outgoing?: MiddlewareResponse } | undefined)?.outgoing;

/**
 * Commits what is unchanged, which writes nothing and is done when it returns, and lets its headers wait for the head of
 * the answer. `false` if they cannot wait.
 */
export function commitLater(
  session: RequestSession<unknown>,
  response: MiddlewareResponse | undefined,
  status: number,
): boolean {
  if (!canSetLater(response)) return false;
  let isNeeded = false;
  const need = (): void => void (isNeeded = true);
  void session.commit({ get: () => null, set: need, append: need }, { status });
  if (isNeeded) setHeadersLater(response, session);
  return true;
}

/** A refusal as Hono has it; what is none, as it is. */
export function refusal(error: unknown): unknown {
  if (!(error instanceof SojournError)) return error;
  const headers: Record<string, string> = { "Cache-Control": "no-store" };
  if (error instanceof TooManyAttemptsError && error.retryAfter !== undefined) {
    headers["Retry-After"] = String(error.retryAfter);
  }
  const status = error.status as 503;
  const res = new Response(error.message, { status, headers });
  return new HTTPException(status, { res, message: error.message, cause: error });
}
