/** The public keys, for those who verify access tokens without asking us. */
import { generateKeyPairSync } from "node:crypto";
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import { createAuth } from "sojourn/auth";
import { describe, expect, test } from "vitest";
import { serveApp } from "../../support/listening.ts";
import { said, testApp } from "../../support/test-app.ts";

const PATH = "/.well-known/jwks.json";
const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
const secret = "q0kZyQ4uT2mV8rJx6bWc1nLh7dGf5sPa";
const auth = createAuth({ keys: [key, secret] });

test("no keys, no path", async () => {
  expect((await testApp().get(PATH)).status).toBe(404);
});

describe("with keys", () => {
  test("the public ones are published, as JSON, without asking the store", async () => {
    const { get, calls } = testApp({ jwks: auth.jwks });
    const response = await get(PATH);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    const text = await response.text();
    expect(text).not.toContain(key.d);
    expect(text).not.toContain(secret);
    const { accessToken } = await auth.signToken("user-42");
    const { payload } = await jwtVerify(accessToken, createLocalJWKSet(JSON.parse(text) as JSONWebKeySet));
    expect(payload.sub).toBe("user-42");
    expect(calls).toEqual([]);
  });

  test("a secret alone publishes nothing", async () => {
    const { get } = testApp({ jwks: createAuth({ jwtSecret: secret }).jwks });
    expect(await said(get(PATH))).toBe('200 {"keys":[]}');
  });

  test("keys may come as a promise, and change", async () => {
    let keys: readonly object[] = [];
    const { get } = testApp({ jwks: async () => ({ keys }) });
    expect(await said(get(PATH))).toBe('200 {"keys":[]}');
    keys = [{ kid: "a" }];
    expect(await said(get(PATH))).toBe('200 {"keys":[{"kid":"a"}]}');
  });

  test("another service fetches them from a real socket, and verifies with them", async () => {
    const server = await serveApp(testApp({ jwks: auth.jwks }).app);
    try {
      const keys = createRemoteJWKSet(new URL(PATH, server.url));
      const pair = await auth.signToken(auth.createSession("user-42"));
      const { payload } = await jwtVerify(pair?.accessToken ?? "", keys, { issuer: "sojourn", audience: "sojourn" });
      expect(payload.sub).toBe("user-42");
    } finally {
      await server.close(1_000);
    }
  });

  test("other methods are refused", async () => {
    const { post } = testApp({ jwks: auth.jwks });
    const response = await post(PATH);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test("behind the API key, like every route", async () => {
    const apiKey = "0123456789abcdef0123456789abcdef";
    const { get } = testApp({ jwks: auth.jwks, apiKey });
    expect((await get(PATH)).status).toBe(401);
    expect((await get(PATH, { authorization: `Bearer ${apiKey}` })).status).toBe(200);
  });

  test("keys that cannot be had are our fault, and the answer does not say why", async () => {
    const { get } = testApp({
      jwks: () => {
        throw new Error("the key file is gone");
      },
    });
    expect(await said(get(PATH))).not.toContain("key file");
    expect((await get(PATH)).status).toBe(500);
  });
});
