/** Which keys are accepted, how they are changed without logging anybody out, and what is published of them. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import * as jose from "jose";
import { describe, expect, test } from "vitest";
import { createAuth, type AuthOptions, type Jwk } from "../../src/auth/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { SECRET } from "./support/auths.ts";

const ec: Jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
const ed: Jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
const publicOf = (jwk: Jwk): Jwk => ({ ...jwk, d: undefined });
const auth = (options: object): ReturnType<typeof createAuth> => createAuth(options as AuthOptions<"sync">);
const thrownBy = (options: object): unknown => {
  try {
    auth(options);
  } catch (error) {
    return error;
  }
  return undefined;
};

const kidOf = async (key: Jwk | string): Promise<unknown> =>
  jose.decodeProtectedHeader((await createAuth({ keys: [key] }).signToken("u")).accessToken).kid;

test("the secret of the first lines that anybody tries runs", async () => {
  const { accessToken } = await createAuth({ jwtSecret: "my-secret" }).signToken("user-42");
  expect(jose.decodeProtectedHeader(accessToken)).toEqual({
    alg: "HS256",
    kid: expect.stringMatching(/^[\w-]{22}$/),
    typ: "at+jwt",
  });
  // As anybody else would verify it.
  const { payload } = await jose.jwtVerify(accessToken, new TextEncoder().encode("my-secret"), { typ: "at+jwt" });
  expect(payload.sub).toBe("user-42");
});

const secretOf = (bytes: number): Jwk => ({ kty: "oct", k: Buffer.alloc(bytes, 7).toString("base64url") });

describe("a short secret", () => {
  test.each<[string, object]>([
    ["one character", { jwtSecret: "s" }],
    ["seven characters", { jwtSecret: "sevench" }],
    ["six bytes in three characters", { jwtSecret: "\u00e4\u00f6\u00fc" }],
    ["seven bytes among keys", { keys: [SECRET, "sevench"] }],
    ["seven bytes as a JSON Web Key", { keys: [secretOf(7)] }],
  ])("%s is refused: anybody finds it by trying", (_, options) => {
    expect(thrownBy(options)).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(/8 bytes.*, got [167]$/),
    });
  });

  test.each<[string, object]>([
    ["eight bytes", { jwtSecret: "my-secre" }],
    ["eight bytes in four characters", { jwtSecret: "\u00e4\u00f6\u00fc\u00df" }],
    ["eight bytes as a JSON Web Key", { keys: [secretOf(8)] }],
  ])("%s are taken", (_, options) => {
    expect(thrownBy(options)).toBeUndefined();
  });

  test("below 32 bytes the process is warned, once, without the secret", async () => {
    const script = `
      import { createAuth } from "sojourn/auth";
      const warnings = [];
      process.on("warning", ({ name, code, message }) => warnings.push({ name, code, message }));
      createAuth({ jwtSecret: ${JSON.stringify(SECRET)} });
      await new Promise(setImmediate);
      const before = warnings.length;
      for (const jwtSecret of ["my-secret", "my-secret", ${JSON.stringify(SECRET.slice(1))}]) createAuth({ jwtSecret });
      await new Promise(setImmediate);
      console.log(JSON.stringify([before, warnings]));`;
    const options = { cwd: fileURLToPath(new URL("../../../../", import.meta.url)), encoding: "utf8" } as const;
    const given = ["--input-type=module", "--eval", script];
    const [before, warnings] = JSON.parse(execFileSync(process.execPath, given, { ...options, stdio: "pipe" })) as [
      number,
      readonly { readonly message: string }[],
    ];
    expect(before).toBe(0);
    expect(warnings).toEqual([
      { name: "SojournWarning", code: "SOJOURN_SHORT_SECRET", message: expect.stringContaining("at least 32 bytes") },
    ]);
    expect(warnings[0]?.message).not.toContain("my-secret");
  });
});

describe("what is not a key is refused, and no message holds it", () => {
  const hidden = "tHiS-iS-hIdDeN";
  test.each<[string, object]>([
    ["nothing", {}],
    ["undefined, as of an unset variable", { jwtSecret: undefined }],
    ["an empty secret", { jwtSecret: "" }],
    ["a number", { jwtSecret: 42 }],
    ["null", { jwtSecret: null }],
    ["both", { jwtSecret: hidden, keys: [hidden] }],
    ["no keys", { keys: [] }],
    ["keys that are no array", { keys: hidden }],
    ["an empty secret among keys", { keys: [hidden, ""] }],
    ["two keys with one kid", { keys: [hidden, hidden] }],
    ["a number among keys", { keys: [42] }],
    ["null among keys", { keys: [null] }],
    ["a public key first", { keys: [publicOf(ec), hidden] }],
    ["RSA", { keys: [{ kty: "RSA", n: hidden, e: "AQAB" }] }],
    ["another curve", { keys: [{ ...ec, crv: "P-384" }] }],
    ["X25519", { keys: [{ ...ed, crv: "X25519" }] }],
    ["another algorithm", { keys: [{ ...ec, alg: "HS256" }] }],
    ["a secret for none", { keys: [{ kty: "oct", k: hidden, alg: "none" }] }],
    ["a key for encryption", { keys: [{ ...ec, use: "enc" }] }],
    ["a coordinate that is missing", { keys: [{ ...ec, y: undefined }] }],
    ["a private part that is cut off", { keys: [{ ...ec, d: hidden }] }],
    ["an empty oct", { keys: [{ kty: "oct", k: "" }] }],
    ["an oct that is not base64url", { keys: [{ kty: "oct", k: `${hidden}!` }] }],
    ["a kid that is empty", { keys: [{ ...ec, kid: "" }] }],
    ["a kid with a line break", { keys: [{ ...ec, kid: "a\nb" }] }],
  ])("%s", (_, options) => {
    const error = thrownBy(options);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain(hidden);
    expect(String(error)).not.toContain(ec.d);
  });
});

test.each([
  ["a P-256 key", ec, "ES256"],
  ["an Ed25519 key", ed, "EdDSA"],
  ["an Ed25519 key by its other name", { ...ed, alg: "Ed25519" }, "EdDSA"],
  ["a secret as a JWK", { kty: "oct", k: "bXktc2VjcmV0" }, "HS256"],
  ["a secret as it is", SECRET, "HS256"],
])("%s signs with %s", async (_, key, alg) => {
  const { signToken, verifyToken } = createAuth({ keys: [key] });
  const { accessToken } = await signToken("user-42");
  expect(jose.decodeProtectedHeader(accessToken).alg).toBe(alg);
  expect(await verifyToken(accessToken)).toMatchObject({ sub: "user-42" });
});

test("a kid that is given is used; otherwise it is the thumbprint of RFC 7638", async () => {
  expect(await kidOf({ ...ec, kid: "2026-11" })).toBe("2026-11");
  expect(await kidOf(ec)).toBe(await jose.calculateJwkThumbprint(ec as jose.JWK));
  expect(await kidOf(ed)).toBe(await jose.calculateJwkThumbprint(ed as jose.JWK));
});

test("the kid of a secret is no plain hash of it", async () => {
  const jwk = { kty: "oct", k: Buffer.from(SECRET).toString("base64url") };
  for (const key of [SECRET, jwk]) {
    expect(await jose.calculateJwkThumbprint(jwk)).not.toContain(await kidOf(key));
  }
});

describe("changing keys", () => {
  const clock = manualClock();
  test.each<[string, Jwk | string, Jwk | string]>([
    ["secrets", "old secret", "new secret"],
    ["keys", ec, ed],
    ["from a secret to a key", SECRET, ec],
  ])("%s: nobody is logged out on the way", async (_, old, next) => {
    const before = createAuth({ keys: [old], clock });
    const between = createAuth({ keys: [old, next], clock });
    const after = createAuth({ keys: [next, old], clock });
    const done = createAuth({ keys: [next], clock });
    const early = (await before.signToken("user-42")).accessToken;
    const middle = (await between.signToken("user-42")).accessToken;
    const late = (await after.signToken("user-42")).accessToken;
    for (const [servers, jwt] of [
      [[before, between, after], early],
      [[before, between, after], middle],
      [[between, after, done], late],
    ] as const) {
      for (const server of servers) expect(await server.verifyToken(jwt)).not.toBeNull();
    }
    expect(await done.verifyToken(early)).toBeNull();
    expect(await before.verifyToken(late)).toBeNull();
  });

  test("a secret has the same kid as jwtSecret and among keys", async () => {
    const { accessToken } = await createAuth({ jwtSecret: SECRET }).signToken("user-42");
    expect(await createAuth({ keys: [ec, SECRET] }).verifyToken(accessToken)).not.toBeNull();
  });

  test("a public key verifies what its private one signed", async () => {
    const { accessToken } = await createAuth({ keys: [ec] }).signToken("user-42");
    expect(await createAuth({ keys: [SECRET, publicOf(ec)] }).verifyToken(accessToken)).not.toBeNull();
  });
});

describe("what is published", () => {
  test("public parts only, with what a verifier needs", () => {
    const { keys } = createAuth({ keys: [{ ...ec, kid: "a" }, ed, SECRET, { kty: "oct", k: "AAAAAAAAAAA" }] }).jwks();
    expect(keys).toEqual([
      { kty: "EC", crv: "P-256", x: ec.x, y: ec.y, kid: "a", alg: "ES256", use: "sig" },
      { kty: "OKP", crv: "Ed25519", x: ed.x, kid: expect.any(String), alg: "EdDSA", use: "sig" },
    ]);
    const text = JSON.stringify(keys);
    for (const secret of [ec.d, ed.d, SECRET]) expect(text).not.toContain(secret);
  });

  test("never a secret", () => {
    expect(createAuth({ jwtSecret: SECRET }).jwks()).toEqual({ keys: [] });
  });

  test("others verify with it", async () => {
    const made = createAuth({ keys: [ed, ec] });
    const { accessToken } = await made.signToken("user-42");
    const keys = jose.createLocalJWKSet({ keys: [...made.jwks().keys] });
    expect((await jose.jwtVerify(accessToken, keys, { issuer: "sojourn", audience: "sojourn" })).payload.sub).toBe(
      "user-42",
    );
  });
});

describe("the other options", () => {
  test.each<[string, object]>([
    ["sessionTtl", { sessionTtl: 0 }],
    ["sessionTtl", { sessionTtl: "1h" }],
    ["sessionTtl", { sessionTtl: Number.NaN }],
    ["sessionRefreshThreshold", { sessionRefreshThreshold: -1 }],
    ["sessionAbsoluteTtl", { sessionAbsoluteTtl: 60 }],
    ["rotationGrace", { rotationGrace: -1 }],
    ["accessTokenTtl", { accessTokenTtl: 0 }],
    ["accessTokenTtl", { accessTokenTtl: 1.5 }],
    ["issuer", { issuer: "" }],
    ["audience", { audience: ["a"] }],
    ["clock", { clock: {} }],
    ["store", { store: {} }],
    ["sessionTtl", { sessionTTL: 60 }],
    ["jwtSecret", { jwtSecrets: SECRET }],
  ])("%s is refused by its name: %j", (name, options) => {
    const error = thrownBy({ jwtSecret: SECRET, ...options });
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(`\`${name}\``);
    expect(String(error)).not.toContain(SECRET);
  });
});
