import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, memoryStore, type Store } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { apiBench, type ApiBench } from "../../support/ask-api.ts";

const folder = mkdtempSync(join(tmpdir(), "sojourn-api-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const STORES: readonly (readonly [string, () => Store])[] = [
  ["memory", () => memoryStore()],
  ["SQLite", () => sqliteStore({ path: join(folder, `${++files}.db`) })],
];

const NOBODY = `sess_${"A".repeat(22)}`;

describe.each(STORES)("on %s", (_, open) => {
  const bench = (): ApiBench => apiBench({ store: open() });

  test("a session is started with what it is told, and read under its Location", async () => {
    const { ask } = bench();
    const told = { userId: "ann", data: { role: "admin" }, device: { ip: "::1", userAgent: "curl" } };
    const made = await ask("POST /sessions", { ...told, ttl: 60_000, absoluteTtl: 120_000 });
    expect(made).toMatchObject({ status: 201, body: { ...told, version: 1 } });
    expect(made.body["token"]).toMatch(/^sess_[\w-]{65}$/);
    const { createdAt, expiresAt, absoluteExpiresAt } = made.body as Record<string, number>;
    expect([expiresAt! - createdAt!, absoluteExpiresAt! - createdAt!]).toEqual([60_000, 120_000]);
    const path = made.headers.get("location")?.replace("/api/v1", "") as `/${string}`;
    const read = await ask(`GET ${path}`);
    const { token: _token, ...session } = made.body;
    expect([read.status, read.headers.get("etag"), read.body]).toEqual([200, '"1"', session]);
  });

  test("a session of nobody, and one under a token that the caller brings", async () => {
    const { ask } = bench();
    expect((await ask("POST /sessions", { userId: null })).body).toMatchObject({ userId: null, data: {} });
    const adopted = await ask("POST /sessions", { userId: "ann", token: "🔑 mine" });
    expect(adopted.body).toMatchObject({ token: "🔑 mine", userId: "ann" });
    const again = await ask("POST /sessions/authenticate", { token: "🔑 mine" });
    expect(again.body).toMatchObject({ id: adopted.body["id"] });
  });

  test("a patch sets and removes fields, and counts the version", async () => {
    const { ask, start } = bench();
    const { id } = await start({ data: { a: 1, deep: { b: 2, c: 3 } } });
    const patched = await ask(`PATCH /sessions/${id}`, { data: { a: null, deep: { b: 9 } } });
    expect(patched).toMatchObject({ status: 200, body: { data: { deep: { b: 9, c: 3 } }, version: 2 } });
    expect(patched.headers.get("etag")).toBe('"2"');
    expect((await ask(`GET /sessions/${id}`)).body).toEqual(patched.body);
  });

  test("a patch of a version that is not there any more is a 412, and changes nothing", async () => {
    const { ask, start } = bench();
    const { id } = await start({ data: { n: 0 } });
    const patch = async (n: number): Promise<number> =>
      (await ask(`PATCH /sessions/${id}`, { data: { n } }, { "if-match": '"1"' })).status;
    const statuses = await Promise.all([patch(1), patch(2), patch(3)]);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 412, 412]);
    expect((await ask(`GET /sessions/${id}`)).body).toMatchObject({
      version: 2,
      data: { n: statuses.indexOf(200) + 1 },
    });
    const late = await ask(`PATCH /sessions/${id}`, { data: {} }, { "if-match": '"1"' });
    expect(late).toMatchObject({ status: 412, body: { code: "version_mismatch" } });
    expect((await ask(`PATCH /sessions/${id}`, { data: {} }, { "if-match": '"2"' })).status).toBe(200);
  });

  test("a refresh extends, a re-authentication is noted", async () => {
    const { ask, start, advance } = bench();
    const { id } = await start();
    const before = (await ask(`GET /sessions/${id}`)).body as Record<string, number>;
    advance(60_000);
    const refreshed = await ask(`POST /sessions/${id}/refresh`);
    expect([refreshed.status, refreshed.body["expiresAt"]]).toEqual([200, before["expiresAt"]! + 60_000]);
    const stepped = await ask(`POST /sessions/${id}/reauthenticate`, { for: 120_000 });
    expect(stepped).toMatchObject({ status: 200, body: { reauthenticatedUntil: before["createdAt"]! + 180_000 } });
  });

  test("a session ends once, and stays ended", async () => {
    const { ask, start } = bench();
    const { id, token } = await start();
    expect(await ask(`DELETE /sessions/${id}`)).toMatchObject({ status: 200, body: { ended: 1 } });
    expect(await ask(`DELETE /sessions/${id}`)).toMatchObject({ status: 200, body: { ended: 0 } });
    expect((await ask("POST /sessions/authenticate", { token })).status).toBe(404);
  });

  test("what is not there is a 404 that says so, and no path that is unknown", async () => {
    const { ask } = bench();
    for (const got of [
      await ask(`GET /sessions/${NOBODY}`),
      await ask(`PATCH /sessions/${NOBODY}`, { data: {} }, { "if-match": '"1"' }),
      await ask(`POST /sessions/${NOBODY}/refresh`),
      await ask(`POST /sessions/${NOBODY}/reauthenticate`, {}),
    ]) {
      expect([got.status, got.body["code"]]).toEqual([404, "no_session"]);
    }
    expect((await ask("GET /session")).body["code"]).toBe("no_such_path");
  });

  test("all sessions are listed page by page, without data and tokens, and counted", async () => {
    const { ask, start } = bench();
    const started = await Promise.all(Array.from({ length: 5 }, async () => start({ data: { secret: 1 } })));
    const seen: unknown[] = [];
    let after = "";
    do {
      const page = await ask(`GET /sessions?limit=2${after}`);
      expect(page.text).not.toContain("secret");
      for (const { token } of started) expect(page.text).not.toContain(token);
      const { items, next } = page.body as {
        readonly items: readonly { readonly id: string }[];
        readonly next?: string;
      };
      expect(items.length).toBeLessThanOrEqual(2);
      seen.push(...items.map(({ id }) => id));
      after = next === undefined ? "" : `&after=${encodeURIComponent(next)}`;
    } while (after !== "");
    expect([seen.length, new Set(seen)]).toEqual([5, new Set(started.map(({ id }) => id))]);
    expect((await ask("GET /count")).body).toEqual({ count: 5 });
  });
});

test("data that JSON does not keep is refused by its code, and so is a user with as many sessions as there may be", async () => {
  const { ask } = apiBench();
  const endless = await ask("POST /sessions", '{"userId":null,"data":{"n":1e999}}');
  expect([endless.status, endless.body["code"]]).toEqual([400, "invalid_data"]);

  const sessions = createSessions({ maxPerUser: { limit: 1, onLimit: "reject" } });
  sessions.create("ann");
  const response = await createApp({ sessions }).request("/api/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"userId":"ann"}',
  });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ type: "urn:sojourn:problem:too_many_sessions", status: 409 });
});
