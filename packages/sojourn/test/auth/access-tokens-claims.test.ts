/** Signed by the right key, and yet not an access token for us, now: claims, time and length (RFC 9068, RFC 8725). */
import { describe, expect, test } from "vitest";
import { createAuth } from "../../src/auth/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { SECRET } from "./support/auths.ts";
import { clock, encode, genuine, hs256, kinds, refusalOf, resigned, type Json } from "./support/forgery.ts";

const withClaims = async (claims: Json): Promise<string> =>
  resigned(({ payload }) => ({ payload: { ...payload, ...claims } }));

describe("not an access token for us", () => {
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
