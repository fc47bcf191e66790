/** What refuses a request before its credential is looked at: other sites, and guessers. */
import { describe, expect, test } from "vitest";
import { CrossSiteRequestError, StoreError, TooManyAttemptsError } from "../../src/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import type { LookupFailure } from "../../src/web/cookies/index.ts";
import { floor, visitor, type Floor } from "./support/visitor.ts";

const url = "https://app.test/transfer";
const guarded = (): Floor =>
  floor({ bearer: true, csrf: { trustedOrigins: ["https://partner.test", "https://api.app.test:8443"] } });

async function loggedIn(on: Floor): Promise<string> {
  const browser = visitor(on.web);
  await browser.visit((session) => session.login("ann"));
  on.calls.length = 0;
  return browser.cookie ?? "";
}

describe("csrf", () => {
  test.each<[allowed: boolean, method: string, headers: Record<string, string>]>([
    [true, "POST", { "sec-fetch-site": "same-origin" }],
    [true, "POST", { "sec-fetch-site": "none" }],
    [true, "POST", { "sec-fetch-site": "same-origin", origin: "https://evil.test" }],
    [false, "POST", { "sec-fetch-site": "same-site" }],
    [false, "POST", { "sec-fetch-site": "cross-site" }],
    [false, "POST", { "sec-fetch-site": "cross-site", origin: "https://app.test" }],
    [false, "POST", { "sec-fetch-site": "" }],
    [false, "POST", { "sec-fetch-site": "same-origin, cross-site" }],
    [true, "POST", { "sec-fetch-site": "cross-site", origin: "https://partner.test" }],
    [true, "POST", { "sec-fetch-site": "same-site", origin: "https://api.app.test:8443" }],
    [false, "POST", { "sec-fetch-site": "same-site", origin: "https://api.app.test" }],
    [false, "POST", { "sec-fetch-site": "cross-site", origin: "https://partner.test.evil.test" }],
    [true, "POST", { origin: "https://app.test" }],
    [false, "POST", { origin: "https://app.test:8443" }],
    [false, "POST", { origin: "https://evil.test" }],
    [false, "POST", { origin: "https://app.test.evil.test" }],
    [false, "POST", { origin: "https://evilapp.test" }],
    [false, "POST", { origin: "https://sub.app.test" }],
    [false, "POST", { origin: "null" }],
    [false, "POST", { origin: "" }],
    [true, "POST", { origin: "https://partner.test" }],
    [true, "POST", { host: "app.internal", origin: "https://app.internal" }],
    [false, "POST", { host: "app.internal", origin: "https://app.test" }],
    [true, "POST", {}],
    [false, "PUT", { "sec-fetch-site": "cross-site" }],
    [false, "PATCH", { "sec-fetch-site": "cross-site" }],
    [false, "DELETE", { "sec-fetch-site": "cross-site" }],
    [false, "get", { "sec-fetch-site": "cross-site" }],
    [true, "GET", { "sec-fetch-site": "cross-site" }],
    [true, "HEAD", { "sec-fetch-site": "cross-site" }],
    [true, "OPTIONS", { origin: "https://evil.test" }],
  ])("allowed: %j for %s %j", async (allowed, method, headers) => {
    const on = guarded();
    const cookie = await loggedIn(on);
    const visit = async (): Promise<unknown> => on.web.start({ url, method, headers: { cookie, ...headers } });
    if (allowed) await expect(visit()).resolves.toMatchObject({ userId: "ann" });
    else {
      await expect(visit()).rejects.toMatchObject({ code: "cross_site_request", status: 403 });
      expect(on.calls).toEqual([]);
    }
  });

  test("exempts requests that carry their token in a header: no other site can set one", async () => {
    const on = guarded();
    const { headers } = await visitor(on.again({ cookie: false })).visit((session) => session.login("ann"));
    const { session } = await visitor(on.web, await loggedIn(on)).visit(undefined, {
      method: "POST",
      headers: { authorization: headers.get("Authorization") ?? "", "sec-fetch-site": "cross-site" },
    });
    expect(session.userId).toBe("ann");
  });

  test("lets another site's request without a cookie through, but not log anybody in", async () => {
    const on = guarded();
    const headers = { "sec-fetch-site": "cross-site" };
    const { session } = await visitor(on.web).visit(
      async (session) => {
        await expect(async () => session.login("mallory")).rejects.toThrow(CrossSiteRequestError);
      },
      { method: "POST", headers },
    );
    expect(session.userId).toBeNull();
    expect(on.calls).toEqual([]);
    // The way back from an identity provider is a GET.
    await visitor(on.web).visit((session) => session.login("ann"), { headers });
    expect(await on.sessions.count()).toBe(1);
  });

  test("is off unless it is asked for", async () => {
    const on = floor();
    const cookie = await loggedIn(on);
    const headers = { cookie, "sec-fetch-site": "cross-site" };
    expect((await on.web.start({ url, method: "POST", headers })).userId).toBe("ann");
    const asked = on.again({ csrf: true });
    await expect(async () => asked.start({ url, method: "POST", headers })).rejects.toThrow(CrossSiteRequestError);
  });

  test.each(["partner.test", "https://partner.test/", "https://partner.test/a", "", 1 as unknown as string])(
    "the origin %j is refused",
    (origin) => {
      expect(() => floor({ csrf: { trustedOrigins: [origin] } })).toThrow("Expected `csrf.trustedOrigins`");
    },
  );
});

function watched(): Floor & { readonly failures: LookupFailure[]; readonly asked: (string | undefined)[] } {
  const failures: LookupFailure[] = [];
  const asked: (string | undefined)[] = [];
  const on = floor({
    bearer: true,
    guard: {
      admits(address) {
        asked.push(address);
        const count = failures.filter((failure) => failure.address === address).length;
        return count < 3 || { retryAfter: 60 };
      },
      failed: (failure) => failures.push(failure),
    },
  });
  return { ...on, failures, asked };
}

describe("a guard", () => {
  test("is told of each credential that let nobody in, without the credential", async () => {
    const on = watched();
    const ann = visitor(on.web);
    await ann.visit((session) => session.login("ann"));
    const cookie = ann.cookie ?? "";
    const forged = `${cookie.slice(0, -4)}AAAA`;
    await ann.visit((session) => session.logout());
    for (const [value, address] of [
      ["__Host-session=x", "a"],
      [forged, "b"],
      [cookie, "c"],
      [`${cookie};${cookie}`, "d"],
    ] as const) {
      const session = await on.web.start({ headers: { cookie: value } }, { address });
      expect(session.userId).toBeNull();
    }
    await on.web.start({ headers: { authorization: "Bearer x" } }, { address: "e" });
    const at = on.clock.now();
    expect(on.failures).toEqual([
      { reason: "malformed", carrier: "cookie", address: "a", at },
      { reason: "forged", carrier: "cookie", address: "b", at },
      { reason: "not-live", carrier: "cookie", address: "c", at },
      { reason: "malformed", carrier: "cookie", address: "d", at },
      { reason: "malformed", carrier: "bearer", address: "e", at },
    ]);
  });

  test("refuses before the store is asked, and not those who present nothing", async () => {
    const on = watched();
    const ann = visitor(on.web);
    await ann.visit((session) => session.login("ann"));
    for (let guesses = 0; guesses < 3; guesses++) {
      await on.web.start({ headers: { cookie: `__Host-session=${guesses}` } }, { address: "6.6.6.6" });
    }
    on.calls.length = 0;
    const headers = { cookie: ann.cookie };
    await expect(async () => on.web.start({ headers }, { address: "6.6.6.6" })).rejects.toMatchObject({
      code: "too_many_attempts",
      status: 429,
      retryAfter: 60,
    });
    expect(on.calls).toEqual([]);
    expect((await on.web.start({ headers: {} }, { address: "6.6.6.6" })).userId).toBeNull();
    expect((await on.web.start({ headers }, { address: "7.7.7.7" })).userId).toBe("ann");
  });

  test("knows the address that Node knows", async () => {
    const on = watched();
    const request = { headers: { cookie: "__Host-session=x" }, socket: { remoteAddress: "10.0.0.1" } };
    await on.web.start(request);
    await on.web.start(request, { address: "10.0.0.2" });
    expect(on.asked).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  test("may refuse without a time, or only listen", async () => {
    const refusing = floor({ guard: { admits: () => false } });
    await expect(async () => refusing.web.start({ headers: { cookie: "__Host-session=x" } })).rejects.toThrow(
      TooManyAttemptsError,
    );
    const listening = floor({ guard: { failed: () => {} } });
    expect((await listening.web.start({ headers: { cookie: "__Host-session=x" } })).userId).toBeNull();
  });

  test("hears nothing of a store that is down: that is no guess", async () => {
    const inner = memoryStore();
    const ann = visitor(floor({ store: inner }).web);
    await ann.visit((session) => session.login("ann"));
    const failures: LookupFailure[] = [];
    const store = faultyStore(inner, [{ call: "get", fault: "fail" }]);
    const down = floor({ store, guard: { failed: (failure) => failures.push(failure) } });
    await expect(async () => visitor(down.web, ann.cookie).visit()).rejects.toThrow(StoreError);
    expect(failures).toEqual([]);
  });
});
