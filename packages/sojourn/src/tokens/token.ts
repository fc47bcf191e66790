/**
 * What a client holds, and what of it we keep.
 *
 * A minted token is `sess_` + a selector (128 random bits) + a secret, in base64url. The selector names the session:
 * `sess_` + selector is its public id and its key in a store. The secret proves it: the session keeps only its
 * SHA-256. An adopted token is one that the caller brings; its id is `sess_` + its SHA-256, so the whole token is the
 * secret. After a rotation its session has a token like a minted one, with that longer id.
 *
 * A secret is 24 random bytes and a tag of 8, the HMAC of those bytes under a key of the session's own. By the tag every
 * secret that the session has ever had is recognised as one, and nothing has to be kept of it. Whoever reads the key
 * in the store can make what looks like a former secret, and so end the session; nobody can enter it with one.
 */
import { equalDigests, hmacSha256, hmacTag, randomText, sha256 } from "./crypto.ts";

/** The secret that a client holds: a minted token, or 1 to 128 characters that the caller brought. */
export type Token = string & { readonly [token]: true };
/** A session's public handle: safe to list, to log and to revoke by. It cannot be used as a token. */
export type SessionId = string & { readonly [sessionId]: true };
/** Whose session it is: 1 to 1,024 characters. */
export type UserId = string & { readonly [userId]: true };
declare const token: unique symbol;
declare const sessionId: unique symbol;
declare const userId: unique symbol;

/** A token taken apart: the id to look up, and the hash that the session found there must have. */
export interface Credential {
  readonly id: string;
  /** What the hash is of; it also derives the successor at a rotation. Never to be kept. */
  readonly secret: string;
  /** SHA-256 of the secret, once it was asked for; from the start where the id was made from it. */
  hash: string | undefined;
}

/** A new token, whole and in parts. */
export interface MintedToken extends Credential {
  readonly token: Token;
  readonly hash: string;
}

const PREFIX = "sess_";
const SELECTOR_BYTES = 16;
const KEY_BYTES = 16;
const RANDOM_BYTES = 24;
/** The length of 24 bytes in base64url: where a secret's tag begins. */
const RANDOM_LENGTH = 32;
/** The length of 32 bytes in base64url: of a secret, and of every digest. */
const DIGEST_LENGTH = 43;
/** `sess_` and 16 bytes in base64url. */
const MINTED_ID_LENGTH = PREFIX.length + 22;
/** `sess_` and a digest. */
const ADOPTED_ID_LENGTH = PREFIX.length + DIGEST_LENGTH;
const MAX_TOKEN_LENGTH = 128;
const MAX_USER_ID_LENGTH = 1_024;

/** A key for the tags of one session's secrets: 128 random bits. */
export function secretKey(): string {
  return randomText(KEY_BYTES);
}

/** A new token and its parts. @param key of the session, for the tag */
export function mintToken(key: string): MintedToken {
  return withSecret(PREFIX + randomText(SELECTOR_BYTES), tagged(randomText(RANDOM_BYTES), key));
}

/**
 * The token that follows another one of the same session. Only whoever has the old secret and the salt can compute
 * it, and always gets the same one, so that a rotation can be repeated.
 *
 * @param salt the session's own, random, made for this one step
 * @param key of the session, for the tag; a session of before there were keys has none
 */
export function succeedingToken(old: Credential, salt: string, key: string | undefined): MintedToken {
  const derived = hmacSha256(old.secret, salt);
  return withSecret(old.id, key === undefined ? derived : tagged(derived.slice(0, RANDOM_LENGTH), key));
}

/**
 * Whether a credential was a session's own at some time: its secret has the session's tag, or it is the adopted token
 * that the session's id was made from.
 *
 * @param key of the session that is there under the credential's id
 */
export function wasOwn(credential: Credential, key: string | undefined): boolean {
  if (isAdopted(credential)) return true;
  const { secret } = credential;
  return key !== undefined && equalDigests(secret.slice(RANDOM_LENGTH), hmacTag(key, secret.slice(0, RANDOM_LENGTH)));
}

/** The SHA-256 of the secret that a credential holds. */
export function hashOf(credential: Credential): string {
  return (credential.hash ??= sha256(credential.secret));
}

function isAdopted(credential: Credential): boolean {
  return credential.id === PREFIX + credential.hash;
}

function tagged(random: string, key: string): string {
  return random + hmacTag(key, random);
}

/** A salt for {@link succeedingToken}: 128 random bits. */
export function rotationSalt(): string {
  return randomText(SELECTOR_BYTES);
}

/** A mark that no other write has: 128 random bits. */
export function uniqueRev(): string {
  return randomText(SELECTOR_BYTES);
}

/** The id of a presented credential, if it can be told to others: an adopted token's is the hash of whatever was sent. */
export function nameableId(credential: Credential): string | null {
  return isAdopted(credential) ? null : credential.id;
}

function withSecret(id: string, secret: string): MintedToken {
  return { token: (id + secret) as Token, id, secret, hash: sha256(secret) };
}

/**
 * Takes a token apart, or answers `undefined` if it cannot be one. No store needs to be asked about those.
 *
 * @throws TypeError if it is neither a string nor `undefined`, which is a mistake of the program, not of the client
 */
export function readToken(text: string | undefined): Credential | undefined {
  if (typeof text !== "string") {
    if (text === undefined) return undefined;
    throw new TypeError(
      `Expected a token to be a string, got ${text === null ? "null" : `a value of type ${typeof text}`}`,
    );
  }
  const idLength = mintedIdLength(text);
  if (idLength !== 0) return { id: text.slice(0, idLength), secret: text.slice(idLength), hash: undefined };
  return tokenFault(text) === undefined ? adopted(text) : undefined;
}

/**
 * A token that a caller brings, taken apart.
 *
 * @throws TypeError if it is not 1 to 128 characters of well-formed Unicode without NUL, or has the shape of a
 *   minted token: whoever knows an id could then start a session under it
 */
export function adoptToken(value: unknown): MintedToken {
  const parsed = parseToken(value);
  if (mintedIdLength(parsed) !== 0) {
    throw new TypeError("Expected a token of the caller's own, got one with the shape of a minted token");
  }
  return { token: parsed, ...adopted(parsed) };
}

/**
 * Checks a token's shape at the boundary.
 *
 * @example
 * ```ts
 * import { createSessions, parseToken } from "sojourn";
 *
 * const { token } = createSessions().create("ann");
 * console.log(parseToken(token) === token); // true
 * ```
 * @throws TypeError if it is not a string of 1 to 128 characters (code points), well-formed, without NUL. The
 *   message tells the length or the type, never the token.
 */
export function parseToken(value: unknown): Token {
  const fault = typeof value === "string" ? tokenFault(value) : `a value of type ${typeName(value)}`;
  if (fault !== undefined) throw new TypeError(`Expected a token of 1 to ${MAX_TOKEN_LENGTH} characters, got ${fault}`);
  return value as Token;
}

/**
 * Checks a user id's shape at the boundary.
 *
 * @example
 * ```ts
 * import { parseUserId } from "sojourn";
 *
 * console.log(parseUserId("ann")); // ann
 * ```
 * @throws TypeError if it is not a string of 1 to 1,024 characters (code points), well-formed, without NUL
 */
export function parseUserId(value: unknown): UserId {
  const fault = typeof value === "string" ? textFault(value, MAX_USER_ID_LENGTH) : `a value of type ${typeName(value)}`;
  if (fault !== undefined) {
    throw new TypeError(`Expected a user id of 1 to ${MAX_USER_ID_LENGTH} characters, got ${fault}`);
  }
  return value as UserId;
}

/**
 * Whether a text has the shape of a session id.
 *
 * @example
 * ```ts
 * import { createSessions, isSessionId } from "sojourn";
 *
 * const { id } = createSessions().create("ann");
 * console.log(isSessionId(id), isSessionId("42")); // true false
 * ```
 * @throws TypeError for a token where an id belongs: taking it for an id would say that a live session is not there
 */
export function isSessionId(text: string): text is SessionId {
  if (typeof text !== "string") throw new TypeError(`Expected a session id to be a string, got ${typeName(text)}`);
  if (mintedIdLength(text) !== 0) throw new TypeError("Expected a session id, got a token; a session's id is its `id`");
  return (
    (text.length === MINTED_ID_LENGTH || text.length === ADOPTED_ID_LENGTH) &&
    text.startsWith(PREFIX) &&
    !OUTSIDE_BASE64URL.test(text)
  );
}

/**
 * Checks that a text is a session id, where one is asked for.
 *
 * @example
 * ```ts
 * import { createSessions, parseSessionId } from "sojourn";
 *
 * const { id } = createSessions().create("ann");
 * console.log(parseSessionId(id) === id); // true
 * ```
 * @param name what the message calls it
 * @throws TypeError for whatever has not the shape of one; the message tells the type or the length, never the text,
 *   which may be a token
 */
export function parseSessionId(text: unknown, name = "id"): SessionId {
  if (typeof text === "string" && isSessionId(text)) return text;
  const given =
    typeof text === "string" ? `a string of ${text.length} characters` : `a value of type ${typeName(text)}`;
  throw new TypeError(`Expected \`${name}\` to be a session id, got ${given}; a token is for \`destroyByToken\``);
}

/** Whether one session can follow another under an id, because it was made from a token that was brought along. */
export function isAdoptedId(id: string): boolean {
  return id.length === ADOPTED_ID_LENGTH;
}

function adopted(text: string): Credential & { readonly hash: string } {
  const hash = sha256(text);
  return { id: PREFIX + hash, secret: text, hash };
}

/** How long the id is in a token of the minted shape; 0 if it has another shape. */
function mintedIdLength(text: string): number {
  const idLength = text.length - DIGEST_LENGTH;
  if (idLength !== MINTED_ID_LENGTH && idLength !== ADOPTED_ID_LENGTH) return 0;
  return text.startsWith(PREFIX) && !OUTSIDE_BASE64URL.test(text) ? idLength : 0;
}

const OUTSIDE_BASE64URL = /[^\w-]/;

function tokenFault(text: string): string | undefined {
  return textFault(text, MAX_TOKEN_LENGTH);
}

/** What is wrong with a text that must have 1 to `longest` code points, be well-formed and without NUL. */
function textFault(text: string, longest: number): string | undefined {
  if (text === "") return "an empty string";
  // A code point has at most two units: beyond that, counting is not needed, however long the text is.
  if (text.length > 2 * longest) return `more than ${longest} characters`;
  if (text.length > longest) {
    let length = 0;
    for (const _ of text) length++;
    if (length > longest) return `${length} characters`;
  }
  if (!isWellFormed(text)) return "a lone surrogate in it";
  return text.includes("\0") ? "a NUL character in it" : undefined;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
