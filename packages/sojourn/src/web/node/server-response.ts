/** What of a `ServerResponse` of Node the middleware uses, and how it is read and reset. */
import type { NodeResponse } from "../cookies/http-messages.ts";

/** A response as Express and node:http have it, over HTTP/1 or HTTP/2. Any list of arguments is passed on as it came. */
export interface MiddlewareResponse extends NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  removeHeader(name: string): void;
  writeHead(...args: never[]): unknown;
  write(...args: never[]): unknown;
  end(...args: never[]): unknown;
  flushHeaders?(...args: never[]): unknown;
  emit(event: "drain"): unknown;
  destroy(error?: Error): unknown;
}

/** A method of a response, of arguments that we need not understand. */
export type Method = (...args: unknown[]) => unknown;

type HeaderValue = string | readonly string[];

/**
 * Does what `writeHead` is told, but for sending: `(status, reason?, headers?)`. Headers that came with it would replace
 * those that a commit appends, so they are set first.
 */
export function setHead(response: MiddlewareResponse, args: readonly unknown[]): void {
  const [status, second, third] = args;
  response.statusCode = status as number;
  if (typeof second === "string") (response as { statusMessage?: string }).statusMessage = second;
  const headers = typeof second === "string" ? third : (second ?? third);
  if (Array.isArray(headers)) {
    for (const [name, value] of listed(headers)) response.setHeader(name, value);
  } else if (headers !== undefined && headers !== null) {
    for (const [name, value] of Object.entries(headers as Record<string, HeaderValue>)) response.setHeader(name, value);
  }
}

/** Names and values out of a raw list, flat or in pairs; those of one name together. */
function listed(headers: readonly unknown[]): Map<string, HeaderValue> {
  const flat = headers.flatMap((pair) => (Array.isArray(pair) ? [pair[0], pair[1]] : [pair])) as HeaderValue[];
  const found = new Map<string, HeaderValue>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = String(flat[index]).toLowerCase();
    const value = flat[index + 1] as HeaderValue;
    const before = found.get(name);
    found.set(name, before === undefined ? value : [before, value].flat());
  }
  return found;
}

/** Headers that belong to what was to be sent. They go when an error takes its place. */
export const ANSWER_HEADERS = [
  "Accept-Ranges",
  "Content-Disposition",
  "Content-Encoding",
  "Content-Language",
  "Content-Length",
  "Content-Location",
  "Content-Range",
  "Content-Type",
  "ETag",
  "Expires",
  "Last-Modified",
  "Location",
  "Refresh",
  "Set-Cookie",
  "Trailer",
  "Transfer-Encoding",
] as const;

/** Makes a response ready for an error in place of what was to be sent. */
export function makeWayForError(response: MiddlewareResponse, status: number): void {
  for (const name of ANSWER_HEADERS) response.removeHeader(name);
  response.setHeader("Cache-Control", "no-store");
  response.statusCode = status;
  (response as { statusMessage?: string | undefined }).statusMessage = undefined;
}

/** Calls the callback of a call that was not passed on, so that nobody waits for it. */
export function callBack(args: readonly unknown[]): void {
  const last = args.at(-1);
  if (typeof last === "function") void Promise.resolve().then(() => (last as () => void)());
}
