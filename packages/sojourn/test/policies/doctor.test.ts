import { describe, expect, test } from "vitest";
import { doctor, type DoctorOptions, type Finding } from "../../src/policies/doctor.ts";
import { nistAal1, nistAal2, nistAal3, owasp } from "../../src/policies/policies.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../src/sessions/options.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Guarantees, Store } from "../../src/store/store.ts";

type Options = Omit<SessionsOptions<Record<string, unknown>, "sync">, "store">;
interface Configuration {
  readonly options?: Options;
  readonly guarantees?: Partial<Guarantees>;
  readonly extra?: DoctorOptions;
  readonly heard?: boolean;
}

const RANDOM = "q8Zr1xVnT4wKp0sYdE7uJcLhB3mGfA9oNi2kRtXvWzU";
const COOKIE = { name: "__Host-session", secure: true, httpOnly: true, sameSite: "lax", path: "/" } as const;
const SECURE = { ...COOKIE, name: "__Secure-session" };
const CONFORMING: Options = { ...owasp, maxPerUser: { limit: 5, onLimit: "evict-oldest" } };
const GUARANTEES: Guarantees = {
  durability: "power",
  atomic: true,
  staleMs: 0,
  evicts: false,
  failoverLoss: false,
  exactOrder: true,
  removalsMs: 0,
};

function examine({ options = CONFORMING, guarantees, extra, heard = true }: Configuration): readonly Finding[] {
  const store: Store<"sync"> = { ...memoryStore(), guarantees: { ...GUARANTEES, ...guarantees } };
  const sessions = createSessions({ ...options, store });
  if (heard) for (const type of ["created", "ended", "rejected"] as const) sessions.on(type, () => {});
  return doctor(sessions, extra);
}

const against = (profile: "nistAal1" | "nistAal2" | "nistAal3"): DoctorOptions => ({ against: [profile] });

type Row = [string, Finding["severity"], Configuration, Configuration, string?];

/** Each rule once: what violates it, and the nearest thing that does not. */
const ROWS: Row[] = [
  ["ASVS 7.3.1", "must", { options: { ttl: "1h", absoluteTtl: "1h" } }, { options: { ttl: "1h", absoluteTtl: "61m" } }],
  [
    "ASVS 7.3.1",
    "must",
    { options: { ttl: "1h", absoluteTtl: "1h" } },
    { options: { ttl: "1h", absoluteTtl: "1h", lockAfter: "59m" } },
  ],
  ["ASVS 7.3.2", "must", { options: { absoluteTtl: 30 * 86_400_000 + 1 } }, { options: { absoluteTtl: "30d" } }],
  [
    "OWASP cheat sheet, Session Expiration",
    "should",
    { options: { ...owasp, ttl: 1_800_001 } },
    { options: { ...owasp, ttl: "30m" } },
    "ttl is 1800001 ms",
  ],
  [
    "OWASP cheat sheet, Session Expiration",
    "should",
    { options: { ...owasp, absoluteTtl: "481m" } },
    { options: { ...owasp, absoluteTtl: "8h" } },
    "absoluteTtl is 481m",
  ],
  [
    "NIST 800-63B-4 2.1.3",
    "should",
    { options: { ...nistAal1, absoluteTtl: "31d" }, extra: against("nistAal1") },
    { options: nistAal1, extra: against("nistAal1") },
  ],
  [
    "NIST 800-63B-4 2.2.3",
    "should",
    { options: { ...nistAal2, absoluteTtl: "25h" }, extra: against("nistAal2") },
    { options: nistAal2, extra: against("nistAal2") },
    "absoluteTtl is 25h",
  ],
  [
    "NIST 800-63B-4 2.2.3",
    "should",
    { options: { ...nistAal2, lockAfter: "2h" }, extra: against("nistAal2") },
    { options: { ttl: "1h", absoluteTtl: "24h" }, extra: against("nistAal2") },
    "lockAfter is 2h",
  ],
  [
    "NIST 800-63B-4 2.3.3",
    "must",
    { options: { ...nistAal3, absoluteTtl: "13h" }, extra: against("nistAal3") },
    { options: nistAal3, extra: against("nistAal3") },
  ],
  [
    "NIST 800-63B-4 2.3.3",
    "should",
    { options: { ...nistAal3, ttl: "16m" }, extra: against("nistAal3") },
    { options: nistAal3, extra: against("nistAal3") },
  ],
  [
    "NIST 800-63B-4 5.2",
    "must",
    { options: { ...owasp, refreshThreshold: 0 } },
    { options: { ...owasp, refreshThreshold: 0, lockAfter: "10m" } },
  ],
  [
    "NIST 800-63B-4 5.2",
    "should",
    { options: { ...owasp, refreshThreshold: "5m" } },
    { options: { ...owasp, refreshThreshold: "15m" } },
  ],
  [
    "ASVS 7.2.4",
    "should",
    { options: { ...owasp, rotationGrace: "61s" } },
    { options: { ...owasp, rotationGrace: "1m" } },
  ],
  ["ASVS 7.1.2", "should", { options: owasp }, { options: CONFORMING }],
  ["sojourn law 2", "must", { guarantees: { atomic: false } }, {}],
  ["ASVS 7.4.1", "must", { guarantees: { failoverLoss: true } }, {}, "failover"],
  ["ASVS 7.4.1", "must", { guarantees: { staleMs: 1_001 } }, {}, "1001 ms"],
  ["ASVS 7.4.1", "should", { guarantees: { staleMs: 200 } }, {}, "200 ms"],
  ["sojourn law 10", "should", { guarantees: { durability: "none" } }, { guarantees: { durability: "process" } }],
  ["sojourn law 11", "should", { guarantees: { evicts: true } }, {}],
  ["ASVS 16.3.1", "must", { heard: false }, { heard: true }],
  ["ASVS 7.2.3", "must", { extra: { adoptedTokens: true } }, { extra: { adoptedTokens: false } }],
  [
    "RFC 7518 3.2",
    "must",
    { extra: { jwtSecret: RANDOM.slice(0, 31) } },
    { extra: { jwtSecret: RANDOM.slice(0, 32) } },
  ],
  [
    "RFC 7518 3.2",
    "must",
    { extra: { jwtSecret: new Uint8Array(31).map((_, n) => n) } },
    { extra: { jwtSecret: new Uint8Array(32).map((_, n) => n) } },
  ],
  [
    "RFC 8725 3.5",
    "must",
    { extra: { jwtSecret: "my-secret" } },
    { extra: { jwtSecret: RANDOM } },
    "a jwtSecret as examples have it",
  ],
  ["RFC 8725 3.5", "must", { extra: { jwtSecret: "x".repeat(64) } }, { extra: { jwtSecret: RANDOM } }, "repeated"],
  [
    "ASVS 3.3.1",
    "must",
    { extra: { cookie: { ...SECURE, secure: false } } },
    { extra: { cookie: SECURE } },
    "not Secure",
  ],
  [
    "ASVS 3.3.1",
    "must",
    { extra: { cookie: { ...COOKIE, name: "sid" } } },
    { extra: { cookie: SECURE } },
    "without a prefix",
  ],
  ["ASVS 3.3.2", "must", { extra: { cookie: { ...COOKIE, sameSite: undefined } } }, { extra: { cookie: COOKIE } }],
  [
    "ASVS 3.3.2",
    "must",
    { extra: { cookie: { ...COOKIE, sameSite: "None" } } },
    { extra: { cookie: { ...COOKIE, sameSite: "Strict" } } },
  ],
  ["ASVS 3.3.3", "must", { extra: { cookie: SECURE } }, { extra: { cookie: { ...SECURE, domain: "example.org" } } }],
  ["ASVS 3.3.4", "must", { extra: { cookie: { ...COOKIE, httpOnly: false } } }, { extra: { cookie: COOKIE } }],
  [
    "ASVS 3.3.5",
    "must",
    { extra: { cookie: { ...COOKIE, valueBytes: 4_083 } } },
    { extra: { cookie: { ...COOKIE, valueBytes: 4_082 } } },
  ],
  ["RFC 6265bis 4.1.3", "must", { extra: { cookie: { ...COOKIE, path: "/app" } } }, { extra: { cookie: COOKIE } }],
  [
    "RFC 6265bis 4.1.3",
    "must",
    { extra: { cookie: { ...COOKIE, domain: "example.org" } } },
    { extra: { cookie: { ...SECURE, domain: "example.org" } } },
  ],
  ["RFC 6265bis 4.1.3", "must", { extra: { cookie: { ...SECURE, secure: false } } }, { extra: { cookie: SECURE } }],
  [
    "RFC 6265bis 4.1.3",
    "must",
    { extra: { cookie: { ...COOKIE, name: "__host-session" } } },
    { extra: { cookie: COOKIE } },
    "__host-",
  ],
  ["RFC 6265bis 4.1.1", "must", { extra: { cookie: { ...COOKIE, name: "" } } }, { extra: { cookie: COOKIE } }],
  [
    "RFC 6265bis 4.1.1",
    "must",
    { extra: { cookie: { ...COOKIE, name: "__Host-my session" } } },
    { extra: { cookie: { ...COOKIE, name: "__Host-my_session" } } },
  ],
  [
    "RFC 6265bis 5.5",
    "should",
    { extra: { cookie: { ...COOKIE, maxAge: 34_560_001 } } },
    { extra: { cookie: { ...COOKIE, maxAge: 34_560_000 } } },
  ],
  [
    "RFC 6265bis 5.7",
    "must",
    { extra: { cookie: { ...COOKIE, sameSite: "none", secure: false } } },
    { extra: { cookie: { ...COOKIE, sameSite: "none" } } },
  ],
  [
    "NIST 800-63B-4 5.1.1",
    "should",
    { extra: { cookie: { ...COOKIE, maxAge: 28_801 } } },
    { extra: { cookie: { ...COOKIE, maxAge: 28_800 } } },
  ],
  [
    "NIST 800-63B-4 5.1.1",
    "must",
    { extra: { cookie: { ...SECURE, domain: "example.org" } } },
    { extra: { cookie: SECURE } },
  ],
  [
    "OWASP cheat sheet, Session ID Name Fingerprinting",
    "should",
    { extra: { cookie: { ...COOKIE, name: "connect.sid" } } },
    { extra: { cookie: COOKIE } },
  ],
];

test.each<Row>(ROWS)(
  "%s (%s) is found where it is violated, and not where it is met",
  (requirement, severity, bad, good, text = "") => {
    const same = (finding: Finding): boolean =>
      finding.requirement === requirement && finding.severity === severity && finding.found.includes(text);
    const found = examine(bad).filter(same);
    expect(found).toHaveLength(1);
    for (const part of ["what", "found", "expected", "advice"] as const) expect(found[0]?.[part]).toMatch(/\S/);
    expect(examine(good).filter(same)).toEqual([]);
  },
);

describe("doctor", () => {
  test("finds nothing in a configuration that meets everything", () => {
    expect(examine({ extra: { cookie: COOKIE, jwtSecret: RANDOM, adoptedTokens: false } })).toEqual([]);
  });

  test("lists the worst first", () => {
    const severities = examine({ options: { absoluteTtl: "31d" }, heard: false }).map(({ severity }) => severity);
    expect(severities).toContain("must");
    expect(severities).toContain("should");
    expect(severities.lastIndexOf("must")).toBeLessThan(severities.indexOf("should"));
  });

  test("holds a configuration only against what it was asked for", () => {
    const options: Options = { ...nistAal1, maxPerUser: { limit: 1, onLimit: "reject" } };
    expect(examine({ options, extra: against("nistAal1") })).toEqual([]);
    expect(examine({ options }).map(({ requirement }) => requirement)).toContain("ASVS 7.3.1");
  });

  test("names the defaults that do not conform: of a manager, and of the memory store", () => {
    const requirements = doctor(createSessions()).map(({ requirement }) => requirement);
    expect(requirements).toEqual([
      "ASVS 16.3.1",
      "OWASP cheat sheet, Session Expiration",
      "ASVS 7.1.2",
      "sojourn law 10",
    ]);
  });

  test("never shows the secret that it looks at", () => {
    for (const jwtSecret of ["my-secret", "hunter2hunter2", "aaaa"]) {
      expect(JSON.stringify(examine({ extra: { jwtSecret } }))).not.toContain(jwtSecret);
    }
  });
});

test.each([
  [{ cookies: {} }, 'an option of `doctor`, such as `cookie`, got "cookies"'],
  [{ cookie: { name: "id", httponly: true } }, 'an option of `doctor\'s cookie`, such as `httpOnly`, got "httponly"'],
])("a misspelt option is refused by name, not left unexamined: %j", (options, message) => {
  expect(() => doctor(createSessions(), options as never)).toThrow(message);
});
