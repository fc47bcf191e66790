/**
 * Signed credentials: `<token>.<HMAC-SHA256>`.
 *
 * The signature proves that this application gave the token out, and for what, so that a forged one costs no look at a
 * store. It is made with the first key and accepted from any. The keys are derived for one purpose, a cookie's name or
 * a header, so that a credential for one is worth nothing for another.
 */
import { hashOf, type PreparedOptions } from "../../sessions/authenticate.ts";
import { equalDigests, hmacKey, hmacWithKey, type HmacKey } from "../../tokens/crypto.ts";
import { readToken } from "../../tokens/token.ts";

/** A credential whose signature is right. */
export interface Verified {
  readonly credential: string;
  readonly token: string;
  /** For `authenticate`: the token taken apart and hashed, once for all the requests that bring it. */
  readonly look: PreparedOptions;
  /** Whether it was signed with the first key; if not, the client gets a new one. */
  readonly newest: boolean;
}

/** What all signers of one `cookieSessions` share. */
export interface Signing {
  readonly keys: readonly string[];
  /** Whether locked sessions are looked at, too. */
  readonly allowLocked: boolean;
}

export interface Signer {
  sign(token: string): string;
  /** The token of a credential; `undefined` if it cannot be one, or no key has signed it. */
  verify(credential: string): Verified | undefined;
  /** Whether it could be one, but for its signature. */
  isShaped(credential: string): boolean;
}

const DIGEST_LENGTH = 43;
/** The longest token that is minted: `sess_`, an id of 43 characters, a secret of 43. */
const LONGEST_TOKEN = 91;
const SHORTEST_TOKEN = 70;
/** The most bytes that a credential has. */
export const CREDENTIAL_BYTES: number = LONGEST_TOKEN + 1 + DIGEST_LENGTH;
/** How many verified credentials each of two generations remembers. */
const REMEMBERED = 16_384;

/** What a minted token, a dot and a signature are made of. Anything else is refused unread. */
const SHAPE = /^sess_[\w-]+\.[\w-]{43}$/;

/** The text in memory of its own: a part of a header, kept, would keep the whole header. */
function copyOf(text: string): string {
  return ` ${text}`.slice(1);
}

function isShaped(credential: string): boolean {
  const { length } = credential;
  return length <= CREDENTIAL_BYTES && length >= SHORTEST_TOKEN + 1 + DIGEST_LENGTH && SHAPE.test(credential);
}

/** A signer with keys that were checked. */
export function signer({ keys, allowLocked }: Signing, purpose: string): Signer {
  const ready = keys.map((key) => hmacKey(key, `sojourn ${purpose}`)) as [HmacKey, ...HmacKey[]];
  // An HMAC costs more than the rest of a look-up, so a credential that was found right is remembered. A forged one
  // never is: it would push out the others. A Map finds by the whole text, so it tells nothing about a part of one.
  let young = new Map<string, Verified>();
  let old = new Map<string, Verified>();

  function remember(verified: Verified): Verified {
    if (young.size >= REMEMBERED) {
      old = young;
      young = new Map();
    }
    young.set(verified.credential, verified);
    return verified;
  }

  function check(presented: string): Verified | undefined {
    if (!isShaped(presented)) return undefined;
    const credential = copyOf(presented);
    const token = credential.slice(0, -DIGEST_LENGTH - 1);
    const signature = credential.slice(-DIGEST_LENGTH);
    const index = ready.findIndex((key) => equalDigests(hmacWithKey(key, token), signature));
    const parts = index === -1 ? undefined : readToken(token);
    if (parts === undefined) return undefined;
    const look = { allowLocked, credential: { ...parts, hash: hashOf(parts) } };
    return { credential, token, look, newest: index === 0 };
  }

  return {
    isShaped,
    sign: (token) => `${token}.${hmacWithKey(ready[0], token)}`,
    verify(credential) {
      const remembered = young.get(credential);
      if (remembered !== undefined) return remembered;
      const verified = old.get(credential) ?? check(credential);
      return verified === undefined ? undefined : remember(verified);
    },
  };
}
