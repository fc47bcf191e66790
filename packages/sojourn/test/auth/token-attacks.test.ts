/** What is forged, foreign, out of its time or not a token at all is refused, and for the right reason (RFC 8725). */
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { createAuth, type Auth, type Jwk, type TokenFault } from "../../src/auth/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { SECRET } from "./support/auths.ts";

type Json = Record<string, unknown>;

const encode = (value: Json | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const decode = (part: string | undefined): Json => JSON.parse(Buffer.from(part ?? "", "base64url").toString()) as Json;
const hs256 = (key: string | Buffer, input: string): string =>
  createHmac("sha256", key).update(input).digest("base64url");
const es256 = (key: KeyObject, input: string): string =>
  sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
const rs256 = (key: KeyObject, input: string): string => sign("sha256", Buffer.from(input), key).toString("base64url");

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ecJwk: Jwk = ec.privateKey.export({ format: "jwk" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const ed = generateKeyPairSync("ed25519");

const clock = manualClock();
const kinds = {
  HS256: createAuth({ jwtSecret: SECRET, clock, issuer: "https://me.example", audience: "https://api.example" }),
  ES256: createAuth({ keys: [ecJwk], clock, issuer: "https://me.example", audience: "https://api.example" }),
  EdDSA: createAuth({
    keys: [ed.privateKey.export({ format: "jwk" })],
    clock,
    issuer: "https://me.example",
    audience: "https://api.example",
  }),
};

interface Parts {
  readonly header: Json;
  readonly payload: Json;
}

async function genuine(auth: Auth<"sync">): Promise<Parts & { jwt: string; pieces: [string, string, string] }> {
  const { accessToken: jwt } = await auth.signToken("user-42", { scope: "read" });
  const pieces = jwt.split(".") as [string, string, string];
  return { jwt, pieces, header: decode(pieces[0]), payload: decode(pieces[1]) };
}

/** Why a token is refused. */
async function refusalOf(auth: Auth<"sync">, jwt: unknown): Promise<TokenFault | "accepted"> {
  const verdict = await auth.explainToken(jwt as string);
  const claims = await auth.verifyToken(jwt as string);
  if (verdict.valid !== (claims !== null)) throw new Error("verifyToken and explainToken should agree");
  return verdict.valid ? "accepted" : verdict.reason;
}

/** A token that is signed as the server would sign it, but for what is changed. */
async function resigned(change: (parts: Parts) => Partial<Parts>): Promise<string> {
  const { header, payload } = await genuine(kinds.HS256);
  const changed = { header, payload, ...change({ header, payload }) };
  const input = `${encode(changed.header)}.${encode(changed.payload)}`;
  return `${input}.${hs256(SECRET, input)}`;
}

const withClaims = async (claims: Json): Promise<string> =>
  resigned(({ payload }) => ({ payload: { ...payload, ...claims } }));

test("the tokens of these tests are accepted when nothing is changed", async () => {
  for (const auth of Object.values(kinds)) {
    expect((await auth.verifyToken((await genuine(auth)).jwt))?.sub).toBe("user-42");
  }
  expect(await kinds.HS256.explainToken(await resigned(() => ({})))).toMatchObject({ valid: true });
});

describe.each(Object.entries(kinds))("%s", (alg, auth) => {
  test.each(["none", "None", "NONE", "nOnE"])("alg: %s", async (none) => {
    const { header, pieces } = await genuine(auth);
    const unsigned = `${encode({ ...header, alg: none })}.${pieces[1]}.`;
    expect(await refusalOf(auth, unsigned)).toBe("algorithm");
    expect(await refusalOf(auth, unsigned + pieces[2])).toBe("algorithm");
  });

  test("another algorithm than the key's", async () => {
    for (const other of ["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]) {
      if (other === alg) continue;
      const { header, pieces } = await genuine(auth);
      expect(await refusalOf(auth, `${encode({ ...header, alg: other })}.${pieces[1]}.${pieces[2]}`)).toBe("algorithm");
    }
  });

  test("a payload, a header or a signature of another token", async () => {
    const one = await genuine(auth);
    const other = (await auth.signToken("user-1", { admin: true })).accessToken.split(".");
    expect(await refusalOf(auth, `${one.pieces[0]}.${other[1]}.${one.pieces[2]}`)).toBe("signature");
    expect(await refusalOf(auth, `${one.pieces[0]}.${one.pieces[1]}.${other[2]}`)).toBe("signature");
    const changed = encode({ ...one.payload, sub: "user-1" });
    expect(await refusalOf(auth, `${one.pieces[0]}.${changed}.${one.pieces[2]}`)).toBe("signature");
    const retyped = encode({ ...one.header, typ: "AT+JWT" });
    expect(await refusalOf(auth, `${retyped}.${one.pieces[1]}.${one.pieces[2]}`)).toBe("signature");
  });

  test("truncated anywhere", async () => {
    const { jwt } = await genuine(auth);
    for (let length = 0; length < jwt.length; length++) {
      expect(await auth.verifyToken(jwt.slice(0, length))).toBeNull();
    }
    expect(await refusalOf(auth, jwt.slice(0, jwt.lastIndexOf(".")))).toBe("malformed");
    expect(await refusalOf(auth, jwt.slice(0, jwt.lastIndexOf(".") + 1))).toBe("signature");
  });

  test("signed by another key of the same kind, under the same kid", async () => {
    const { pieces } = await genuine(auth);
    const input = `${pieces[0]}.${pieces[1]}`;
    const forged = {
      HS256: () => hs256(`${SECRET}!`, input),
      ES256: () => es256(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, input),
      EdDSA: () => sign(null, Buffer.from(input), generateKeyPairSync("ed25519").privateKey).toString("base64url"),
    };
    expect(await refusalOf(auth, `${input}.${forged[alg as keyof typeof forged]()}`)).toBe("signature");
  });

  test.each([undefined, null, 1, true, {}, [], ["a.b.c"], Buffer.from("a.b.c")])("not a string: %o", async (value) =>
    expect(await refusalOf(auth, value)).toBe("malformed"),
  );

  test.each([
    "",
    ".",
    "..",
    "...",
    "a.b",
    "a.b.c",
    "a.b.c.d.e",
    "Bearer x.y.z",
    "{}.{}.{}",
    " ",
    "\u{1f600}.a.b",
    "\0",
  ])("not a JWT: %j", async (text) => expect(await refusalOf(auth, text)).toBe("malformed"));
});

describe("the public key as an HMAC secret", () => {
  const publicJwk = createPublicKey(ec.privateKey).export({ format: "jwk" });
  const forms: readonly (string | Buffer)[] = [
    ec.publicKey.export({ format: "pem", type: "spki" }),
    ec.publicKey.export({ format: "der", type: "spki" }),
    JSON.stringify(publicJwk),
    String(publicJwk.x),
    Buffer.from(String(publicJwk.x), "base64url"),
  ];
  test("HS/ES", async () => {
    const { header, pieces } = await genuine(kinds.ES256);
    for (const key of forms) {
      const input = `${encode({ ...header, alg: "HS256" })}.${pieces[1]}`;
      expect(await refusalOf(kinds.ES256, `${input}.${hs256(key, input)}`)).toBe("algorithm");
    }
  });

  test("HS/ES where secrets are accepted too, under the other key's kid", async () => {
    const mixed = createAuth({ keys: [ecJwk, SECRET], clock });
    const { header, pieces } = await genuine(mixed);
    for (const key of [...forms, SECRET]) {
      const input = `${encode({ ...header, alg: "HS256" })}.${pieces[1]}`;
      expect(await refusalOf(mixed, `${input}.${hs256(key, input)}`)).toBe("algorithm");
    }
  });

  test("HS/RS and RS itself: RSA is not accepted at all", async () => {
    const { header, pieces } = await genuine(kinds.HS256);
    const input = `${encode({ ...header, alg: "RS256" })}.${pieces[1]}`;
    expect(await refusalOf(kinds.HS256, `${input}.${rs256(rsa.privateKey, input)}`)).toBe("algorithm");
    expect(() => createAuth({ keys: [rsa.privateKey.export({ format: "jwk" })] })).toThrow(TypeError);
    const hs = `${encode({ ...header, alg: "HS256" })}.${pieces[1]}`;
    const pem = rsa.publicKey.export({ format: "pem", type: "spki" });
    expect(await refusalOf(kinds.HS256, `${hs}.${hs256(pem, hs)}`)).toBe("signature");
  });

  test("a signature of zeros", async () => {
    const { pieces } = await genuine(kinds.ES256);
    const zeros = Buffer.alloc(64).toString("base64url");
    expect(await refusalOf(kinds.ES256, `${pieces[0]}.${pieces[1]}.${zeros}`)).toBe("signature");
  });
});

describe("headers that name a key", () => {
  test.each([undefined, "", "other", "../../dev/null", "' OR 1=1 --", "__proto__", "constructor", 0, null, ["a"]])(
    "kid: %j",
    async (kid) => {
      const jwt = await resigned(({ header }) => ({ header: { ...header, kid } }));
      expect(await refusalOf(kinds.HS256, jwt)).toBe("unknown-key");
    },
  );

  test("jku, jwk, x5u, x5c: never fetched, never used", async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end(JSON.stringify({ keys: [publicOf(attacker)] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    const attacker = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const extras: readonly Json[] = [
      { jku: url },
      { jwk: publicOf(attacker) },
      { x5u: url },
      { x5c: ["AA=="] },
      { x5t: "AA" },
      { url },
    ];
    try {
      const { header, payload } = await genuine(kinds.ES256);
      for (const extra of extras) {
        for (const kid of [header["kid"], "attacker"]) {
          const input = `${encode({ ...header, ...extra, kid })}.${encode(payload)}`;
          expect(await refusalOf(kinds.ES256, `${input}.${es256(attacker, input)}`)).toBe("header");
        }
        // Also when the rest is genuine: nobody but us signs our tokens, and we never send these.
        expect(
          await refusalOf(kinds.HS256, await resigned((parts) => ({ header: { ...parts.header, ...extra } }))),
        ).toBe("header");
      }
      expect(requests).toBe(0);
    } finally {
      server.close();
    }
  });

  test("crit", async () => {
    const extra = { crit: ["exp2"], exp2: 1 };
    expect(await refusalOf(kinds.HS256, await resigned(({ header }) => ({ header: { ...header, ...extra } })))).toBe(
      "header",
    );
    const b64 = { crit: ["b64"], b64: true };
    expect(await refusalOf(kinds.HS256, await resigned(({ header }) => ({ header: { ...header, ...b64 } })))).toBe(
      "header",
    );
  });
});

describe("signed by the right key, but not an access token for us", () => {
  test.each([undefined, "JWT", "jwt", "id+jwt", "dpop+jwt", "", 1, null, ["at+jwt"]])("typ: %j", async (typ) => {
    expect(await refusalOf(kinds.HS256, await resigned(({ header }) => ({ header: { ...header, typ } })))).toBe("type");
  });

  test("typ in its other spelling is the same", async () => {
    const jwt = await resigned(({ header }) => ({ header: { ...header, typ: "application/at+jwt" } }));
    expect(await kinds.HS256.verifyToken(jwt)).not.toBeNull();
  });

  test.each([undefined, "https://me.example/", "https://you.example", "", null, ["https://me.example"]])(
    "iss: %j",
    async (iss) => expect(await refusalOf(kinds.HS256, await withClaims({ iss }))).toBe("issuer"),
  );

  test.each([undefined, "https://api.example/", "https://you.example", "", null, [], ["https://you.example"], {}])(
    "aud: %j",
    async (aud) => expect(await refusalOf(kinds.HS256, await withClaims({ aud }))).toBe("audience"),
  );

  test.each([
    ["sub", undefined],
    ["sub", 42],
    ["sub", null],
    ["jti", undefined],
    ["jti", 1],
    ["iat", undefined],
    ["iat", "1"],
    ["exp", undefined],
    ["exp", "9999999999"],
    ["exp", null],
    ["sid", 1],
    ["nbf", "1"],
  ])("%s: %j", async (claim, value) =>
    expect(await refusalOf(kinds.HS256, await withClaims({ [claim]: value }))).toBe("claims"),
  );

  test.each([[], "text", 1, null])("a payload that is no object: %j", async (payload) => {
    const { header } = await genuine(kinds.HS256);
    const input = `${encode(header)}.${encode(JSON.stringify(payload))}`;
    expect(await refusalOf(kinds.HS256, `${input}.${hs256(SECRET, input)}`)).toBe("malformed");
  });
});

describe("time, by the given clock", () => {
  test("accepted up to the last millisecond before exp, refused from that second on", async () => {
    const auth = createAuth({ jwtSecret: SECRET, clock, accessTokenTtl: 60 });
    const { accessToken, expiresAt, expiresIn } = await auth.signToken("user-42");
    const start = clock.now();
    expect([expiresIn, expiresAt]).toEqual([60, start + 60_000]);
    clock.set(expiresAt - 1);
    expect((await auth.verifyToken(accessToken))?.exp).toBe(expiresAt / 1_000);
    clock.set(expiresAt);
    expect(await refusalOf(auth, accessToken)).toBe("expired");
    clock.set(expiresAt + 1);
    expect(await refusalOf(auth, accessToken)).toBe("expired");
    clock.set(start);
  });

  test("a token of a fraction of a second ago does not live longer for it", async () => {
    const auth = createAuth({ jwtSecret: SECRET, clock, accessTokenTtl: 1 });
    const start = clock.now();
    clock.set(start + 999);
    const { accessToken, expiresAt } = await auth.signToken("user-42");
    expect(expiresAt).toBe(start + 1_000);
    clock.set(start + 1_000);
    expect(await refusalOf(auth, accessToken)).toBe("expired");
    clock.set(start);
  });

  test("nbf: refused before it, accepted from that second on", async () => {
    const now = clock.now() / 1_000;
    const jwt = await resigned(({ payload }) => ({ payload: { ...payload, nbf: now + 10 } }));
    expect(await refusalOf(kinds.HS256, jwt)).toBe("not-yet-valid");
    clock.advance(9_999);
    expect(await refusalOf(kinds.HS256, jwt)).toBe("not-yet-valid");
    clock.advance(1);
    expect(await kinds.HS256.verifyToken(jwt)).not.toBeNull();
    clock.set(now * 1_000);
  });

  test("the machine's clock is never asked", async () => {
    const auth = createAuth({ jwtSecret: SECRET, clock: manualClock(Date.UTC(1999, 0, 1)) });
    expect(await auth.verifyToken((await auth.signToken("user-42")).accessToken)).toMatchObject({ iat: 915_148_800 });
  });
});

describe("huge", () => {
  test("more than 8,192 characters are not looked into", async () => {
    expect(await refusalOf(kinds.HS256, "x".repeat(8_192))).toBe("malformed");
    expect(await refusalOf(kinds.HS256, "x".repeat(8_193))).toBe("too-long");
    const { header } = await genuine(kinds.HS256);
    const input = `${encode(header)}.${encode({ pad: "x".repeat(10_000_000) })}`;
    expect(await refusalOf(kinds.HS256, `${input}.${hs256(SECRET, input)}`)).toBe("too-long");
  });

  test("no token is signed that would be too long to be accepted", async () => {
    await expect(kinds.HS256.signToken("user-42", { pad: "x".repeat(3_000) })).rejects.toThrow(TypeError);
    await expect(kinds.HS256.signToken("\u{1f600}".repeat(1_024), { pad: "\u{1f600}".repeat(1_000) })).rejects.toThrow(
      TypeError,
    );
    const { accessToken } = await kinds.HS256.signToken("user-42", { pad: "x".repeat(2_000) });
    expect(await kinds.HS256.verifyToken(accessToken)).not.toBeNull();
  });
});

test("no answer and no error holds any of the token", async () => {
  const secretText = "SGFuZHMgb2Zm";
  for (const jwt of [
    secretText,
    `${secretText}.${secretText}.${secretText}`,
    `${encode({ alg: "HS256" })}.a.${secretText}`,
  ]) {
    expect(JSON.stringify(await kinds.HS256.explainToken(jwt))).not.toContain(secretText);
  }
});

function publicOf(key: KeyObject): Json {
  return {
    ...createPublicKey(createPrivateKey(key.export({ format: "pem", type: "pkcs8" }))).export({ format: "jwk" }),
  };
}
