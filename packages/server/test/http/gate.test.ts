import { describe, expect, test } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { testApp } from "../support/test-app.ts";

const KEY = "correct-horse-battery-staple-42!";
const ROUTES = [
  ["GET", "/sessions"],
  ["POST", "/sessions"],
  ["GET", "/sessions/t1"],
  ["HEAD", "/sessions/t1"],
  ["POST", "/sessions/t1/logout"],
  ["DELETE", "/sessions"],
  ["GET", "/sessions/%00"],
  ["GET", "/nowhere"],
] as const;

describe("with an API key", () => {
  test.each(ROUTES)("%s %s needs it", async (method, path) => {
    const { app, calls } = testApp({ apiKey: KEY });
    const response = await app.request(path, { method });
    expect([response.status, calls]).toEqual([401, []]);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="sojourn"');
    expect(await response.text()).toMatch(method === "HEAD" ? /^$/ : /^\{"error":".*Authorization: Bearer.*"\}$/);
  });

  test.each([
    ["another key", `Bearer ${KEY.replace("4", "5")}`],
    ["the beginning of the key", `Bearer ${KEY.slice(0, -1)}`],
    ["more than the key", `Bearer ${KEY}x`],
    ["the key twice", `Bearer ${KEY}, Bearer ${KEY}`],
    ["the key in other letters", `Bearer ${KEY.toUpperCase()}`],
    ["no key", "Bearer "],
    ["another scheme", `Basic ${KEY}`],
    ["no scheme", KEY],
    ["a longer scheme", `XBearer ${KEY}`],
  ])("%s is a 401", async (_, authorization) => {
    const { get, calls } = testApp({ apiKey: KEY });
    const response = await get("/sessions/t1", { authorization });
    expect([response.status, calls]).toEqual([401, []]);
    expect(await response.text()).not.toContain(KEY);
  });

  test.each([`Bearer ${KEY}`, `bearer ${KEY}`, `BEARER  ${KEY} `])(
    "%s will do, from any host and any page",
    async (authorization) => {
      const { get } = testApp({ apiKey: KEY });
      const headers = { authorization, host: "sessions.example.com", "sec-fetch-site": "cross-site" };
      expect((await get("/sessions", headers)).status).toBe(200);
    },
  );

  test.each([
    ["15 characters", "x".repeat(15)],
    ["nothing", ""],
    ["more than a header could carry", "x".repeat(1_025)],
    ["a space in it", `${KEY} ${KEY}`],
    ["a line break in it", `${KEY}\n`],
    ["characters that headers do not have", `${KEY}é`],
  ])("a key of %s is refused, and not repeated", (_, apiKey) => {
    const { sessions } = testApp();
    const create = (): unknown => createApp({ sessions, apiKey });
    expect(create).toThrow(TypeError);
    expect(create).toThrow(/^Expected an API key of [^x]+$/);
  });
});

describe("without an API key", () => {
  test.each(["localhost", "localhost:8787", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8787"])(
    "the host %s is this machine",
    async (host) => {
      expect((await testApp().get("/sessions", { host })).status).toBe(200);
    },
  );

  test.each([
    "evil.example",
    "evil.example:8787",
    "localhost.evil.example",
    "localhost.",
    "evil-localhost",
    "127.0.0.1.evil.example",
    "127.0.0.2",
    "127.1",
    "0.0.0.0",
    "192.168.1.10:8787",
    "[::]",
    "[::ffff:127.0.0.1]",
    "::1",
    "localhost:",
    "localhost:80, evil.example",
    "user@localhost",
    "localhost:8787x",
  ])("the host %s is a 403, on every route", async (host) => {
    for (const [method, path] of ROUTES) {
      const { app, calls } = testApp();
      const response = await app.request(path, { method, headers: { host } });
      expect([response.status, calls]).toEqual([403, []]);
      expect(await response.text()).toMatch(method === "HEAD" ? /^$/ : /^\{"error":"Without an API key.*"\}$/);
    }
  });

  test("the host is read from the URL where no header has it", async () => {
    const { app } = testApp();
    expect((await app.request("http://127.0.0.1:8787/sessions")).status).toBe(200);
    expect((await app.request("http://evil.example/sessions")).status).toBe(403);
  });

  const OWN = "http://localhost:8787";
  test.each<[string, Record<string, string>, number]>([
    ["neither of the two headers, as no page does", {}, 200],
    ["a request of our own origin", { "sec-fetch-site": "same-origin" }, 200],
    ["an address that a user has typed", { "sec-fetch-site": "none" }, 200],
    ["a page of another site", { "sec-fetch-site": "cross-site" }, 403],
    ["a page of another port of this machine", { "sec-fetch-site": "same-site" }, 403],
    ["what no browser says", { "sec-fetch-site": "same-origin, cross-site" }, 403],
    ["another site that says it is of our origin", { "sec-fetch-site": "cross-site", origin: OWN }, 403],
    ["our own origin alone", { origin: OWN }, 200],
    ["our own origin under TLS, as a proxy has it", { origin: "https://localhost:8787" }, 200],
    ["another origin alone", { origin: "https://evil.example" }, 403],
    ["another port alone", { origin: "http://localhost:3000" }, 403],
    ["no port", { origin: "http://localhost" }, 403],
    ["another name of this machine", { origin: "http://127.0.0.1:8787" }, 403],
    ["our origin within another", { origin: "http://evil.example/http://localhost:8787" }, 403],
    ["two origins", { origin: `${OWN}, https://evil.example` }, 403],
    ["the origin of a sandboxed frame", { origin: "null" }, 403],
    ["an empty origin", { origin: "" }, 403],
    ["a file, or an extension", { origin: "file://" }, 403],
  ])("%s: %o is answered with %i, on every route", async (_, headers, status) => {
    for (const [method, path] of ROUTES) {
      const { app, calls } = testApp();
      const response = await app.request(path, { method, headers: { host: "localhost:8787", ...headers } });
      if (status === 200) expect(response.status).not.toBe(403);
      else {
        expect([response.status, calls]).toEqual([403, []]);
        expect(await response.text()).toMatch(method === "HEAD" ? /^$/ : /^\{"error":"Without an API key.*"\}$/);
      }
    }
  });

  test.each<[string, Record<string, string>]>([
    ["with Sec-Fetch-Site", { "sec-fetch-site": "cross-site" }],
    ["of another port", { "sec-fetch-site": "same-site" }],
    ["of a browser that sends only its origin", {}],
  ])("an origin that `cors` names may ask, %s", async (_, headers) => {
    const origin = "https://app.example.com";
    const status = async (cors: readonly string[]): Promise<number> =>
      (await testApp({ cors }).get("/sessions", { host: "localhost", origin, ...headers })).status;
    expect([await status([origin]), await status(["https://other.example.com"])]).toEqual([200, 403]);
  });
});

describe("open", () => {
  test.each(ROUTES)("%s %s is answered to everybody", async (method, path) => {
    const { app } = testApp({ open: true });
    const headers = { host: "sessions.example.com", "sec-fetch-site": "cross-site", authorization: "Bearer x" };
    expect([401, 403]).not.toContain((await app.request(path, { method, headers })).status);
  });
});
