/** Input that breaks a rule: a 4xx with `{ "error": … }`, and the store is not asked. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { said, testApp, type TestApp } from "../../support/test-app.ts";

const SECRET = "s3cret-that-no-error-may-repeat";
const MINTED = `sess_${"a".repeat(22)}${"b".repeat(43)}`;
const ROTATED_ADOPTED = `sess_${"a".repeat(43)}${"b".repeat(43)}`;

/** All that matters about an answer to bad input. */
async function told(bench: TestApp, response: Response): Promise<object> {
  return { status: response.status, body: JSON.parse(await response.text()) as unknown, calls: bench.calls };
}

/** A message that does not repeat what was sent, and a store that was not asked. */
const refused = (status: number): object => ({
  status,
  body: { error: expect.stringMatching(/^(?!.*s3cret)[A-Z].{10,}/) as string },
  calls: [],
});

const padded = (bytes: number): string => '{"token":"t","user":"u"}'.padEnd(bytes);

async function postText(
  bench: TestApp,
  body: BodyInit,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<Response> {
  return bench.app.request("/sessions", { method: "POST", body, headers });
}

describe("the body of POST /sessions", () => {
  const user = "u_42";
  test.each<[string, unknown]>([
    ["an empty token", { token: "", user }],
    ["a token of 129 characters", { token: "t".repeat(129), user }],
    ["a token of 129 characters beyond the basic plane", { token: "🔑".repeat(129), user }],
    ["a token with NUL", { token: `${SECRET}\0`, user }],
    ["a token with a lone high surrogate", { token: `${SECRET}\ud800`, user }],
    ["a token with a lone low surrogate", { token: `\udc00${SECRET}`, user }],
    ["a token of one dot", { token: ".", user }],
    ["a token of two dots", { token: "..", user }],
    ["a token with the shape of a minted one", { token: MINTED, user }],
    ["a token with the shape of a rotated one", { token: ROTATED_ADOPTED, user }],
    ["a token that is a number", { token: 1, user }],
    ["a token that is null", { token: null, user }],
    ["a token in an array", { token: [SECRET], user }],
    ["a token in an object", { token: { toString: SECRET }, user }],
    ["no token", { user }],
    ["an empty user", { token: SECRET, user: "" }],
    ["a user of 1,025 characters", { token: SECRET, user: "u".repeat(1_025) }],
    ["a user with NUL", { token: SECRET, user: "\0" }],
    ["a user with a lone surrogate", { token: SECRET, user: "\udfff" }],
    ["a user that is a boolean", { token: SECRET, user: true }],
    ["a user that is null", { token: SECRET, user: null }],
    ["no user", { token: SECRET }],
    ["a field too many", { token: SECRET, user, ttl: "1h" }],
    ["an empty object", {}],
    ["an array", [SECRET, user]],
    ["a string", SECRET],
    ["a number", 1],
    ["null", null],
  ])("%s is a 400", async (_, body) => {
    const bench = testApp();
    expect(await told(bench, await bench.post("/sessions", body))).toEqual(refused(400));
  });

  test.each<[string, BodyInit]>([
    ["nothing", ""],
    ["white space", " \n"],
    ["JSON that is cut off", `{"token":"${SECRET}","user":"u_4`],
    ["JSON with something after it", `{"token":"${SECRET}","user":"u"} x`],
    ["a form", `token=${SECRET}&user=u`],
    ["fields of the prototype", `{"__proto__":{"token":"${SECRET}","user":"u"}}`],
    ["a prototype besides", `{"token":"${SECRET}","user":"u","__proto__":{}}`],
    ["a constructor besides", `{"token":"${SECRET}","user":"u","constructor":{}}`],
    ["deep arrays", "[".repeat(8_000) + "]".repeat(8_000)],
    ["deep arrays without an end", "[".repeat(16_000)],
    ["deep objects as the token", `{"token":${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)},"user":"u"}`],
    ["bytes that are not UTF-8", new Uint8Array([...Buffer.from(`{"user":"u","token":"${SECRET}`), 0xff, 0x22, 0x7d])],
    ["a surrogate in UTF-8", new Uint8Array([...Buffer.from('{"user":"u","token":"'), 0xed, 0xa0, 0x80, 0x22, 0x7d])],
    ["UTF-16", new Uint8Array(Buffer.from(`{"token":"${SECRET}","user":"u"}`, "utf16le"))],
  ])("%s is a 400", async (_, body) => {
    const bench = testApp();
    expect(await told(bench, await postText(bench, body))).toEqual(refused(400));
  });

  test.each([
    ["text/plain"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["application/jsonp"],
    ["application/json-seq"],
    ["text/json"],
    ["text/plain; application/json"],
    ["application/json, text/plain"],
    [""],
  ])("the content type %j is a 415", async (type) => {
    const bench = testApp();
    const body = new TextEncoder().encode(`{"token":"${SECRET}","user":"u"}`);
    expect(await told(bench, await postText(bench, body, type === "" ? {} : { "content-type": type }))).toEqual(
      refused(415),
    );
  });

  test.each(["application/json", "Application/JSON", "application/json;charset=utf-8", "application/json ; x=y"])(
    "the content type %j will do",
    async (type) => {
      const bench = testApp();
      expect(await said(postText(bench, '{"token":"t","user":"u"}', { "content-type": type }))).toBe('201 "ok"');
    },
  );

  describe("over the limit is a 413", () => {
    const json = { "content-type": "application/json" };

    test("to the byte, announced or not", async () => {
      const bench = testApp({ maxBody: 100 });
      expect(await told(bench, await postText(bench, padded(101)))).toEqual(refused(413));
      expect(await told(bench, await postText(bench, padded(101), { ...json, "content-length": "101" }))).toEqual(
        refused(413),
      );
      expect(await said(postText(bench, padded(100)))).toBe('201 "ok"');
      expect(await said(postText(bench, padded(100), { ...json, "content-length": "100" }))).toBe('201 "ok"');
    });

    test("also when less is announced than comes", async () => {
      const bench = testApp({ maxBody: 100 });
      expect(await told(bench, await postText(bench, padded(101), { ...json, "content-length": "10" }))).toEqual(
        refused(413),
      );
    });

    test("at once, when it has no end", async () => {
      const bench = testApp();
      let chunks = 0;
      const body = new ReadableStream({
        pull: (controller) => {
          chunks++;
          controller.enqueue(new Uint8Array(1_000).fill(0x20));
        },
      });
      const init = { method: "POST", body, headers: json, duplex: "half" };
      expect(await told(bench, await bench.app.request("/sessions", init))).toEqual(refused(413));
      expect(chunks).toBeLessThan(20);
    });

    test("16 KiB unless told otherwise", async () => {
      const bench = testApp();
      expect(await said(postText(bench, padded(16_384)))).toBe('201 "ok"');
      bench.calls.length = 0;
      expect(await told(bench, await postText(bench, padded(16_385)))).toEqual(refused(413));
    });
  });

  test("a body that breaks off is a 400", async () => {
    const bench = testApp();
    const body = new ReadableStream({
      pull: (controller) => {
        controller.error(new Error(SECRET));
      },
    });
    const init = { method: "POST", body, headers: { "content-type": "application/json" }, duplex: "half" };
    expect(await told(bench, await bench.app.request("/sessions", init))).toEqual(refused(400));
  });
});

describe("the token in a path", () => {
  test.each([
    ["empty", ""],
    ["129 characters", "t".repeat(129)],
    ["129 characters, encoded", "%C3%A9".repeat(129)],
    ["thousands of characters", "t".repeat(8_000)],
    ["NUL", "%00"],
    ["NUL at the end", `${SECRET}%00`],
    ["a percent sign alone", `${SECRET}%`],
    ["half an encoding", `${SECRET}%4`],
    ["no hex digits", `${SECRET}%zz`],
    ["bytes that are not UTF-8", `${SECRET}%FF`],
    ["half a character", "%C3"],
    ["an overlong slash", "%C0%AF"],
    ["an encoded lone surrogate", "%ED%A0%80"],
    ["an encoded pair of surrogates", "%ED%A0%BD%ED%B8%80"],
  ])("%s is a 400", async (_, segment) => {
    const bench = testApp();
    expect(await told(bench, await bench.get(`/sessions/${segment}`))).toEqual(refused(400));
    expect(await told(bench, await bench.post(`/sessions/${segment}/logout`))).toEqual(refused(400));
  });
});

function isText(value: unknown, longest: number): boolean {
  if (typeof value !== "string" || value === "" || !value.isWellFormed() || value.includes("\0")) return false;
  return Array.from(value).length <= longest;
}

const REFUSED = ["400 {error}", "404 {error}", "405 {error}", "415 {error}"];

describe("whatever comes", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ unit: "grapheme", maxLength: 140 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 140 }).map((units) => String.fromCharCode(...units)),
    fc.constantFrom(
      "__proto__",
      "constructor",
      "toString",
      MINTED,
      `sess_${"a".repeat(22)}`,
      ".",
      "..",
      "%2e%2e",
      "a\0b",
    ),
  );
  test("a login is a 201 if token and user are well-formed, and else a 400 without the store", async () => {
    const any = fc.oneof(anyText, fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(any, any, async (token, user) => {
        const bench = testApp();
        const response = await bench.post("/sessions", { token, user });
        const fine = isText(token, 128) && isText(user, 1_024) && ![".", "..", MINTED].includes(token as string);
        if (fine) {
          const whoami = await bench.get(`/sessions/${encodeURIComponent(token as string)}`);
          // oxlint-disable-next-line vitest/no-conditional-expect
          expect([response.status, await whoami.json()]).toEqual([201, user]);
        } else {
          // oxlint-disable-next-line vitest/no-conditional-expect
          expect(await told(bench, response)).toEqual(refused(400));
        }
      }),
    );
  });

  test("any JSON at all is refused, or is a login", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 6 }), async (body) => {
        const bench = testApp();
        expect(await told(bench, await postText(bench, body))).toEqual(refused(400));
      }),
    );
  });

  test("any bytes at all are refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const bench = testApp();
        expect(await told(bench, await postText(bench, new Uint8Array(bytes)))).toEqual(refused(400));
      }),
    );
  });

  test("any path is answered with what is meant for it, and never with a 5xx", async () => {
    const segment = fc.oneof(
      anyText.map((text) => encodeURIComponent(text.toWellFormed())),
      fc.string({ unit: fc.constantFrom("%", "0", "F", "c", "/", "?", "#", ".", "\\", "a", "é"), maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(
        segment,
        fc.constantFrom("", "/logout"),
        fc.constantFrom("GET", "POST"),
        async (text, end, method) => {
          const bench = testApp();
          const response = await bench.app.request(`/sessions/${text}${end}`, { method });
          const body = await response.text();
          const answer = `${response.status} ${body.replace(/^\{"error":"[^"]+"\}$/, "{error}")}`;
          // Nobody is logged in: no success but a logout's, or the count, of a path that a URL shortens to /sessions.
          expect([...REFUSED, "404 ", "204 ", "200 0"]).toContain(answer);
          expect(bench.calls.length).toBe(REFUSED.includes(answer) ? 0 : 1);
        },
      ),
    );
  });
});
