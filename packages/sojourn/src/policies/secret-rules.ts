/** Whether what must not be guessed can be. */
import { utf8Length } from "../store/check.ts";
import type { Rule } from "./rule.ts";

/** HS256's hash has so many bytes, and its key must not have fewer. */
const LEAST_BYTES = 32;
/** Random bytes, hex or base64 of 32 have more different characters than this; words and repetitions have not. */
const LEAST_VARIETY = 9;
/** What secrets in examples are made of. In 43 random characters, the shortest of them is one in a million. */
const WELL_KNOWN =
  /secret|passw|passphrase|changeme|change[-_ ]me|example|default|your[-_ ]|qwerty|123456|abcdef|keyboard/i;

export const secretRules: readonly Rule[] = [
  {
    requirement: "ASVS 7.2.3",
    severity: "must",
    what: "a token has 128 random bits",
    expected: "minted tokens",
    advice: "Let `create` mint the token: an adopted one is as strong as whoever made it, and its id is its hash",
    violation: ({ adoptedTokens }) => (adoptedTokens === true ? "tokens are brought by the caller" : undefined),
  },
  {
    requirement: "RFC 7518 3.2",
    severity: "must",
    what: "a key for HS256 is at least as long as its hash",
    expected: `a jwtSecret of at least ${LEAST_BYTES} bytes`,
    advice: "Take 32 random bytes: openssl rand -base64 32",
    violation({ jwtSecret }) {
      const bytes = typeof jwtSecret === "string" ? utf8Length(jwtSecret) : jwtSecret?.length;
      return bytes === undefined || bytes >= LEAST_BYTES ? undefined : `a jwtSecret of ${bytes} bytes`;
    },
  },
  {
    requirement: "RFC 8725 3.5",
    severity: "must",
    what: "a key is random: not a word, nor out of an example",
    expected: "a jwtSecret that a generator made",
    advice: "Take 32 random bytes: openssl rand -base64 32",
    violation({ jwtSecret }) {
      if (jwtSecret === undefined) return undefined;
      if (typeof jwtSecret === "string" && WELL_KNOWN.test(jwtSecret)) return "a jwtSecret as examples have it";
      return new Set<string | number>(jwtSecret as Iterable<string | number>).size < LEAST_VARIETY
        ? "a jwtSecret of a few characters, repeated"
        : undefined;
    },
  },
];
