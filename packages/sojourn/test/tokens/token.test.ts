import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalDigests, hmacSha256, randomText, sha256 } from "../../src/tokens/crypto.ts";
import {
  adoptToken,
  isSessionId,
  mintToken as mintTokenWith,
  parseToken,
  parseUserId,
  readToken,
  secretKey,
  succeedingToken,
  wasOwn,
} from "../../src/tokens/token.ts";

const KEY = secretKey();
const mintToken = (): ReturnType<typeof mintTokenWith> => mintTokenWith(KEY);

describe("a minted token", () => {
  test("is sess_, a selector of 22 characters and a secret of 43; its id is sess_ and the selector", () => {
    const { token, id, secret, hash } = mintToken();
    expect(token).toMatch(/^sess_[\w-]{22}[\w-]{43}$/);
    expect(token).toBe(id + secret);
    expect(id).toHaveLength(27);
    expect(hash).toBe(createHash("sha256").update(secret).digest("base64url"));
  });

  test("has all its bits from the generator: in 10,000 every character takes every value, and none repeats", () => {
    const tokens = Array.from({ length: 10_000 }, () => mintToken().token);
    expect(new Set(tokens).size).toBe(tokens.length);
    // The last character of 16, or of 8, bytes carries 2, or 4, bits.
    for (let place = 5; place < 70; place++) {
      const values = new Set(tokens.map((token) => token[place])).size;
      expect(values).toBe(place === 26 ? 4 : place === 69 ? 16 : 64);
    }
  });

  test("is read back into its parts, and hashes as it was stored", () => {
    const { token, id, secret } = mintToken();
    expect(readToken(token)).toEqual({ id, secret, hash: undefined });
  });

  test("has a successor that only the old secret and the salt give", () => {
    const { token, id } = mintToken();
    const credential = readToken(token);
    if (credential === undefined) throw new Error("expected a credential");
    const next = succeedingToken(credential, "salt", KEY);
    const derived = createHmac("sha256", credential.secret).update("salt").digest().subarray(0, 24);
    expect(next.token.startsWith(id + derived.toString("base64url"))).toBe(true);
    expect(succeedingToken(credential, "salt", KEY).token).toBe(next.token);
    expect(succeedingToken(credential, "other", KEY).token).not.toBe(next.token);
    expect(succeedingToken({ ...credential, secret: "other" }, "salt", KEY).token).not.toBe(next.token);
  });

  test("has the tag of its session's key: the first 8 bytes of an HMAC of the random 24", () => {
    const { secret } = mintToken();
    const bytes = Buffer.from(secret, "base64url");
    expect(bytes.toString("base64url")).toBe(secret);
    const tag = createHmac("sha256", KEY).update(secret.slice(0, 32)).digest().subarray(0, 8);
    expect(bytes.subarray(24).equals(tag)).toBe(true);
  });

  test("is recognised as its session's own under that key only, and so is every successor", () => {
    let credential: Parameters<typeof wasOwn>[0] = mintToken();
    for (let n = 0; n < 50; n++) {
      expect(wasOwn(credential, KEY)).toBe(true);
      expect(wasOwn(credential, secretKey())).toBe(false);
      expect(wasOwn(credential, undefined)).toBe(false);
      credential = succeedingToken(credential, `${n}`, KEY);
    }
  });

  test("with any character of its secret changed, it is nobody's", () => {
    const { id, secret } = mintToken();
    for (let place = 0; place < 43; place++) {
      const other = secret[place] === "A" ? "E" : "A";
      const changed = secret.slice(0, place) + other + secret.slice(place + 1);
      expect(wasOwn({ id, secret: changed, hash: undefined }, KEY)).toBe(false);
    }
  });
});

describe("an adopted token", () => {
  test.each(["a", "x".repeat(128), "\u{1f600}".repeat(128), "sess_short", "%2F ../ ' \" ; --"])(
    "%j is one",
    (token) => {
      const { id, hash } = adoptToken(token);
      expect(id).toBe(`sess_${createHash("sha256").update(token).digest("base64url")}`);
      expect(readToken(token)).toEqual({ id, hash, secret: token });
    },
  );

  test.each([
    ["", "an empty string"],
    ["x".repeat(129), "129 characters"],
    ["\u{1f600}".repeat(129), "more than 128 characters"],
    [`${"x".repeat(127)}\u{1f600}x`, "129 characters"],
    ["x".repeat(1e6), "more than 128 characters"],
    ["a\0b", "a NUL character in it"],
    ["a\ud800", "a lone surrogate in it"],
    ["\udc00a", "a lone surrogate in it"],
    [undefined, "a value of type undefined"],
    [null, "a value of type null"],
    [1, "a value of type number"],
    [["a"], "a value of type array"],
    [{ toString: () => "a" }, "a value of type object"],
  ])("%j is not one", (wrong, shown) => {
    expect(() => parseToken(wrong)).toThrow(new TypeError(`Expected a token of 1 to 128 characters, got ${shown}`));
    expect(() => adoptToken(wrong)).toThrow(TypeError);
    if (typeof wrong === "string") expect(readToken(wrong)).toBeUndefined();
  });

  test("may not have the shape of a minted one, short or long", () => {
    const { token } = mintToken();
    expect(() => adoptToken(token)).toThrow(/shape of a minted token/);
    const credential = readToken("mine");
    if (credential === undefined) throw new Error("expected a credential");
    expect(() => adoptToken(succeedingToken(credential, "salt", KEY).token)).toThrow(/shape of a minted token/);
  });

  test("no message holds the token", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, unit: "binary" }), (secret) => {
        for (const parse of [parseToken, adoptToken, parseUserId]) {
          try {
            parse(`${secret}\0${"x".repeat(1_100)}`);
          } catch (error) {
            expect((error as Error).message).not.toContain(secret);
          }
        }
      }),
    );
  });
});

test("no id can be used as a token of its own session", () => {
  const { id } = mintToken();
  expect(readToken(id)?.id).not.toBe(id);
  expect(readToken(adoptToken("mine").id)?.id).not.toBe(adoptToken("mine").id);
});

test("reading undefined is absence; anything else that is no string is a mistake", () => {
  expect(readToken(undefined)).toBeUndefined();
  for (const wrong of [null, 1, [], {}, Symbol("x")]) expect(() => readToken(wrong as never)).toThrow(TypeError);
});

test("session ids have two lengths, and nothing else passes for one", () => {
  expect(isSessionId(mintToken().id)).toBe(true);
  expect(isSessionId(adoptToken("mine").id)).toBe(true);
  for (const wrong of ["", "sess_", `sess_${"A".repeat(21)}`, `sess_${"A".repeat(21)}!`, `SESS_${"A".repeat(22)}`]) {
    expect(isSessionId(wrong)).toBe(false);
  }
  expect(() => isSessionId(mintToken().token)).toThrow(/got a token/);
  expect(() => isSessionId(1 as never)).toThrow(TypeError);
});

test("user ids have 1 to 1,024 characters", () => {
  for (const right of ["u", "x".repeat(1_024), "\u{1f600}".repeat(1_024), "__proto__"])
    expect(parseUserId(right)).toBe(right);
  for (const wrong of ["", "x".repeat(1_025), "a\0", "\ud800", 1, null])
    expect(() => parseUserId(wrong)).toThrow(TypeError);
});

describe("crypto", () => {
  test("hashes and signs as the standard has it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, key) => {
        expect(sha256(text)).toBe(createHash("sha256").update(text).digest("base64url"));
        expect(hmacSha256(key, text)).toBe(createHmac("sha256", key).update(text).digest("base64url"));
      }),
    );
  });

  test.each([1, 2, 3, 16, 32, 8_192])("%d random bytes are base64url of that many", (bytes) => {
    for (let n = 0; n < 600; n++) expect(Buffer.from(randomText(bytes), "base64url")).toHaveLength(bytes);
  });

  test("compares digests", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalDigests(a, b) === (a === b)));
    expect(equalDigests("a".repeat(43), `${"a".repeat(42)}b`)).toBe(false);
  });
});
