import { describe, expect, test } from "vitest";
import { apiBench } from "../../support/ask-api.ts";

const SECRET = "s3cret-that-no-answer-may-hold";
const deep = (depth: number): string => `{"userId":"ann","data":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;

describe("a body of POST /api/v1/sessions is a 400, before the store is asked, and is not repeated", () => {
  test.each<[string, unknown, RegExp]>([
    ["an unknown field", { userId: "ann", [SECRET]: 1 }, /no other fields than userId, data, device/],
    ["an unknown field of the device", { userId: "ann", device: { [SECRET]: 1 } }, /no other fields in `device`/],
    ["no user", {}, /`userId` to be a user id/],
    ["a user that is a number", { userId: 42 }, /`userId` to be a user id/],
    ["an empty user", { userId: "" }, /`userId` to be a user id/],
    ["a user with NUL", { userId: `${SECRET}\0` }, /`userId` to be a user id/],
    ["a user that is too long", { userId: "x".repeat(1_025) }, /`userId` to be a user id/],
    ["a user that no path can hold", { userId: ".." }, /`userId` to be a user id/],
    ["half a surrogate pair", '{"userId":"\\ud800"}', /well-formed Unicode/],
    ["half a surrogate pair in the data", '{"userId":"a","data":{"x":["\\udfff"]}}', /well-formed Unicode/],
    ["half a surrogate pair as a name", '{"userId":"a","data":{"\\udfff":1}}', /well-formed Unicode/],
    ["__proto__", '{"userId":"ann","__proto__":{"ttl":60000}}', /without fields named __proto__/],
    ["__proto__ in the data", '{"userId":"ann","data":{"a":[{"__proto__":{}}]}}', /without fields named __proto__/],
    ["a token of the minted shape", { userId: "ann", token: `sess_${"a".repeat(65)}` }, /`token` to be a token of the/],
    ["a token with NUL", { userId: "ann", token: `${SECRET}\0` }, /`token` to be a token/],
    ["data that is a list", { userId: "ann", data: [SECRET] }, /`data` to be an object/],
    ["a ttl in seconds", { userId: "ann", ttl: 1_800 }, /`ttl` to be a duration in whole milliseconds, 60000 to/],
    ["a ttl that is a text", { userId: "ann", ttl: "30m" }, /`ttl` to be a duration/],
    ["a ttl longer than the absolute one", { userId: "ann", ttl: 90_000, absoluteTtl: 60_000 }, /`ttl` to be at most/],
    ["an absolute ttl below the default ttl", { userId: "ann", absoluteTtl: 60_000 }, /`ttl` to be at most/],
    ["a list", [], /a body that is an object/],
    ["null", "null", /a body that is an object/],
    ["no JSON", `{"userId":${SECRET}`, /a body that is JSON/],
    ["nesting without end", deep(2_000), /nested at most 300 deep/],
    ["nesting deeper than data may be", deep(280), /nested at most 256 deep/],
  ])("%s", async (_, body, message) => {
    const { ask, calls } = apiBench();
    const got = await ask("POST /sessions", body);
    expect([got.status, got.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    expect(got.body).toMatchObject({ status: 400, detail: expect.stringMatching(message) });
    expect(got.text).not.toContain(SECRET);
    expect(calls.filter((name) => name !== "begin")).toEqual([]);
  });
});

test.each<[`${string} /${string}`, unknown, RegExp]>([
  ["GET /sessions?limit=0", undefined, /`limit in the query` to be a whole number from 1 to 1000/],
  ["GET /sessions?limit=1001", undefined, /limit in the query/],
  ["GET /sessions?limit=1&limit=2", undefined, /each query parameter at most once/],
  ["GET /sessions?user=ann", undefined, /no query parameters but after, limit/],
  ["GET /sessions?after=%00", undefined, /`after in the query` to be the `next` of a page/],
  ["GET /users/ann/sessions?except=x", undefined, /no other fields than after, limit|no query parameters/],
  ["DELETE /users/ann/sessions?limit=1", undefined, /no other fields than except/],
  ["DELETE /users/ann/sessions?except=", undefined, /`except in the query` to be a session id/],
  ["GET /users/%ff/sessions", undefined, /user in the path to be percent-encoded UTF-8/],
  ["GET /users/%00/sessions", undefined, /`user in the path` to be a user id/],
  ["GET /sessions/42", undefined, /`id in the path` to be a session id/],
  [`GET /sessions/sess_${"a".repeat(65)}`, undefined, /`id in the path` to be a session id/],
  [`PATCH /sessions/sess_${"a".repeat(22)}`, { data: null }, /`data` to be an object/],
  [`PATCH /sessions/sess_${"a".repeat(22)}`, { data: {}, role: "x" }, /no other fields than data/],
  ["POST /sessions/authenticate", { token: "" }, /`token` to be a token/],
  ["POST /sessions/authenticate", { token: "t", extend: "no" }, /`extend` to be true or false/],
  ["POST /sessions/rotate", { token: "t", grace: 10 }, /`grace` to be 0, or a duration of at least 1000/],
  [`POST /sessions/sess_${"a".repeat(22)}/reauthenticate`, { for: 5 }, /`for` to be a duration/],
])("%s with %j is a 400 before the store is asked", async (line, body, message) => {
  const { ask, calls } = apiBench();
  const got = await ask(line, body);
  expect([got.status, calls]).toEqual([400, []]);
  expect(got.body["detail"]).toMatch(message);
});

test("a body of another type is a 415, a patch has a type of its own, and one that is too large is a 413", async () => {
  const { ask } = apiBench({ maxBody: 64 });
  const text = await ask("POST /sessions", { userId: "ann" }, { "content-type": "text/plain" });
  expect([text.status, text.body["code"]]).toEqual([415, "unsupported_media_type"]);
  const id = `sess_${"a".repeat(22)}`;
  const plain = await ask(`PATCH /sessions/${id}`, { data: {} }, { "content-type": "application/json" });
  expect([plain.status, plain.body["detail"]]).toEqual([415, expect.stringContaining("application/merge-patch+json")]);
  const large = await ask("POST /sessions", { userId: "ann", data: { x: "y".repeat(64) } });
  expect([large.status, large.body["code"]]).toEqual([413, "body_too_large"]);
});

test("names of a prototype are data like others", async () => {
  const { ask, start } = apiBench();
  const { id } = await start({ data: { constructor: 1, toString: { prototype: 2 } } });
  const { body } = await ask(`PATCH /sessions/${id}`, { data: { hasOwnProperty: 3 } });
  expect(body["data"]).toEqual({ constructor: 1, toString: { prototype: 2 }, hasOwnProperty: 3 });
});
