/** Numbers after real requests, on real stores. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, memoryStore, StoreError, type Store } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { faultyStore, manualClock } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { createService } from "../../src/http/app.ts";
import { serverMetrics } from "../../src/node/server-metrics.ts";
import { readExposition, type Exposition } from "../support/exposition.ts";

const TOKEN = "t0ken-that-no-scrape-may-hold";
const USER = "us3r-that-no-scrape-may-hold";

interface Bench {
  readonly advance: (duration: "1h") => void;
  readonly cleanup: () => unknown;
  ask(method: "GET" | "POST", path: string, body?: object): Promise<number>;
  scrape(): Promise<Exposition & { readonly text: string }>;
}

function bench(store: Store): Bench {
  const clock = manualClock();
  const metrics = serverMetrics({ sessions: createSessions({ store, clock }), version: "1.2.3", store: "test" });
  const { sessions } = metrics;
  const { app } = createService({ sessions, metrics });
  return {
    advance: (duration) => clock.advance(duration),
    cleanup: () => sessions.cleanup(),
    async ask(method, path, body) {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await app.request(path, { method, headers: { "content-type": "application/json" }, ...init })).status;
    },
    async scrape() {
      const response = await app.request("/metrics");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      const text = await response.text();
      return { text, ...readExposition(text) };
    },
  };
}

/** The series that are not the process's. */
function ours({ values }: Exposition): readonly string[] {
  return [...values.keys()].filter((name) => name.startsWith("sojourn_"));
}

function sqlite(): Store {
  return sqliteIn(temporaryFolder());
}

function sqliteIn(folder: string): Store {
  const store = sqliteStore({ path: join(folder, "sessions.db"), commit: "grouped" });
  onTestFinished(async () => store.close());
  return store;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-metrics-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe.each([
  ["memory", () => memoryStore()],
  ["SQLite", sqlite],
] as const)("on %s", (_, open) => {
  test("sessions are counted as they start, are asked for, and end", async () => {
    const { ask, scrape, advance, cleanup } = bench(open());
    for (const token of ["a", "b", "c", TOKEN]) {
      expect(await ask("POST", "/sessions", { token, user: USER })).toBe(201);
    }
    expect(await ask("POST", "/sessions", { token: "a", user: USER })).toBe(201);
    expect(await ask("GET", `/sessions/${TOKEN}`)).toBe(200);
    expect(await ask("GET", "/sessions/b")).toBe(200);
    expect(await ask("GET", "/sessions/nobody")).toBe(404);
    expect(await ask("POST", "/sessions/b/logout")).toBe(204);
    const before = (await scrape()).values;
    expect(before.get("sojourn_sessions_live")).toBe(3);
    expect(before.get("sojourn_sessions_started_total")).toBe(5);
    expect(before.get('sojourn_sessions_ended_total{reason="logout"}')).toBe(1);
    expect(before.get('sojourn_sessions_ended_total{reason="replaced"}')).toBe(1);
    expect(before.get('sojourn_sessions_ended_total{reason="expired-idle"}')).toBe(0);
    expect(before.get('sojourn_tokens_rejected_total{reason="unknown"}')).toBe(1);
    expect(before.get('sojourn_authenticate_duration_seconds_count{outcome="live"}')).toBe(2);
    expect(before.get('sojourn_authenticate_duration_seconds_count{outcome="absent"}')).toBe(1);
    expect(before.get('sojourn_authenticate_duration_seconds_sum{outcome="live"}')).toBeGreaterThan(0);
    expect(before.get("sojourn_store_up")).toBe(1);

    advance("1h");
    await cleanup();
    const after = (await scrape()).values;
    expect(after.get("sojourn_sessions_live")).toBe(0);
    expect(after.get('sojourn_sessions_ended_total{reason="expired-idle"}')).toBe(3);
  });

  test("nothing that a client sends is in a scrape, or makes it longer", async () => {
    const { ask, scrape } = bench(open());
    await ask("POST", "/sessions", { token: TOKEN, user: USER });
    await ask("GET", `/sessions/${TOKEN}`);
    await ask("GET", `/sessions/${TOKEN}x`);
    const before = await scrape();
    for (let index = 0; index < 100; index++) {
      await ask("POST", "/sessions", { token: `${TOKEN}${index}`, user: `${USER}${index}` });
      await ask("GET", `/sessions/${TOKEN}${index}`);
      await ask("GET", `/${TOKEN}${index}`);
    }
    const after = await scrape();
    expect(after.text).not.toContain(TOKEN);
    expect(after.text).not.toContain(USER);
    expect(ours(after)).toEqual(ours(before));
    expect(ours(after).length).toBeLessThan(100);
  });
});

test("a store that is down is told as that, and the rest is told all the same", async () => {
  const store = faultyStore(memoryStore(), [
    { call: "get", nth: 2, fault: "fail", error: new StoreError("store_timeout", "late") },
    { call: "count", nth: 1, fault: "fail" },
  ]);
  const { ask, scrape } = bench(store);
  await ask("POST", "/sessions", { token: TOKEN, user: USER });
  const asked = [await ask("GET", `/sessions/${TOKEN}`), await ask("GET", `/sessions/${TOKEN}`)];
  expect(asked.toSorted((a, b) => a - b)).toEqual([200, 503]);
  const down = (await scrape()).values;
  expect(down.get("sojourn_store_up")).toBe(0);
  expect(down.has("sojourn_sessions_live")).toBe(false);
  expect(down.get("sojourn_sessions_started_total")).toBe(1);
  expect(down.get('sojourn_store_faults_total{code="store_timeout"}')).toBe(1);
  expect(down.get('sojourn_store_faults_total{code="store_unavailable"}')).toBe(1);
  expect(down.get('sojourn_authenticate_duration_seconds_count{outcome="failed"}')).toBe(1);
  const up = (await scrape()).values;
  expect([up.get("sojourn_store_up"), up.get("sojourn_sessions_live")]).toEqual([1, 1]);
});

test("a file that is deleted under the service is told as a store that is down", async () => {
  const folder = temporaryFolder();
  const { ask, scrape } = bench(sqliteIn(folder));
  expect(await ask("POST", "/sessions", { token: TOKEN, user: USER })).toBe(201);
  expect((await scrape()).values.get("sojourn_store_up")).toBe(1);
  rmSync(join(folder, "sessions.db"));
  expect(await ask("POST", "/sessions", { token: "later", user: USER })).toBe(503);
  const { values } = await scrape();
  expect(values.get("sojourn_store_up")).toBe(0);
  expect(values.get("sojourn_sessions_started_total")).toBe(1);
  const faults = [...values].filter(([name]) => name.startsWith("sojourn_store_faults_total"));
  expect(faults.reduce((sum, [, value]) => sum + value, 0)).toBe(2);
});

test("the process and what was built are in it", async () => {
  const { values, types } = await bench(memoryStore()).scrape();
  expect(values.get(`sojourn_build_info{version="1.2.3",node="${process.version}",store="test"}`)).toBe(1);
  expect(values.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  expect(values.get("nodejs_eventloop_lag_seconds")).toBeGreaterThanOrEqual(0);
  expect(types.get("sojourn_authenticate_duration_seconds")).toBe("histogram");
  expect(types.get("sojourn_sessions_ended_total")).toBe("counter");
});
