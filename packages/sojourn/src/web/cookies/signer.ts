/**
 * Signed credentials: `<token>.<HMAC-SHA256>`, and in a cookie `<token>.<end>.<user>.<HMAC-SHA256>`.
 *
 * The signature proves that this application gave the token out, and for what, so that a forged one costs no look at a
 * store. It is made with the first key and accepted from any. The keys are derived for one purpose, a cookie's name or
 * a header, so that a credential for one is worth nothing for another.
 *
 * A cookie says until when the browser was told to keep it, so that one that is behind its session can be renewed. And it
 * says whose it is, under encryption, so that who asks for a logout everywhere is known after the session has ended.
 */
import type { PreparedOptions } from "../../sessions/authenticate.ts";
import { recentMap } from "../../store/recent-map.ts";
import {
  copyOf,
  equalDigests,
  hmacKey,
  hmacWithKey,
  encrypt,
  ENCRYPTION_BYTES,
  decrypt,
  type HmacKey,
} from "../../tokens/crypto.ts";
import { hashOf, readToken } from "../../tokens/token.ts";

/** What a cookie says beside its token. */
export interface Told {
  /** When the browser forgets it, in epoch milliseconds. */
  readonly end: number;
  /** Whose the session is; `null` if nobody's. */
  readonly userId: string | null;
}

/** A credential whose signature is right. */
export interface Verified {
  readonly credential: string;
  readonly token: string;
  /** When the browser was told to forget it, in epoch milliseconds; `undefined` if it was told no end. */
  readonly end: number | undefined;
  /** Whose it is, encrypted. */
  readonly encryptedUser: string | undefined;
  /** For `authenticate`: the token taken apart and hashed, once for all the requests that present it. */
  readonly look: PreparedOptions;
  /** Whether it was signed with the first key; if not, the client gets a new one. */
  readonly newest: boolean;
}

/** What all signers of one `cookieSessions` share. */
export interface Signing {
  readonly keys: readonly string[];
  /** Whether locked sessions are looked at, too. */
  readonly allowLocked: boolean;
  /** How many verified credentials each remembers at most: as many as the manager does tokens. */
  readonly tokenCache: number;
}

export interface Signer {
  sign(token: string, told?: Told): string;
  /** The token of a credential; `undefined` if it cannot be one, or no key has signed it. */
  verify(credential: string): Verified | undefined;
  /** Whether it could be one, but for its signature. */
  isShaped(credential: string): boolean;
  /** Whose a credential is; `undefined` if it does not say. */
  userOf(verified: Verified): string | undefined;
}

const DIGEST_LENGTH = 43;
/** The longest token that is minted: `sess_`, an id of 43 characters, a secret of 43. */
const LONGEST_TOKEN = 91;
const SHORTEST_TOKEN = 70;
/** An instant in base 36: up to the year 5188. */
const END_LENGTH = 9;
/** A user's id that is longer, in characters, is left out: a cookie has 4,096 bytes for all. */
const LONGEST_USER = 128;
const ENCRYPTED_LENGTH = Math.ceil(((ENCRYPTION_BYTES + 3 * LONGEST_USER) * 4) / 3);
/** The most bytes that a credential has. */
export const CREDENTIAL_BYTES: number = LONGEST_TOKEN + END_LENGTH + ENCRYPTED_LENGTH + DIGEST_LENGTH + 3;

/** What a minted token, what a cookie says, and a signature are made of. Anything else is refused unread. */
const SHAPE = /^(sess_[\w-]+)(?:\.([\da-z]{1,9})(?:\.([\w-]{39,}))?)?\.([\w-]{43})$/;

function isShaped(credential: string): boolean {
  const { length } = credential;
  return length <= CREDENTIAL_BYTES && length >= SHORTEST_TOKEN + 1 + DIGEST_LENGTH && SHAPE.test(credential);
}

/** A signer with keys that were checked. */
export function signer({ keys, allowLocked, tokenCache }: Signing, purpose: string): Signer {
  const ready = keys.map((key) => hmacKey(key, `sojourn ${purpose}`)) as [HmacKey, ...HmacKey[]];
  const userKeys = keys.map((key) => hmacKey(key, `sojourn user of ${purpose}`)) as [HmacKey, ...HmacKey[]];
  // An HMAC costs more than the rest of a look-up, so a credential that was found right is remembered. A forged one
  // never is: it would push out the others. A Map finds by the whole text, so it tells nothing about a part of one.
  const remembered = tokenCache === 0 ? undefined : recentMap<Verified>(tokenCache);

  function check(presented: string): Verified | undefined {
    if (!isShaped(presented)) return undefined;
    // A part of a header, kept, would keep the whole header.
    const credential = copyOf(presented);
    const [, token = "", end, encryptedUser, signature = ""] = SHAPE.exec(credential) ?? [];
    const signed = credential.slice(0, -DIGEST_LENGTH - 1);
    const index = ready.findIndex((key) => equalDigests(hmacWithKey(key, signed), signature));
    const parts = index === -1 ? undefined : readToken(token);
    if (parts === undefined) return undefined;
    const look = { allowLocked, credential: { ...parts, hash: hashOf(parts) } };
    const told = end === undefined ? undefined : Number.parseInt(end, 36);
    return { credential, token, end: told, encryptedUser, look, newest: index === 0 };
  }

  function contentOf(token: string, told: Told | undefined): string {
    if (told === undefined) return token;
    const { end, userId } = told;
    const content = `${token}.${end.toString(36)}`;
    if (userId === null || userId.length > LONGEST_USER) return content;
    return `${content}.${encrypt(userKeys[0], userId, hmacWithKey(ready[0], `user ${token} ${userId}`))}`;
  }

  return {
    isShaped,
    sign(token, told) {
      const content = contentOf(token, told);
      return `${content}.${hmacWithKey(ready[0], content)}`;
    },
    verify(credential) {
      const known = remembered?.get(credential);
      if (known !== undefined) return known;
      const verified = check(credential);
      if (verified !== undefined) remembered?.set(verified.credential, verified);
      return verified;
    },
    userOf({ encryptedUser }) {
      if (encryptedUser === undefined) return undefined;
      for (const key of userKeys) {
        const userId = decrypt(key, encryptedUser);
        if (userId !== undefined) return userId;
      }
      return undefined;
    },
  };
}
