/** Rules about a deployment: its store, its audit log, and its secrets. */
import { utf8Length } from "../store/check.ts";
import type { Rule } from "./rule.ts";

/** Up to here, an answer that is out of date is a near cache's trade; beyond, a logged-out user is still let in. */
const BRIEFLY = 1_000;
/** HS256's hash has so many bytes, and its key must not have fewer. */
const LEAST_BYTES = 32;
/** Random bytes, hex or base64 of 32 have more different characters than this; words and repetitions have not. */
const LEAST_VARIETY = 9;
/** What secrets in examples are made of. In 43 random characters, the shortest of them is one in a million. */
const WELL_KNOWN =
  /secret|passw|passphrase|changeme|change[-_ ]me|example|default|your[-_ ]|qwerty|123456|abcdef|keyboard/i;

export const storeRules: readonly Rule[] = [
  {
    requirement: "sojourn law 2",
    severity: "must",
    what: "logout means logout, and no update is lost",
    expected: "a store whose calls are atomic",
    advice: "Use a store with `guarantees.atomic`, and `require: { atomic: true }`",
    violation: ({ guarantees }) => (guarantees.atomic ? undefined : "calls of the store are not atomic"),
  },
  {
    requirement: "ASVS 7.4.1",
    severity: "must",
    what: "a session that was ended cannot be used again",
    expected: "a store that loses no acknowledged write in a failover",
    advice: "Use SQLite, or a server whose failover waits for replicas, and `require: { failoverLoss: false }`",
    violation: ({ guarantees }) =>
      guarantees.failoverLoss ? "a failover can lose acknowledged writes, a logout among them" : undefined,
  },
  {
    requirement: "ASVS 7.4.1",
    severity: "must",
    what: "a session that was ended cannot be used again",
    expected: "answers at most 1 s out of date",
    advice: "Lower `maxStale` of the near cache, or read through; and `require: { staleMs: 0 }`",
    violation: ({ guarantees }) =>
      guarantees.staleMs > BRIEFLY ? `answers can be ${guarantees.staleMs} ms out of date` : undefined,
  },
  {
    requirement: "ASVS 7.4.1",
    severity: "should",
    what: "a session that was ended cannot be used again",
    expected: "answers that are never out of date, or a logout that waits until none can be",
    advice:
      "Keep the near cache `strict`, so that `destroy` resolves when no node can still answer from it. Redis alone has " +
      "500 ms: a master that was demoted may answer for so long",
    violation: ({ guarantees }) =>
      guarantees.staleMs > 0 && guarantees.staleMs <= BRIEFLY
        ? `answers can be ${guarantees.staleMs} ms out of date`
        : undefined,
  },
  {
    requirement: "sojourn law 10",
    severity: "should",
    what: "what was acknowledged survives",
    expected: 'a store with the durability "process" or "power"',
    advice: "Use `sqliteStore`, unless every restart may log everybody out",
    violation: ({ guarantees }) =>
      guarantees.durability === "none" ? 'durability is "none": a restart ends every session' : undefined,
  },
  {
    requirement: "sojourn law 11",
    severity: "should",
    what: "no live session is dropped for space",
    expected: "a store that does not evict",
    advice: 'Use `onFull: "reject"`: whoever can start sessions could otherwise end those of others',
    violation: ({ guarantees }) => (guarantees.evicts ? "the store evicts live sessions when it is full" : undefined),
  },
  {
    requirement: "ASVS 16.3.1",
    severity: "must",
    what: "every authentication is logged, also one that fails",
    expected: "a listener to created, ended and rejected",
    advice: "Attach an `auditLog`",
    violation: ({ unheard }) => (unheard.length === 0 ? undefined : `nobody listens to ${unheard.join(", ")}`),
  },
];

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
