/** What the store guarantees, and whether anybody writes down what happens. */
import type { Rule } from "./rule.ts";

/** Up to here, an answer that is out of date is a near cache's trade; beyond, a logged-out user is still let in. */
const BRIEFLY = 1_000;

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
    advice: "Set `strict` on the near cache, so that `destroy` resolves when no node can still answer from it",
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
