/** Requests that another site makes a browser send. */
import { describe, expect, test } from "vitest";
import { CrossSiteRequestError } from "../../../src/errors.ts";
import { setUp, visitor, type Setup } from "../support/visitor.ts";

const url = "https://app.test/transfer";
const guarded = (): Setup =>
  setUp({ bearer: true, csrf: { trustedOrigins: ["https://partner.test", "https://api.app.test:8443"] } });

async function loggedIn(on: Setup): Promise<string> {
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
    const on = setUp();
    const cookie = await loggedIn(on);
    const headers = { cookie, "sec-fetch-site": "cross-site" };
    expect((await on.web.start({ url, method: "POST", headers })).userId).toBe("ann");
    const asked = on.again({ csrf: true });
    await expect(async () => asked.start({ url, method: "POST", headers })).rejects.toThrow(CrossSiteRequestError);
  });

  test.each(["partner.test", "https://partner.test/", "https://partner.test/a", "", 1 as unknown as string])(
    "the origin %j is refused",
    (origin) => {
      expect(() => setUp({ csrf: { trustedOrigins: [origin] } })).toThrow("Expected `csrf.trustedOrigins`");
    },
  );
});
