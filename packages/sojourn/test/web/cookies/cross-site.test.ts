/** Requests that another site makes a browser send. */
import { describe, expect, test } from "vitest";
import { CrossSiteRequestError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { IncomingRequest, RequestSession } from "../../../src/web/cookies/index.ts";
import { adapters } from "../support/adapters.ts";
import { KEY, setUp, visitor, type Data, type Setup } from "../support/visitor.ts";

const url = "https://app.test/transfer";
const guarded = (): Setup =>
  setUp({ bearer: true, csrf: { trustedOrigins: ["https://partner.test", "https://api.app.test:8443"] } });

async function refusal(web: Setup["web"], request: IncomingRequest): Promise<CrossSiteRequestError> {
  try {
    await web.start(request);
  } catch (error) {
    if (error instanceof CrossSiteRequestError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

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

  test("is on by default, where a cookie carries the token, and off if that is asked for", async () => {
    const on = setUp();
    const cookie = await loggedIn(on);
    const request = { url, method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } };
    await expect(async () => on.web.start(request)).rejects.toThrow(CrossSiteRequestError);
    expect((await on.again({ csrf: false }).start(request)).userId).toBe("ann");
    const bearer = on.again({ cookie: false, bearer: true });
    expect((await bearer.start({ ...request, headers: { "sec-fetch-site": "cross-site" } })).userId).toBeNull();
  });

  test("refuses also who brings no cookie, who could overwrite a login or plant fields for the next one", async () => {
    const on = setUp({ bearer: true });
    const request = { url, method: "POST", headers: { "sec-fetch-site": "cross-site" } };
    await expect(async () => on.web.start(request)).rejects.toThrow(CrossSiteRequestError);
    expect(on.calls).toEqual([]);
    // The way back from an identity provider is a GET.
    await visitor(on.web).visit((session) => session.login("ann"), { headers: request.headers });
    expect(await on.sessions.count()).toBe(1);
  });

  test.each([
    ["GET", { upgrade: "websocket" }],
    ["GET", { upgrade: "WebSocket", connection: "Upgrade" }],
    ["CONNECT", {}],
  ])("an upgrade is never safe, since no other check guards what it opens: %s %j", async (method, headers) => {
    const on = setUp();
    const cookie = await loggedIn(on);
    const from = async (origin: string): Promise<unknown> =>
      on.web.start({ url, method, headers: { cookie, host: "app.test", origin, ...headers } });
    await expect(from("https://evil.test")).rejects.toThrow(CrossSiteRequestError);
    await expect(from("https://app.test")).resolves.toMatchObject({ userId: "ann" });
  });

  test.each([
    [{ "sec-fetch-site": "cross-site", origin: "https://pay.test" }, 'csrf: { trustedOrigins: ["https://pay.test"] }'],
    [{ origin: "https://pay.test:8443" }, 'csrf: { trustedOrigins: ["https://pay.test:8443"] }'],
    [{ "sec-fetch-site": "cross-site" }, "csrf: { trustedOrigins: […] }"],
    [{ "sec-fetch-site": "cross-site", origin: "null" }, "csrf: { trustedOrigins: […] }"],
    [{ origin: "https://pay.test/<script>" }, "csrf: { trustedOrigins: […] }"],
  ])("the error for %j tells the developer how to trust the origin, and not the visitor", async (headers, line) => {
    const request = { method: "POST", headers };
    const error = await refusal(setUp().web, { url, ...request });
    expect(error.message).toBe("The request was made by another site, and was refused");
    expect(error.hint).toContain(line);
    expect(error.stack).toBe(`CrossSiteRequestError: ${error.message}. ${error.hint}`);
    expect(error.hint).not.toContain("<script>");
    // Only developers get there.
    const atHome = await refusal(setUp({ development: true }).web, { url: "http://localhost:3000/", ...request });
    expect(atHome.message).toBe(`${error.message}. ${error.hint}`);
  });

  // The last ones are none that a browser sends: it would never be let through.
  test.each([
    "partner.test",
    "https://partner.test/",
    "https://partner.test/a",
    "",
    1 as unknown as string,
    "https://Partner.test",
    "https://partner.test:443",
    "http://partner.test:80",
    "https://ann@partner.test",
    "https://partner.test:99999",
  ])("the origin %j is refused", (origin) => {
    expect(() => setUp({ csrf: { trustedOrigins: [origin] } })).toThrow("Expected `csrf.trustedOrigins`");
  });

  test("the origin of a browser's extension is one", () => {
    expect(() => setUp({ csrf: { trustedOrigins: ["chrome-extension://abcdefghijklmnop"] } })).not.toThrow();
  });
});

const plant = (session: RequestSession<Data>): string => (session.set("planted", true), "done");

describe.each(adapters)("%s", (name, serve) => {
  test.each<[method: string, headers: Record<string, string>]>([
    ["POST", { "sec-fetch-site": "cross-site", origin: "https://evil.test" }],
    ["POST", { "sec-fetch-site": "same-site" }],
    ["DELETE", { origin: "https://evil.test" }],
    ["GET", { origin: "https://evil.test", connection: "Upgrade", upgrade: "websocket" }],
  ])("answers another site's %s %j with 403, and no cookie", async (method, headers) => {
    const sessions = createSessions<Data>();
    const { ask } = await serve({ sessions, keys: [KEY] }, plant);
    const answer = await ask("/", { method, headers });
    expect(answer).toMatchObject({ status: 403, lines: [] });
    expect(answer.body).toContain("The request was made by another site, and was refused");
    // Express shows the stack to everybody unless it is told that this is production: see its own test.
    if (!name.startsWith("Express")) expect(answer.body).not.toMatch(/csrf|trustedOrigins/);
    expect(sessions.count()).toBe(0);
    expect(await ask("/", { method })).toMatchObject({ status: 200, lines: [expect.any(String)] });
  });
});
