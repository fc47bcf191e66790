/** What is forged, foreign or not a token at all is refused, and for the right reason (RFC 8725). */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { createAuth } from "../../src/auth/index.ts";
import { SECRET } from "./support/auths.ts";
import {
  clock,
  ec,
  ecJwk,
  ed25519,
  encode,
  es256,
  genuine,
  hs256,
  kinds,
  refusalOf,
  resigned,
  rs256,
  type Json,
} from "./support/forgery.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });

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

  test("white space around it, or anywhere in it", async () => {
    const { jwt, pieces } = await genuine(auth);
    for (const space of [" ", "\t", "\n", "\r\n", "\u00a0", "\u2028", "\ufeff"]) {
      expect(await refusalOf(auth, space + jwt)).toBe("malformed");
      expect(await refusalOf(auth, jwt + space)).toBe("malformed");
      for (const [index, piece] of pieces.entries()) {
        const spaced = pieces.with(index, piece.slice(0, 5) + space + piece.slice(5));
        expect(await refusalOf(auth, spaced.join("."))).toBe("malformed");
      }
    }
  });

  test("a signature that is padded, or written in another alphabet", async () => {
    const { pieces } = await genuine(auth);
    const signed = `${pieces[0]}.${pieces[1]}`;
    expect(await refusalOf(auth, `${signed}.${pieces[2]}=`)).toBe("malformed");
    expect(await refusalOf(auth, `${signed}.+/${pieces[2].slice(2)}`)).toBe("malformed");
  });

  test("signed by another key of the same kind, under the same kid", async () => {
    const { pieces } = await genuine(auth);
    const input = `${pieces[0]}.${pieces[1]}`;
    const forged = {
      HS256: () => hs256(`${SECRET}!`, input),
      ES256: () => es256(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, input),
      EdDSA: () => ed25519(generateKeyPairSync("ed25519").privateKey, input),
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
