/** What browsers and reviewers ask of a session cookie: each row names its rule. */
import { describe, expect, test } from "vitest";
import { doctor } from "../../../src/policies/doctor.ts";
import type { CookieOptions } from "../../../src/web/cookies/index.ts";
import { CREDENTIAL_BYTES } from "../../../src/web/cookies/signer.ts";
import { setUp, keptOf, tokenIn, visitor, type Setup, type SetupOptions } from "../support/visitor.ts";

interface Row {
  readonly rule: string;
  readonly holds: string;
  readonly check: (on: Setup) => unknown;
  readonly options?: SetupOptions;
}

/** The `Set-Cookie` line of a login, its attributes by lower-case name. */
async function loginLine(on: Setup): Promise<{ line: string; pair: string; attributes: Map<string, string> }> {
  const { cookies } = await visitor(on.web).visit((session) => session.login("ann", { secret: "hunter2" }));
  const line = cookies[0] ?? "";
  const [pair = "", ...rest] = line.split("; ");
  const attributes = new Map(rest.map((part) => part.split("=") as [string, string]));
  return { line, pair, attributes: new Map([...attributes].map(([name, value]) => [name.toLowerCase(), value ?? ""])) };
}

/** What of a line a browser tells cookies apart by, and keeps them for. */
const lastingAttributes = (line = ""): string =>
  line.replace(/^[^;]*;/, "").replaceAll(/ (Max-Age|Expires)=[^;]*;/g, "");

const rows: readonly Row[] = [
  {
    rule: "OWASP 1, ASVS 7.2.3",
    holds: "128 random bits name the session, 256 more prove it",
    async check(on) {
      const tokens = new Set<string>();
      for (let count = 0; count < 200; count++) tokens.add(tokenIn((await loginLine(on)).pair));
      expect(tokens.size).toBe(200);
      for (const token of tokens) expect(token).toMatch(/^sess_[\w-]{22}[\w-]{43}$/);
    },
  },
  {
    rule: "OWASP 2, NIST 5.1.1",
    holds: "the name is generic, and the value says nothing about anybody",
    async check(on) {
      const { pair } = await loginLine(on);
      expect(pair).toMatch(/^__Host-session=sess_[\w-]{65}\.[\da-z]{8}\.[\w-]{40,42}\.[\w-]{43}$/);
      expect(pair).not.toMatch(/ann|hunter2/);
      const decoded = pair.split(/[=_.-]/).map((part) => Buffer.from(part, "base64url").toString("latin1"));
      expect(decoded.join()).not.toMatch(/ann|hunter2/);
    },
  },
  {
    rule: "OWASP 3",
    holds: "an id that was not given out here is not adopted",
    async check(on) {
      const planted = `__Host-session=${(await loginLine(setUp({ keys: ["k".repeat(32)] }))).pair.slice(15)}`;
      const mallory = visitor(on.web, planted);
      const { session } = await mallory.visit((session) => session.set("a", 1));
      expect(tokenIn(mallory.cookie ?? "")).not.toContain(tokenIn(planted));
      expect(session.isNew).toBe(true);
    },
  },
  {
    rule: "OWASP 4",
    holds: "its shape is checked before a store is asked",
    async check(on) {
      for (const value of ["", "x", "sess_", "../../etc/passwd", "' OR 1=1", "sess_a.b", "a".repeat(8_000), "%00"]) {
        await visitor(on.web, `__Host-session=${value}`).visit();
      }
      expect(on.calls).toEqual([]);
    },
  },
  {
    rule: "OWASP 5, ASVS 7.2.4",
    holds: "a login gives a new token, and the old one is worth nothing",
    async check(on) {
      const browser = visitor(on.web);
      await browser.visit((session) => session.set("a", 1));
      const old = browser.cookie;
      await browser.visit((session) => session.login("ann"));
      expect(browser.cookie).not.toBe(old);
      expect((await visitor(on.web, old).visit()).session.isNew).toBe(true);
    },
  },
  {
    rule: "OWASP 6, ASVS 7.3.1",
    holds: "the idle timeout is the server's: a cookie kept longer lets nobody in",
    async check(on) {
      const browser = visitor(on.web);
      await browser.visit((session) => session.login("ann"));
      on.clock.advance(30 * 60_000 - 1);
      expect((await visitor(on.web, browser.cookie).visit()).session.userId).toBe("ann");
      on.clock.advance(30 * 60_000);
      const late = await visitor(on.web, browser.cookie).visit();
      expect(late.session).toMatchObject({ userId: null, isNew: true });
      expect(late.cookies).toEqual([]);
    },
  },
  {
    rule: "OWASP 6, ASVS 7.3.2",
    holds: "no activity goes beyond the absolute timeout, nor does Max-Age",
    options: { manager: { ttl: "30m", absoluteTtl: "1h" } },
    async check(on) {
      const browser = visitor(on.web);
      await browser.visit((session) => session.login("ann"));
      const ends: number[] = [];
      for (let minutes = 0; minutes < 59; minutes++) {
        on.clock.advance("1m");
        const { session, cookies } = await browser.visit();
        expect(session.userId).toBe("ann");
        for (const line of cookies) ends.push(on.clock.now() + Number(/Max-Age=(\d+)/.exec(line)?.[1]) * 1_000);
      }
      expect(ends.length).toBeGreaterThan(5);
      on.clock.advance("1m");
      expect((await browser.visit()).session.userId).toBeNull();
      expect(Math.max(...ends)).toBeLessThanOrEqual(on.clock.now());
    },
  },
  {
    rule: "OWASP 7, ASVS 7.4.1",
    holds: "after a logout the data is gone and the cookie replayed is refused",
    async check(on) {
      const browser = visitor(on.web);
      await browser.visit((session) => session.login("ann", { a: 1 }));
      const { cookie } = browser;
      await browser.visit((session) => session.logout());
      expect(await on.sessions.count()).toBe(0);
      expect((await visitor(on.web, cookie).visit()).session.data).toEqual({});
    },
  },
  {
    rule: "OWASP 8, ASVS 7.4.2",
    holds: "ending a user's sessions ends them in every browser",
    async check(on) {
      const browsers = [visitor(on.web), visitor(on.web)];
      for (const browser of browsers) await browser.visit((session) => session.login("ann"));
      await on.sessions.destroyByUser("ann");
      for (const browser of browsers) expect((await browser.visit()).session.userId).toBeNull();
    },
  },
  {
    rule: "OWASP 11, ASVS 3.3.1-3.3.4, NIST 5.1.1",
    holds: "Secure, HttpOnly, SameSite=Lax, Path=/, no Domain, __Host-",
    async check(on) {
      const { pair, attributes } = await loginLine(on);
      expect(pair).toMatch(/^__Host-/);
      expect([...attributes.keys()].sort()).toEqual(["httponly", "max-age", "path", "samesite", "secure"]);
      expect(attributes.get("path")).toBe("/");
      expect(attributes.get("samesite")).toBe("Lax");
    },
  },
  {
    rule: "OWASP 11, ASVS 3.3.5, RFC 6265bis 5.6",
    holds: "name and value fit into 4,096 bytes with the longest name that is accepted",
    options: { cookie: { name: `__Host-${"n".repeat(4_096 - 7 - CREDENTIAL_BYTES)}` } },
    async check(on) {
      const { pair } = await loginLine(on);
      expect(pair.length - 1).toBeLessThanOrEqual(4_096);
      expect((await visitor(on.web, pair).visit()).session.userId).toBe("ann");
    },
  },
  {
    rule: "OWASP 12",
    holds: "a response that carries a token is not stored, whatever was said before",
    async check(on) {
      for (const [before, after] of [
        [undefined, "no-store"],
        ["public, max-age=3600", "no-store"],
        ["private, no-store", "private, no-store"],
        ["no-storefront", "no-store"],
      ] as const) {
        const session = await on.web.start(new Request("https://app.test/"));
        await session.login("ann");
        const headers = new Headers(before === undefined ? {} : { "Cache-Control": before });
        await session.commit(headers);
        expect(headers.get("Cache-Control")).toBe(after);
      }
    },
  },
  {
    rule: "OWASP 12, RFC 9111 4.1",
    holds: "an answer that depends on the session varies by Cookie, and keeps what it varied by",
    async check(on) {
      for (const [before, after] of [
        [undefined, "Cookie"],
        ["Accept-Encoding", "Accept-Encoding, Cookie"],
        ["accept, COOKIE", "accept, COOKIE"],
        ["*", "*"],
        ["Cookie2", "Cookie2, Cookie"],
      ] as const) {
        const session = await on.web.start(new Request("https://app.test/"));
        expect(session.userId).toBeNull();
        const headers = new Headers(before === undefined ? {} : { Vary: before });
        await session.commit(headers);
        expect(headers.get("Vary")).toBe(after);
        expect(headers.get("Cache-Control")).toBeNull();
      }
      const untouched = await visitor(on.web).visit();
      expect([...untouched.headers]).toEqual([]);
    },
  },
  {
    rule: "OWASP 12, ASVS 14.3.1",
    holds: "Clear-Site-Data at logout",
    options: { clearSiteData: ["*"] },
    async check(on) {
      const browser = visitor(on.web);
      await browser.visit((session) => session.login("ann"));
      expect((await browser.visit((session) => session.logout())).headers.get("Clear-Site-Data")).toBe('"*"');
    },
  },
  {
    rule: "OWASP 13",
    holds: "a token in a URL, or in a header that is no carrier, is not looked at",
    async check(on) {
      const { pair } = await loginLine(on);
      const credential = pair.slice(pair.indexOf("=") + 1);
      on.calls.length = 0;
      for (const { session } of [
        await visitor(on.web).visit(undefined, {
          url: `https://app.test/?__Host-session=${credential}&token=${credential}`,
        }),
        await visitor(on.web).visit(undefined, { url: `https://app.test/;${pair}` }),
        await visitor(on.web).visit(undefined, { headers: { authorization: `Bearer ${credential}` } }),
        await visitor(on.web).visit(undefined, { headers: { "x-session-id": credential } }),
      ]) {
        expect(session.userId).toBeNull();
      }
      expect(on.calls).toEqual([]);
    },
  },
  {
    rule: "OWASP 15, ASVS 3.3.4",
    holds: "the token goes into Set-Cookie alone",
    async check(on) {
      const { session, headers } = await visitor(on.web).visit(async (session) => {
        expect(Object.values(await session.login("ann")).join()).not.toContain(".");
      });
      const secret = tokenIn(headers.getSetCookie()[0] ?? "").slice(27);
      headers.delete("Set-Cookie");
      expect(JSON.stringify([[...headers], session, session.id, session.data])).not.toContain(secret);
    },
  },
  {
    rule: "RFC 6265bis 4.2.1",
    holds: "the name is compared exactly",
    async check(on) {
      const { pair } = await loginLine(on);
      for (const wrong of [pair.replace("__Host-", "__host-"), pair.replace("session", "Session"), `x${pair}`]) {
        expect((await visitor(on.web, wrong).visit()).session.userId).toBeNull();
      }
    },
  },
  {
    rule: "RFC 6265bis 4.2.1",
    holds: "it is found among other cookies, and not inside them",
    async check(on) {
      const { pair } = await loginLine(on);
      for (const header of [`a=1; ${pair}`, `${pair}; a=1`, `a=${pair}; ${pair}`, `a=1;${pair};b`, ` ${pair} ; x=`]) {
        expect((await visitor(on.web, header).visit()).session.userId, header).toBe("ann");
      }
      for (const header of [`a=${pair}`, `a="; ${pair}x"`, pair.replace("=", " = "), `"${pair}"`]) {
        expect((await visitor(on.web, header).visit()).session.userId, header).toBeNull();
      }
    },
  },
  {
    rule: "RFC 6265bis 8.6",
    holds: "a cookie that came twice is none: a sibling host may have planted one",
    async check(on) {
      const { pair } = await loginLine(on);
      const other = (await loginLine(on)).pair;
      on.calls.length = 0;
      for (const header of [`${pair}; ${other}`, `${pair};${pair}`, `${pair}; a=1; ${pair}`]) {
        expect((await visitor(on.web, header).visit()).session.userId).toBeNull();
      }
      expect(on.calls).toEqual([]);
    },
  },
  {
    rule: "RFC 6265bis 5.5, NIST 5.1.1",
    holds: "Max-Age is what is left of the session, rounded up",
    options: { manager: { ttl: 90_500 } },
    async check(on) {
      expect((await loginLine(on)).attributes.get("max-age")).toBe("91");
    },
  },
  {
    rule: "RFC 6265bis 5.5",
    holds: "Max-Age never is 0, which deletes, nor more than 400 days, which is cut",
    options: { manager: { absoluteTtl: "2000d" } },
    async check(on) {
      const short = await visitor(on.web).visit((session) => session.login("ann", {}, { ttl: "10ms" }));
      expect(short.cookies[0]).toContain("Max-Age=1;");
      const long = await visitor(on.web).visit((session) => session.login("ann", {}, { ttl: "500d" }));
      expect(long.cookies[0]).toContain("Max-Age=34560000;");
    },
  },
  {
    rule: "RFC 6265bis 5.5",
    holds: "a browser-session cookie has no lifetime, and is not sent again when the session is extended",
    options: { cookie: { persistent: false } },
    async check(on) {
      const browser = visitor(on.web);
      const { cookies } = await browser.visit((session) => session.login("ann"));
      expect(cookies[0]).not.toMatch(/Max-Age|Expires/i);
      on.clock.advance("20m");
      expect((await browser.visit()).cookies).toEqual([]);
      on.clock.advance("20m");
      expect((await browser.visit()).session.userId).toBe("ann");
    },
  },
  {
    rule: "RFC 6265bis 5.7.3 (deletion)",
    holds: "deletion repeats name, Domain, Path, Secure, SameSite and Partitioned",
    options: {
      cookie: { name: "__Secure-sid", domain: "app.test", path: "/app", sameSite: "none", partitioned: true },
    },
    async check(on) {
      const browser = visitor(on.web);
      const { cookies } = await browser.visit((session) => session.login("ann"));
      const deleted = await browser.visit((session) => session.logout());
      expect(lastingAttributes(deleted.cookies[0])).toBe(lastingAttributes(cookies[0]));
      expect(lastingAttributes(cookies[0])).toBe(
        " Domain=app.test; Path=/app; Secure; HttpOnly; SameSite=None; Partitioned",
      );
      expect(keptOf(deleted.cookies[0] ?? "")).toBeUndefined();
    },
  },
  {
    rule: "sojourn/policies doctor",
    holds: "the default cookie violates no rule",
    check({ sessions, web: { cookie } }) {
      const findings = doctor(sessions, { ...(cookie !== undefined && { cookie }) });
      expect(findings.filter(({ what }) => /cookie|name/.test(what))).toEqual([]);
    },
  },
];

describe("the session cookie", () => {
  test.each(rows)("$rule: $holds", async ({ check, options }) => {
    await expect(Promise.resolve(check(setUp(options)))).resolves.toBeUndefined();
  });

  test.each<[rule: string, cookie: CookieOptions & Record<string, unknown>, options: SetupOptions, message: RegExp]>([
    ["RFC 6265bis 4.1.3", { domain: "app.test" }, {}, /__Host- with Domain/],
    ["RFC 6265bis 4.1.3", { path: "/app" }, {}, /__Host- without Path=\//],
    ["RFC 6265bis 4.1.3", { name: "__host-session" }, {}, /the prefix __host-/],
    ["RFC 6265bis 4.1.3", { name: "__SECURE-session" }, {}, /the prefix __SECURE-/],
    ["RFC 6265bis 4.1.3, ASVS 3.3.1", { secure: false }, {}, /`cookie.secure` to be true/],
    ["RFC 6265bis 4.1.3, ASVS 3.3.1", { name: "__Secure-s", secure: false }, {}, /`cookie.secure` to be true/],
    ["ASVS 3.3.1", { name: "sid", secure: false }, {}, /`development: true`/],
    ["RFC 6265bis 5.7", { sameSite: "none" }, { development: true }, /SameSite=None without Secure/],
    ["CHIPS", { partitioned: true }, { development: true }, /`cookie.partitioned` only with Secure/],
    ["RFC 6265bis 4.1.1", { name: "" }, {}, /a name that cannot be sent/],
    ["RFC 6265bis 4.1.1", { name: "a b" }, {}, /a name that cannot be sent/],
    ["RFC 6265bis 4.1.1", { name: "a=b" }, {}, /a name that cannot be sent/],
    ["RFC 6265bis 4.1.1", { name: "a;b" }, {}, /a name that cannot be sent/],
    ["RFC 6265bis 4.1.1", { name: "ä" }, {}, /a name that cannot be sent/],
    ["RFC 6265bis 5.6, ASVS 3.3.5", { name: "n".repeat(4_097 - CREDENTIAL_BYTES) }, {}, /4097 bytes/],
    ["RFC 6265bis 5.6", { path: `/${"p".repeat(1_024)}` }, {}, /a path that a cookie can have/],
    ["RFC 6265bis 5.6", { name: "s", domain: "d".repeat(1_025) }, {}, /a domain that a cookie can have/],
    ["RFC 6265bis 4.1.1", { name: "s", path: "/a;b" }, {}, /a path that a cookie can have/],
    ["RFC 6265bis 4.1.1", { name: "s", path: "/a\r\nSet-Cookie: x=1" }, {}, /a path that a cookie can have/],
    ["RFC 6265bis 4.1.1", { name: "s", path: "app" }, {}, /a path that a cookie can have/],
    ["RFC 6265bis 4.1.1", { name: "s", domain: "a.test; Secure" }, {}, /a domain that a cookie can have/],
    ["RFC 6265bis 4.1.1", { name: "s", domain: ".a.test" }, {}, /a domain that a cookie can have/],
    ["RFC 6265bis 5.5", {}, { manager: { ttl: "401d", absoluteTtl: "401d" } }, /a maxAge of 34646400 s/],
    ["ASVS 3.3.2", { sameSite: "Laxer" as "lax" }, {}, /"strict", "lax" or "none"/],
    ["ASVS 3.3.2", { sameSite: "sometimes" as "lax" }, {}, /"strict", "lax" or "none"/],
    ["ASVS 3.3.2", { sameSite: "toString" as "lax" }, {}, /"strict", "lax" or "none"/],
  ])("%s: %j is refused at creation", (_, cookie, options, message) => {
    expect(() => setUp({ ...options, cookie })).toThrow(message);
    expect(() => setUp({ ...options, cookie })).toThrow(TypeError);
  });

  test.each<[CookieOptions, SetupOptions, RegExp]>([
    [{ sameSite: "strict" }, {}, /SameSite=Strict$/],
    [{ sameSite: "none", partitioned: true }, {}, /; Secure; HttpOnly; SameSite=None; Partitioned$/],
    [{ name: "nyx_session" }, {}, /^nyx_session=/],
    [{ name: "__Secure-s", domain: "app.test", path: "/a" }, {}, /; Domain=app.test; Path=\/a; Secure;/],
    [{}, { manager: { ttl: "400d", absoluteTtl: "500d" } }, /Max-Age=34560000;/],
    [{ persistent: false }, { manager: { ttl: "500d", absoluteTtl: "500d" } }, /^[^;]*; Path=/],
  ])("%j is a cookie", async (cookie, options, line) => {
    expect((await loginLine(setUp({ ...options, cookie }))).line).toMatch(line);
  });
});
