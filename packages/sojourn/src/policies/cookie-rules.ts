/** Rules about a cookie that carries a token, and what browsers do with a cookie that breaks them. */
import { utf8Length } from "../store/check.ts";
import { showDuration } from "../time/duration.ts";
import { ofCookie, type Rule } from "./rule.ts";

/** 400 days, in seconds: browsers cut what is longer. */
const LONGEST = 34_560_000;
/** Name and value together; browsers ignore a larger cookie. */
const LARGEST = 4_096;
/** A minted token: `sess_`, 22 and 43 characters. */
const TOKEN_BYTES = 70;
/** The characters of an HTTP token, which a cookie's name is. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** Names that tell which framework is behind them. */
const TELLING =
  /^(connect\.sid|PHPSESSID|J(SP)?SESSIONID|ASP\.NET_SessionId|ASPSESSIONID\w*|CFID|CFTOKEN|laravel_session)$/i;

export const cookieRules: readonly Rule[] = [
  {
    requirement: "ASVS 3.3.1",
    severity: "must",
    what: "the cookie is sent over TLS only",
    expected: "Secure",
    advice: "Set `secure: true`",
    violation: ofCookie(({ secure }) => (secure === true ? undefined : "not Secure")),
  },
  {
    requirement: "ASVS 3.3.1",
    severity: "must",
    what: "its name makes the browser insist on that",
    expected: "a name that begins with __Host-, or with __Secure- where hosts share it",
    advice: 'Name it "__Host-session"',
    violation: ofCookie(({ name }) => (/^__(Host|Secure)-/.test(name) ? undefined : "a name without a prefix")),
  },
  {
    requirement: "ASVS 3.3.2",
    severity: "must",
    what: "which sites may send it is decided",
    expected: "SameSite=Lax or Strict",
    advice: 'Set `sameSite: "lax"`, or "strict"; "none" only where other sites must send it',
    violation: ofCookie(({ sameSite }) => {
      if (sameSite === undefined) return "no SameSite";
      return sameSite.toLowerCase() === "none" ? "SameSite=None" : undefined;
    }),
  },
  {
    requirement: "ASVS 3.3.3",
    severity: "must",
    what: "it belongs to one host",
    expected: "a name that begins with __Host-",
    advice: 'Name it "__Host-session"; only a cookie that is meant for several hosts cannot be',
    violation: ofCookie(({ name, domain }) =>
      domain !== undefined || name.startsWith("__Host-") ? undefined : "one host, and no __Host-",
    ),
  },
  {
    requirement: "ASVS 3.3.4",
    severity: "must",
    what: "scripts cannot read it",
    expected: "HttpOnly",
    advice: "Set `httpOnly: true`",
    violation: ofCookie(({ httpOnly }) => (httpOnly === true ? undefined : "not HttpOnly")),
  },
  {
    requirement: "ASVS 3.3.5",
    severity: "must",
    what: "name and value fit into what browsers keep",
    expected: `at most ${LARGEST} bytes`,
    advice: "Keep data in the session, and only the token in the cookie",
    violation: ofCookie(({ name, valueBytes = TOKEN_BYTES }) => {
      const bytes = utf8Length(name) + valueBytes;
      return bytes > LARGEST ? `${bytes} bytes` : undefined;
    }),
  },
  {
    requirement: "RFC 6265bis 4.1.3",
    severity: "must",
    what: "a prefixed cookie has what its prefix promises, or browsers drop it",
    expected: "__Host-: Secure, Path=/ and no Domain; __Secure-: Secure; the prefix written exactly so",
    advice: "Set those attributes, or take another name",
    violation: ofCookie(({ name, secure, path, domain }) => {
      const prefix = /^__(host|secure)-/i.exec(name)?.[0];
      if (prefix === undefined) return undefined;
      if (prefix !== "__Host-" && prefix !== "__Secure-") return `the prefix ${prefix}`;
      if (secure !== true) return `${prefix} without Secure`;
      if (prefix === "__Secure-") return undefined;
      if (path !== "/") return "__Host- without Path=/";
      return domain === undefined ? undefined : "__Host- with Domain";
    }),
  },
  {
    requirement: "RFC 6265bis 4.1.1",
    severity: "must",
    what: "a cookie has a name, of the characters that names have",
    expected: "letters, digits and !#$%&'*+-.^_`|~",
    advice: 'Name it "__Host-session"',
    violation: ofCookie(({ name }) => (NAME.test(name) ? undefined : "a name that cannot be sent")),
  },
  {
    requirement: "RFC 6265bis 5.5",
    severity: "should",
    what: "browsers cut a longer lifetime",
    expected: "a maxAge of at most 400 days (34,560,000 s)",
    advice: "Lower `maxAge`",
    violation: ofCookie(({ maxAge = 0 }) => (maxAge > LONGEST ? `a maxAge of ${maxAge} s` : undefined)),
  },
  {
    requirement: "RFC 6265bis 5.7",
    severity: "must",
    what: "browsers refuse SameSite=None without Secure",
    expected: "Secure, where SameSite is None",
    advice: "Set `secure: true`",
    violation: ofCookie(({ sameSite, secure }) =>
      sameSite?.toLowerCase() === "none" && secure !== true ? "SameSite=None without Secure" : undefined,
    ),
  },
  {
    requirement: "NIST 800-63B-4 5.1.1",
    severity: "should",
    what: "a cookie expires at or soon after its session",
    expected: "a maxAge no longer than absoluteTtl",
    advice: "Lower `maxAge`, or leave it out",
    violation: ofCookie(({ maxAge = 0 }, { policy }) =>
      maxAge * 1_000 > policy.absoluteTtl
        ? `a maxAge of ${showDuration(maxAge * 1_000)}, and sessions of ${showDuration(policy.absoluteTtl)} at most`
        : undefined,
    ),
  },
  {
    requirement: "NIST 800-63B-4 5.1.1",
    severity: "must",
    what: "a cookie goes to as few hosts and paths as practical",
    expected: "no Domain",
    advice: "Leave `domain` out, unless the hosts below it must share the session and are all trusted",
    violation: ofCookie(({ domain }) =>
      domain === undefined ? undefined : "Domain: every host below it gets the token",
    ),
  },
  {
    requirement: "OWASP cheat sheet, Session ID Name Fingerprinting",
    severity: "should",
    what: "the name does not tell what is behind it",
    expected: "a name of no framework's",
    advice: 'Name it "__Host-session"',
    violation: ofCookie(({ name }) => (TELLING.test(name) ? "the default name of a framework" : undefined)),
  },
];
