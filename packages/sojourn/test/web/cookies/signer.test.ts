import { createHmac } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { mintToken, secretKey } from "../../../src/tokens/token.ts";
import { signer } from "../../../src/web/cookies/signer.ts";
import { setUp, KEY, OLD_KEY, tokenIn, visitor, type Setup } from "../support/visitor.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

async function loggedIn(on: Setup, web: Setup["web"] = on.web): Promise<string> {
  const browser = visitor(web);
  await browser.visit((session) => session.login("ann"));
  return browser.cookie ?? "";
}

const flip = (text: string, index: number): string =>
  text.slice(0, index) + (text[index] === "A" ? "B" : "A") + text.slice(index + 1);

const signatureOf = (credential: string): string => credential.slice(credential.lastIndexOf(".") + 1);

describe("a forged cookie is refused before the store is asked", () => {
  test("whatever character is changed", async () => {
    const on = setUp();
    const cookie = await loggedIn(on);
    on.calls.length = 0;
    const from = cookie.indexOf("sess_");
    // The last character of a digest has two bits that say nothing; base64url is compared as text all the same.
    for (let index = from; index < cookie.length; index++) {
      expect((await visitor(on.web, flip(cookie, index)).visit()).session.userId).toBeNull();
    }
    expect(on.calls).toEqual([]);
  });

  test("without a signature, with half of one, with two, with one of another cookie", async () => {
    const on = setUp();
    const cookie = await loggedIn(on);
    const otherSignature = signatureOf(await loggedIn(on));
    const signature = signatureOf(cookie);
    const signed = cookie.slice(0, -signature.length - 1);
    on.calls.length = 0;
    for (const forged of [
      signed,
      `${signed}.`,
      `${signed}.${signature.slice(1)}`,
      `${signed}.${signature}=`,
      `${signed}.${signature}.${signature}`,
      `${signed}..${signature}`,
      `${signed}.${otherSignature}`,
      `${cookie}.`,
      `${cookie} x`,
      `${cookie}%00`,
    ]) {
      expect((await visitor(on.web, forged).visit()).session.userId, forged).toBeNull();
    }
    expect(on.calls).toEqual([]);
  });

  test("with an HMAC under the bare key: keys are derived for their purpose", async () => {
    const on = setUp();
    const cookie = await loggedIn(on);
    const signed = cookie.slice(0, cookie.lastIndexOf("."));
    const content = signed.slice(signed.indexOf("sess_"));
    on.calls.length = 0;
    const signature = createHmac("sha256", KEY).update(content).digest("base64url");
    expect((await visitor(on.web, `${signed}.${signature}`).visit()).session.userId).toBeNull();
    expect(on.calls).toEqual([]);
  });

  test("signed for a cookie of another name, or for a header", async () => {
    const on = setUp();
    const other = on.again({ cookie: { name: "__Host-admin" } });
    const bearer = on.again({ bearer: true, cookie: false });
    const credential = (await loggedIn(on)).replace("__Host-session=", "");
    on.calls.length = 0;
    expect((await visitor(other, `__Host-admin=${credential}`).visit()).session.userId).toBeNull();
    const headers = { authorization: `Bearer ${credential}` };
    expect((await visitor(bearer).visit(undefined, { headers })).session.userId).toBeNull();
    expect(on.calls).toEqual([]);
  });
});

describe("keys", () => {
  test("are rotated without logging anybody out, and re-signed with the newest", async () => {
    const on = setUp({ keys: [OLD_KEY] });
    const browser = visitor(on.web);
    await browser.visit((session) => session.login("ann"));
    const signedOld = browser.cookie ?? "";

    const both = on.again({ keys: [KEY, OLD_KEY] });
    const rotated = visitor(both, signedOld);
    const { session, cookies } = await rotated.visit();
    expect(session.userId).toBe("ann");
    expect(cookies).toHaveLength(1);
    expect(tokenIn(rotated.cookie ?? "")).toBe(tokenIn(signedOld));
    expect(rotated.cookie).not.toBe(signedOld);
    expect((await rotated.visit()).cookies).toEqual([]);

    // A tab that still sends the old signature gets the new one again, remembered or not.
    for (let visits = 0; visits < 3; visits++) {
      expect((await visitor(both, signedOld).visit()).cookies).toHaveLength(1);
    }
    const without = on.again({ keys: [KEY] });
    expect((await visitor(without, rotated.cookie).visit()).session.userId).toBe("ann");
    expect((await visitor(without, signedOld).visit()).session.userId).toBeNull();
  });

  test("a cookie signed with an old key is not signed anew when its session is over, or the response failed", async () => {
    const on = setUp({ keys: [OLD_KEY] });
    const cookie = await loggedIn(on);
    const both = on.again({ keys: [KEY, OLD_KEY] });
    expect((await visitor(both, cookie).visit(undefined, { status: 500 })).cookies).toEqual([]);
    on.clock.advance("31m");
    expect((await visitor(both, cookie).visit()).cookies).toEqual([]);
  });

  test.each([
    [undefined, "undefined"],
    ["a string of more than thirty-two bytes", "string"],
    [[], "an empty one"],
    [["short"], "5 bytes"],
    [[KEY, "k".repeat(31)], "`keys[1]` to be a string of at least 32 bytes"],
    [[KEY, undefined], "`keys[1]`"],
    [[42], "number"],
  ])("%j is refused, and not shown", (keys, message) => {
    expect(() => setUp({ keys: keys as readonly string[] })).toThrow(message);
    try {
      setUp({ keys: keys as readonly string[] });
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).not.toMatch(/short|kkkk|thirty/);
    }
  });

  test("32 bytes are counted, not characters", () => {
    expect(() => setUp({ keys: ["ä".repeat(16)] })).not.toThrow();
    expect(() => setUp({ keys: ["ä".repeat(15)] })).toThrow("30 bytes");
  });
});

describe("what was verified is remembered", () => {
  test("for far more credentials than the memory has room for", () => {
    const { sign, verify } = signer({ keys: [KEY], allowLocked: false, tokenCache: 10_000 }, "test");
    const tokens = Array.from({ length: 12_000 }, () => mintToken(secretKey()).token);
    const credentials = tokens.map((token) => sign(token));
    for (const [index, credential] of credentials.entries()) {
      if (verify(credential)?.token !== tokens[index]) expect.fail(`the credential ${index} is not known`);
    }
    for (let index = 0; index < tokens.length; index += 97) {
      const credential = credentials[index] ?? "";
      const verified = verify(credential);
      expect(verified?.token).toBe(tokens[index]);
      // Remembered: the same object, with no HMAC.
      expect(verify(credential)).toBe(verified);
      expect(verify(`${credential.slice(0, -1)}${credential.endsWith("A") ? "B" : "A"}`)).toBeUndefined();
    }
  });

  test("unless no token is to be: then each is verified anew", () => {
    const { sign, verify } = signer({ keys: [KEY], allowLocked: false, tokenCache: 0 }, "test");
    const credential = sign(mintToken(secretKey()).token);
    expect(verify(credential)).toEqual(verify(credential));
    expect(verify(credential)).not.toBe(verify(credential));
  });

  test("without the header that it came in", () => {
    const { sign, verify } = signer({ keys: [KEY], allowLocked: false, tokenCache: 10_000 }, "test");
    const credentials = Array.from({ length: 2_000 }, () => sign(mintToken(secretKey()).token));
    const before = heapUsed();
    for (const credential of credentials) {
      // As a server has it: one string from the socket, and a part of it.
      const header = Buffer.from(`${"y".repeat(8_000)}${credential}`).toString("latin1");
      expect(verify(header.slice(8_000))).toBeDefined();
    }
    expect((heapUsed() - before) / credentials.length).toBeLessThan(3_000);
    expect(verify(credentials[0] ?? "")).toBeDefined();
  });

  test("but a logout is seen all the same, and so is another name in front", async () => {
    const on = setUp();
    const cookie = await loggedIn(on);
    const browser = visitor(on.web, cookie);
    for (let visits = 0; visits < 3; visits++) await browser.visit();
    await browser.visit((session) => session.logout());
    expect((await visitor(on.web, cookie).visit()).session.userId).toBeNull();
    expect((await visitor(on.web, cookie.replace("__Host-session", "session")).visit()).session.userId).toBeNull();
  });
});
