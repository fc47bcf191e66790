/**
 * Secrets that were right, so that whoever presents one again does not pay for its SHA-256.
 *
 * A secret is kept with what was decoded of its session's entry, in the very state in which its hash was found equal. So it
 * is reached only by way of the store's answer, and is gone with any change of the entry: nobody is let in by what is
 * remembered alone. It also costs no look-up of its own; a table of tokens was measured, and its misses in the processor's
 * caches cost as much as the hash.
 *
 * The bound is kept by a ring. When it is full, one secret in eight gets a place: a copy costs a tenth of the hash, and where
 * there are too many for the ring it would mostly be made in vain. What was used since the ring last came by is passed over
 * once, so that secrets that come once do not push out those that come again and again.
 */
import { copyOf, equalDigests } from "../tokens/crypto.ts";

/** A secret that was right. */
export interface VerifiedSecret {
  /** `undefined` once it was pushed out. */
  text: string | undefined;
  /** Whether it was presented again since the ring came by. */
  isUsed: boolean;
}

/** What a secret is kept with. */
interface Verifiable {
  verified: VerifiedSecret | undefined;
}

/** Of how many secrets one gets a place when all are taken. */
const ONE_IN = 8;

/** Whether a presented secret is the one that is kept, in a time that does not depend on where they differ. */
export function isVerified({ verified }: Verifiable, presented: string): boolean {
  if (verified?.text === undefined || !equalDigests(verified.text, presented)) return false;
  verified.isUsed = true;
  return true;
}

/** The verified secrets of one manager. */
export class VerifiedSecrets {
  readonly #max: number;
  readonly #ring: VerifiedSecret[] = [];
  #next = 0;
  #refused = 0;

  /** @param max how many are kept at most: 1 or more */
  constructor(max: number) {
    this.#max = max;
  }

  /** Keeps a secret whose hash is that of the session's record, where none is kept. */
  keep(decoded: Verifiable, secret: string): void {
    if (this.#ring.length === this.#max && ++this.#refused < ONE_IN) return;
    this.#refused = 0;
    const at = this.#next;
    this.#next = at + 1 === this.#max ? 0 : at + 1;
    const before = this.#ring[at];
    if (before?.isUsed === true) {
      before.isUsed = false;
      return;
    }
    if (before !== undefined) before.text = undefined;
    // A part of a token, kept, would keep the whole header that the token came in.
    this.#ring[at] = decoded.verified = { text: copyOf(secret), isUsed: false };
  }
}
