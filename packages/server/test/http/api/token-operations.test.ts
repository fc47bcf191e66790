import { describe, expect, test } from "vitest";
import { apiBench } from "../../support/ask-api.ts";

describe("authenticate", () => {
  test("extends when little is left, and not with extend: false", async () => {
    const { ask, start, advance } = apiBench({ ttl: "30m" });
    const { token } = await start();
    const expiry = async (body: object): Promise<unknown> =>
      (await ask("POST /sessions/authenticate", { token, ...body })).body["expiresAt"];
    const before = await expiry({});
    advance(20 * 60_000);
    expect(await expiry({ extend: false })).toBe(before);
    expect(await expiry({})).toBe((before as number) + 20 * 60_000);
  });

  test("is a 404 for what proves nothing, and tells no token", async () => {
    const { ask, start } = apiBench();
    const { id } = await start();
    for (const token of [`${id}${"x".repeat(43)}`, "unknown", `sess_${"A".repeat(65)}`]) {
      const got = await ask("POST /sessions/authenticate", { token });
      expect([got.status, got.body["code"]]).toEqual([404, "no_session"]);
      expect(got.text).not.toContain(token);
    }
  });

  test("carries the version, and never the token", async () => {
    const { ask, start } = apiBench();
    const { id, token } = await start();
    await ask(`PATCH /sessions/${id}`, { data: { a: 1 } });
    const got = await ask("POST /sessions/authenticate", { token });
    expect([got.status, got.headers.get("etag")]).toEqual([200, '"2"']);
    expect(got.text).not.toContain(token);
  });
});

test("a rotation gives a new token under the same id; a former one is theft after its grace", async () => {
  const { ask, start, advance } = apiBench();
  const { id, token } = await start();
  const rotated = await ask("POST /sessions/rotate", { token, grace: 1_000 });
  expect(rotated).toMatchObject({ status: 200, body: { id } });
  const next = rotated.body["token"];
  expect(next).not.toBe(token);
  expect((await ask("POST /sessions/authenticate", { token: next })).status).toBe(200);
  advance(1_001);
  expect((await ask("POST /sessions/rotate", { token })).status).toBe(404);
  expect((await ask("POST /sessions/authenticate", { token: next })).status).toBe(404);
});

test("a re-authentication by token rotates, without a grace", async () => {
  const { ask, start } = apiBench();
  const { id, token } = await start();
  const { status, body } = await ask("POST /sessions/reauthenticate", { token, for: 60_000 });
  expect([status, body["id"]]).toEqual([200, id]);
  expect(body["reauthenticatedUntil"]).toBeTypeOf("number");
  expect((await ask("POST /sessions/authenticate", { token })).status).toBe(404);
  expect((await ask("POST /sessions/authenticate", { token: body["token"] })).status).toBe(200);
});

test("a token ends its session; another secret ends nothing", async () => {
  const { ask, start } = apiBench();
  const { id, token } = await start();
  expect((await ask("POST /sessions/end", { token: `${id}${"x".repeat(43)}` })).body).toEqual({ ended: 0 });
  expect((await ask("POST /sessions/end", { token })).body).toEqual({ ended: 1 });
  expect((await ask("POST /sessions/end", { token })).body).toEqual({ ended: 0 });
});

test("explain says why a token is live or not, and changes nothing", async () => {
  const { ask, start, advance } = apiBench({ ttl: "30m" });
  const { id, token } = await start();
  const state = async (given: string): Promise<unknown> => (await ask("POST /explain", { token: given })).body["state"];
  expect((await ask("POST /explain", { token })).body).toMatchObject({
    state: "live",
    session: { id },
    token: "current",
  });
  expect(await state(`${id}${"x".repeat(43)}`)).toBe("wrong-secret");
  expect(await state("never")).toBe("unknown-or-ended");
  advance(30 * 60_000);
  expect(await state(token)).not.toBe("live");
});
