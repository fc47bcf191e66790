/**
 * Tokens that were right, taken apart and hashed, so that whoever presents one again pays neither for the parsing nor
 * for the SHA-256. To be here lets nobody in: the hash is compared with the session's record at each call.
 *
 * Why no `Map`: V8 hashes the whole of a text that comes fresh from a socket. A hit costs the same 130 ns there, but a
 * token that is new pays as much for the miss, which takes 20 here; and a `Map` that is to be bounded has to be filled
 * anew again and again, which doubled the cost of new tokens.
 *
 * **Layout.** Sets of eight slots, or a few more. A token's last eight characters say which set, and the last four are
 * its mark, by which it is found there. A full set gives up one token for another. So there is no order of use to keep,
 * nothing grows, and the bound is exact. Tokens that push each other out pay for a SHA-256, and no more: whoever chooses
 * tokens so that they meet gains nothing.
 *
 * **Remembered at the second sight.** The first one leaves only the mark: to copy a token costs more than to hash it, and
 * many come once.
 *
 * **Timing.** That a guess ends as a remembered token does can be told by the time. In a minted token that is a part of
 * the tag; what decides, the 192 random bits before it, is compared in a time that does not depend on them.
 */
import { copyOf, equalFrom } from "./crypto.ts";
import type { Credential } from "./token.ts";

interface Known extends Credential {
  readonly token: string;
  /** Where the secret begins in it: what is before it is the id. */
  readonly from: number;
}

/** How many slots a set has at least, where there are so many. */
const WAYS = 8;
const { imul } = Math;

/** A bounded memory of tokens. */
export class TokenMemory {
  readonly #sets: number;
  readonly #ways: number;
  readonly #known: (Known | undefined)[];
  /** Of the tokens in the slots. */
  readonly #marks: Int32Array;
  /** Of tokens that were seen once. */
  readonly #seen: Int32Array;
  #turn = 0;

  /** @param max how many tokens it holds at most: 1 or more */
  constructor(max: number) {
    this.#sets = Math.max(1, Math.floor(max / WAYS));
    this.#ways = Math.floor(max / this.#sets);
    const slots = this.#sets * this.#ways;
    this.#known = Array.from({ length: slots }, () => undefined);
    this.#marks = new Int32Array(slots);
    this.#seen = new Int32Array(slots);
  }

  /** What is remembered of a token. */
  find(token: string): Credential | undefined {
    const mark = fourBefore(token, token.length);
    const first = this.#setOf(token, mark);
    const end = first + this.#ways;
    const marks = this.#marks;
    for (let slot = first; slot < end; slot++) {
      if (marks[slot] !== mark) continue;
      const known = this.#known[slot];
      if (known !== undefined && isSame(known, token)) return known;
    }
    return undefined;
  }

  /**
   * Notes that a token was right.
   *
   * @param id of its session; not a part of a longer text
   * @param hash as the session's record has it: one text for both spares a look at another place in memory
   */
  note(token: string, id: string, hash: string): void {
    const mark = fourBefore(token, token.length);
    const first = this.#setOf(token, mark);
    const end = first + this.#ways;
    const seen = this.#seen;
    let slot = first;
    while (slot < end && seen[slot] !== mark) slot++;
    if (slot < end) {
      this.#keep(keptCopy(token, id, hash), mark, first);
    } else {
      this.#turn = (this.#turn + 1) % this.#ways;
      seen[first + this.#turn] = mark;
    }
  }

  #keep(known: Known, mark: number, first: number): void {
    const end = first + this.#ways;
    let slot = first;
    while (slot < end && this.#known[slot] !== undefined) slot++;
    if (slot === end) slot = first + ((mark >>> 3) % this.#ways);
    this.#marks[slot] = mark;
    this.#known[slot] = known;
  }

  #setOf(token: string, mark: number): number {
    const mixed = imul(mark ^ imul(fourBefore(token, token.length - 4), 0x2c1b3c6d), 0x9e3779b1);
    return Math.floor(((mixed ^ (mixed >>> 15)) >>> 0) * this.#sets * 2 ** -32) * this.#ways;
  }
}

/** With a copy of the token: that is a part of a header, which would be kept as a whole. */
function keptCopy(token: string, id: string, hash: string): Known {
  const copy = copyOf(token);
  // The id of an adopted token is not a part of it: all of that is the secret.
  const from = copy.startsWith(id) ? id.length : 0;
  return { token: copy, from, id, secret: copy.slice(from), hash };
}

/** Only who has the secret gets to the comparison that stops where texts differ. */
function isSame({ token, from }: Known, presented: string): boolean {
  return equalFrom(token, presented, from) && token === presented;
}

/** The four characters before a place, eight bits of each; fewer where there are fewer. */
function fourBefore(text: string, end: number): number {
  return (
    (((((text.charCodeAt(end - 4) << 8) ^ text.charCodeAt(end - 3)) << 8) ^ text.charCodeAt(end - 2)) << 8) ^
    text.charCodeAt(end - 1)
  );
}
