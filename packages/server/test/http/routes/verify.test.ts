import { createSessions } from "sojourn";
import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { cookieIn, COOKIE, verifyBench, type VerifyBench } from "../../support/verify-bench.ts";

const METHOD = { "x-forwarded-method": "GET" };

async function ask({ service }: VerifyBench, headers: Record<string, string>): Promise<Response> {
  return service.app.request("http://proxy.internal/verify", { headers });
}

test("a cookie that was signed is answered with the user and the session, and nothing to set", async () => {
  const bench = verifyBench();
  const cookie = await bench.login("u_42");
  const response = await ask(bench, { ...METHOD, cookie: `theme=dark; ${cookie}` });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-sojourn-user")).toBe("u_42");
  expect(response.headers.get("x-sojourn-session")).toMatch(/^sess_[\w-]{22}$/);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.getSetCookie()).toEqual([]);
});

test("without a credential, with a forged one, and for a visitor without an account it is 401", async () => {
  const bench = verifyBench();
  const cookie = await bench.login("u_42");
  const forged = cookie.slice(0, -1) + (cookie.endsWith("A") ? "B" : "A");
  const visitor = await bench.login(null);
  for (const headers of [{}, { cookie: forged }, { cookie: `${COOKIE}=x` }, { cookie: visitor }]) {
    const response = await ask(bench, { ...METHOD, ...headers });
    expect(response.status).toBe(401);
    expect([...response.headers.keys()].filter((name) => name.startsWith("x-sojourn-"))).toEqual([]);
  }
});

test("a session is extended, and the answer has the cookie that says so", async () => {
  const bench = verifyBench();
  const cookie = await bench.login("u_42");
  bench.clock.advance("29m");
  const response = await ask(bench, { ...METHOD, cookie });
  expect(response.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^__Host-session=sess_.*; Max-Age=1800; Path=/),
  ]);
  bench.clock.advance("29m");
  expect((await ask(bench, { ...METHOD, cookie: cookieIn(response.headers) })).status).toBe(200);
  bench.clock.advance("1h");
  expect((await ask(bench, { ...METHOD, cookie })).status).toBe(401);
});

test("a bearer token is taken as well", async () => {
  const bench = verifyBench();
  const session = bench.web.start({ headers: { authorization: "Bearer none" } });
  session.login("u_43");
  const headers = new Headers();
  session.commit(headers);
  const authorization = headers.get("authorization") ?? "";
  expect(authorization).toMatch(/^Bearer sess_/);
  const response = await ask(bench, { ...METHOD, authorization });
  expect([response.status, response.headers.get("x-sojourn-user")]).toEqual([200, "u_43"]);
});

test("a store that fails is a 503, and never a 401", async () => {
  const bench = verifyBench();
  const cookie = await bench.login("u_42");
  bench.setDown(true);
  const response = await ask(bench, { ...METHOD, cookie });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(response.headers.getSetCookie()).toEqual([]);
  bench.setDown(false);
  expect((await ask(bench, { ...METHOD, cookie })).status).toBe(200);
});

describe("requests of another site", () => {
  const fromElsewhere = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };

  test.each([
    ["a form of another site", { ...fromElsewhere, "x-forwarded-method": "POST" }, 403],
    ["a link on another site", { ...fromElsewhere, "x-forwarded-method": "GET" }, 200],
    ["a form of the site itself", { "sec-fetch-site": "same-origin", "x-forwarded-method": "POST" }, 200],
    ["a socket for another site", { ...fromElsewhere, ...METHOD, "sec-websocket-key": "x" }, 403],
    [
      "an old browser, by host",
      { origin: "https://app.example", "x-forwarded-host": "app.example", "x-forwarded-method": "POST" },
      200,
    ],
    [
      "an old browser, by another host",
      { origin: "https://evil.example", "x-forwarded-host": "app.example", "x-forwarded-method": "POST" },
      403,
    ],
    ["a proxy that does not say the method", {}, 400],
    ["a method that is none", { "x-forwarded-method": "GET, POST" }, 400],
  ])("%s", async (_, headers, status) => {
    const bench = verifyBench();
    const cookie = await bench.login("u_42");
    expect((await ask(bench, { ...(headers as Record<string, string>), cookie })).status).toBe(status);
  });
});

describe("what is told", () => {
  test.each([
    ["a line break", "a\r\nX-Admin: yes", "a%0D%0AX-Admin:%20yes"],
    ["letters that are not ASCII", "Jürgen 😀", "J%C3%BCrgen%20%F0%9F%98%80"],
    ["half a pair of surrogates", "a\ud800b", "a%EF%BF%BDb"],
    ["a percent sign and a comma", "100%,", "100%25%2C"],
    ["a number", 7, "7"],
    ["an object", { a: [1] }, "{%22a%22:[1]}".replaceAll("%22", '"')],
    ["nothing", null, "null"],
  ])("%s", async (_, given, told) => {
    const bench = verifyBench(["Nick", "absent", "constructor"]);
    const cookie = await bench.login("u_42", { Nick: given, secret: "s3cret" });
    const { status, headers } = await ask(bench, { ...METHOD, cookie });
    expect([status, headers.get("x-sojourn-data-nick")]).toEqual([200, told]);
    expect([headers.get("x-sojourn-data-absent"), headers.get("x-sojourn-data-constructor")]).toEqual(["", ""]);
    expect(JSON.stringify([...headers])).not.toContain("s3cret");
  });

  test("a user id with a line break and more", async () => {
    const bench = verifyBench();
    const { headers } = await ask(bench, { ...METHOD, cookie: await bench.login("ann\nX: é") });
    expect(headers.get("x-sojourn-user")).toBe("ann%0AX:%20%C3%A9");
    expect(decodeURIComponent(headers.get("x-sojourn-user") ?? "")).toBe("ann\nX: é");
  });

  test("a value that no header can hold is a 500, and not left out", async () => {
    const bench = verifyBench(["note"]);
    expect((await ask(bench, { ...METHOD, cookie: await bench.login("u", { note: "x".repeat(3_000) }) })).status).toBe(
      500,
    );
  });
});

test("there is no such path without keys, and fields that no header can have are refused", async () => {
  const { web } = verifyBench();
  const sessions = createSessions();
  expect((await createApp({ sessions }).request("/verify", { headers: { host: "localhost" } })).status).toBe(404);
  for (const fields of [["a b"], [""], ["a", "A"], ["é"], "a", [1]]) {
    expect(() => createApp({ sessions, verify: { web, fields: fields as string[] } })).toThrow(
      "Expected `verify` to be",
    );
  }
});
