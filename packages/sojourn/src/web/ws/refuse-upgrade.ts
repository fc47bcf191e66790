/** The answer on a raw socket to an upgrade that is refused: there is no response of Node's to write it with. */
import { SojournError, TooManyAttemptsError } from "../../errors.ts";

import { SessionEndedError } from "../../sessions/ends/session-end.ts";

/** What of a `Duplex` of Node is used. */
export interface UpgradeSocket {
  readonly destroyed: boolean;
  on(event: "error", listener: () => void): unknown;
  once(event: "close" | "finish", listener: () => void): unknown;
  removeListener(event: "error", listener: () => void): unknown;
  end(text: string): unknown;
  destroy(): unknown;
}

/** Why a connection was not let in, and what it is answered: `new Response(refusal.body, refusal)`. */
export interface Refusal {
  /**
   * The HTTP status: 401 without a live session, 403 for a page of another origin, 429 from the guard, 503 if the store
   * cannot tell.
   */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What was thrown; `undefined` where there is just no live session. */
  readonly error: unknown;
}

const TEXTS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

/** @param error what was thrown; `undefined` if there is no live session */
export function refusalOf(error: unknown): Refusal {
  const fault = error instanceof SojournError ? error : undefined;
  const isLost = fault instanceof SessionEndedError && fault.reason === "lost";
  const status = error === undefined ? 401 : isLost ? 503 : (fault?.status ?? 500);
  const retryAfter = fault instanceof TooManyAttemptsError ? fault.retryAfter : undefined;
  return Object.freeze({
    status,
    headers: {
      "Cache-Control": "no-store",
      "Content-Type": "text/plain; charset=utf-8",
      ...(retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) }),
    },
    body: `${fault?.expose === true && !isLost ? fault.message : textOf(status)}\n`,
    error,
  });
}

const textOf = (status: number): string => TEXTS[status] ?? "Internal Server Error";

/** Answers, and closes the socket. */
export function refuseUpgrade(socket: UpgradeSocket, { status, headers, body }: Refusal): void {
  if (socket.destroyed) return;
  const all = { Connection: "close", "Content-Length": String(new TextEncoder().encode(body).length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  // Not before the answer is written; a client that keeps its side open must not keep ours.
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${textOf(status)}\r\n${lines.join("")}\r\n${body}`);
}
