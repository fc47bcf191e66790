/** What a text is that stands for a session: its token, which proves it, or its handle, which only names it. */
import { isSessionId, readToken } from "../tokens/token.ts";

/** The handle of a session that a text stands for. */
export interface Named {
  readonly handle: string;
  /** Whether the text is a token, whose secret has yet to be judged. */
  readonly isToken: boolean;
}

/**
 * Takes a token or a handle for what it is; `undefined` if it can be neither. No store is asked.
 *
 * @throws TypeError if it is neither a string nor `undefined` nor `null`
 */
export function named(text: string | null | undefined): Named | undefined {
  const credential = readToken(text ?? undefined);
  if (credential === undefined) return undefined;
  // Only a minted token has no hash yet. Whatever else is shaped like a handle is one.
  if (credential.hash === undefined) return { handle: credential.id, isToken: true };
  const handle = text as string;
  return isSessionId(handle) ? { handle, isToken: false } : { handle: credential.id, isToken: true };
}
