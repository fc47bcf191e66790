/**
 * The one file that touches cryptography: `node:crypto`'s synchronous functions, which Node, Bun, Deno and workerd
 * all have. A promise for each hash would cost a hundred times the hash. Base64url is `node:buffer`'s, a third of the
 * cost of a loop.
 */
import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  randomFillSync,
  type KeyObject,
} from "node:crypto";

const POOL_BYTES = 8_192;
const pool = Buffer.alloc(POOL_BYTES);
let taken = POOL_BYTES;

/**
 * Random bits from the system's generator, as base64url.
 *
 * A call to the generator costs twenty times what a token needs of it, so it fills a pool. Bytes are wiped from
 * there as they are handed out.
 *
 * @param bytes how many random bytes, at most 8,192
 */
export function randomText(bytes: number): string {
  if (taken + bytes > POOL_BYTES) {
    randomFillSync(pool);
    taken = 0;
  }
  const text = pool.toString("base64url", taken, taken + bytes);
  pool.fill(0, taken, (taken += bytes));
  return text;
}

/** Whole numbers of 32 random bits, from the system's generator. */
export function randomInts(count: number): Int32Array {
  const bytes = randomFillSync(new Uint8Array(4 * count));
  return new Int32Array(bytes.buffer);
}

/** The SHA-256 of a text's UTF-8 bytes, as 43 characters of base64url. */
export const sha256: (text: string) => string =
  // `crypto.hash` costs a third of a Hash object; some runtimes do not have it yet.
  typeof hash === "function"
    ? (text) => hash("sha256", text, "base64url")
    : (text) => createHash("sha256").update(text).digest("base64url");

/** The HMAC-SHA256 of a text under a key, both as UTF-8, as 43 characters of base64url. */
export function hmacSha256(key: string, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}

/** The first 8 bytes of an HMAC-SHA256, as 11 characters of base64url: enough where each wrong guess costs a request. */
export function hmacTag(key: string, text: string): string {
  return createHmac("sha256", key).update(text).digest().toString("base64url", 0, 8);
}

/** A key that is ready for use. Handing over its bytes at every call can cost ten times the HMAC. */
export interface HmacKey {
  readonly type: string;
}

/** A key for one purpose, derived from a secret: what is signed for one purpose is worth nothing for another. */
export function hmacKey(secret: string, purpose: string): HmacKey {
  return createSecretKey(hmacSha256(secret, purpose), "base64url");
}

/** The HMAC-SHA256 of a text's UTF-8 bytes under a ready key, as 43 characters of base64url. */
export function hmacWithKey(key: HmacKey, text: string): string {
  return createHmac("sha256", key as KeyObject)
    .update(text)
    .digest("base64url");
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
/** How many bytes longer than its text an encrypted one is. */
export const ENCRYPTION_BYTES: number = IV_BYTES + TAG_BYTES;

/**
 * A text that only the same key opens again (AES-256-GCM), as base64url. The key is one of {@link hmacKey}.
 *
 * @param nonce base64url, of 12 bytes or more, never the same for two texts: an HMAC of the text, so that the same text is
 *   encrypted in the same way
 */
export function encrypt(key: HmacKey, text: string, nonce: string): string {
  const iv = Buffer.from(nonce, "base64url").subarray(0, IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key as KeyObject, iv);
  const hidden = cipher.update(text, "utf8");
  cipher.final();
  return Buffer.concat([iv, cipher.getAuthTag(), hidden]).toString("base64url");
}

/** The text that was encrypted with this key; `undefined` if it was not. */
export function decrypt(key: HmacKey, encrypted: string): string | undefined {
  try {
    const bytes = Buffer.from(encrypted, "base64url");
    // A shorter tag would be taken as well.
    if (bytes.length < ENCRYPTION_BYTES) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", key as KeyObject, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, ENCRYPTION_BYTES));
    return decipher.update(bytes.subarray(ENCRYPTION_BYTES), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return undefined;
  }
}

/** Whether two digests of one length are equal, in a time that does not depend on where they differ. */
export function equalDigests(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}

/**
 * A text in memory of its own: a part of another one keeps that whole. To take a part of two that are joined copies them,
 * for a third of what a way through bytes costs.
 */
export function copyOf(text: string): string {
  return `_${text}`.slice(1);
}
