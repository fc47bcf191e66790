/** What is thrown through Next: its own redirects and refusals, and faults that its error pages can tell apart. */
import { isFault } from "../fetch/exchange.ts";

/** `redirect`, `permanentRedirect`, `notFound`, `forbidden` and `unauthorized` throw to end what runs. That is no failure. */
const CONTROL_FLOW = /^NEXT_(?:REDIRECT;|HTTP_ERROR_FALLBACK;|NOT_FOUND$)/;

export function isControlFlow(error: unknown): boolean {
  return CONTROL_FLOW.test(digestOf(error));
}

/** The status that `notFound`, `forbidden` or `unauthorized` asks for; `undefined` for anything else that is thrown. */
export function refusedStatus(error: unknown): number | undefined {
  const digest = digestOf(error);
  if (digest === "NEXT_NOT_FOUND") return 404;
  const status = /^NEXT_HTTP_ERROR_FALLBACK;(4\d\d)$/.exec(digest)?.[1];
  return status === undefined ? undefined : Number(status);
}

function digestOf(error: unknown): string {
  const { digest } = Object(error) as { readonly digest?: unknown };
  return typeof digest === "string" ? digest : "";
}

/**
 * The fault with a `digest` that says which one it is, as `error.tsx` gets it: of an error on the server, Next shows a
 * browser nothing else. What is no fault of ours is left alone.
 */
export function withDigest(error: unknown): unknown {
  if (isFault(error) && !("digest" in error)) Object.assign(error, { digest: `sojourn:${error.code}` });
  return error;
}
