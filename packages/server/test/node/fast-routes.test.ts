/** What the fast routes answer is what Hono would: every request of one table goes both ways, and all that can be seen of it is compared. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { memoryStore, StoreError, type Store } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { asyncStore, gate } from "sojourn/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerEmpty } from "../../src/http/answer.ts";
import { noLog } from "../../src/http/log.ts";
import { fastListener } from "../../src/node/fast-routes.ts";
import { bothWays, type BothWays, type Seen } from "../support/both-ways.ts";
import { client } from "../support/client.ts";
import { get, head, KEY, kept, LAST, MINTED, PAGE, PLACE, PLAIN, ROWS, SECRET } from "../support/requests.ts";
import type { TestAppOptions } from "../support/test-app.ts";

interface Configuration {
  readonly options: TestAppOptions;
  /** What each request brings. */
  readonly header?: string;
}

const CONFIGURATIONS: readonly (readonly [string, Configuration])[] = [
  ["on this machine", { options: {} }],
  ["on this machine, with an origin", { options: { cors: [PAGE] } }],
  ["with a key that comes", { options: { apiKey: KEY }, header: `Authorization: Bearer ${KEY}` }],
  ["with a key that does not come", { options: { apiKey: KEY, cors: ["*"] } }],
  ["open", { options: { open: true, cors: [PAGE, "http://localhost:5173"] } }],
  ["open to every page", { options: { open: true, cors: ["*"], logRequests: false } }],
];

const folder = mkdtempSync(join(tmpdir(), "sojourn-fast-routes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const STORES: readonly (readonly [string, (name: string) => Store])[] = [
  ["memory", () => memoryStore()],
  ["SQLite, with grouped commits", (name) => sqliteStore({ path: join(folder, `${name}.db`), commit: "grouped" })],
];

async function start(options: TestAppOptions): Promise<BothWays> {
  const ways = await bothWays(options);
  const { sessions, advance } = ways.bench;
  await sessions.create("u_42", undefined, { token: "expired" });
  advance(1_800_000);
  await sessions.create("u_42", undefined, { token: "t1" });
  await sessions.create('ü 🙂"', undefined, { token: "t-umlaut" });
  await sessions.create("u_42", undefined, { token: PLAIN });
  await sessions.create("u_42", undefined, { token: "té/?" });
  await sessions.create(null, undefined, { token: "anonymous" });
  return ways;
}

const statusOf = ({ text }: Seen): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);

describe.each(STORES)("on %s", (storeName, open) => {
  describe.each(CONFIGURATIONS)("a service %s answers the same both ways:", (name, { options, header }) => {
    let ways: BothWays;
    beforeAll(async () => {
      ways = await start({ ...options, store: open(name) });
    });
    afterAll(async () => ways.close());

    test.each(ROWS)("%s (%i)", async (_, status, way, bytes) => {
      const { hono, fast, left } = await ways.ask(header === undefined ? bytes : bytes.replaceAll(PLACE, header));
      expect(fast).toEqual(hono);
      expect(hono.text).toMatch(/^HTTP\/1\.1 \d{3} /);
      expect([hono.text, hono.logged.join("\n")]).toEqual([
        expect.not.stringContaining(SECRET),
        expect.not.stringContaining(SECRET),
      ]);
      if (way === "fast") expect(left).toBe(0);
      if (storeName === "memory" && name === "on this machine") expect(statusOf(fast)).toBe(status);
    });
  });
});

/** What a store may throw, and the status that answers it. */
const FAULTS: readonly (readonly [string, number, () => Error])[] = [
  ["is down", 503, () => new StoreError("store_unavailable", "/secret/path", { cause: new Error("EIO") })],
  ["does not answer in time", 503, () => new StoreError("store_timeout", "late")],
  ["holds what nobody can read", 503, () => new StoreError("store_corrupt", "row 7")],
  ["has a fault of ours", 500, () => Object.assign(new TypeError("a bug"), { input: SECRET })],
];

describe.each(STORES)("while %s", (_store, open) => {
  let ways: BothWays;
  beforeAll(async () => {
    ways = await start({ cors: [PAGE], store: open("faults") });
  });
  afterAll(async () => ways.close());

  test.each(FAULTS)("%s, both ways answer and log the same (%i)", async (_, status, fault) => {
    ways.bench.breakStore(() => {
      throw fault();
    });
    const { hono, fast, left } = await ways.ask(get(`/sessions/${SECRET}`, `Origin: ${PAGE}`));
    expect(fast).toEqual(hono);
    expect([statusOf(fast), left, fast.calls, fast.logged.length]).toEqual([status, 0, ["get"], 2]);
    expect(fast.logged.join("\n")).not.toContain(SECRET);
    expect(fast.text).not.toMatch(/secret|EIO|row 7|a bug/);
    ways.bench.breakStore(undefined);
    expect(statusOf((await ways.ask(get("/sessions/t1"))).fast)).toBe(200);
  });
});

function diskIsFull(): never {
  throw new Error(`disk full: ${SECRET}`);
}

test("a log that fails is a 500 both ways", async () => {
  const ways = await bothWays({ log: { ...noLog, info: diskIsFull } });
  const { hono, fast, left } = await ways.ask(get("/sessions/t1"));
  expect([statusOf(fast), fast.text, left]).toEqual([500, hono.text, 0]);
  expect(fast.text).not.toContain(SECRET);
  await ways.close();
});

describe("whatever comes", () => {
  const plain = fc.array(fc.constantFrom(...PLAIN.split("")), { minLength: 1, maxLength: 8 });
  const odd = fc.array(
    fc.constantFrom(
      ..."/.%?#\\:@~!$&'()*+,;=[]{}|^`\"<>_-aZ09".split(""),
      ..."%2e|%2F|%00|%C3%A9|%zz|/sessions/|t1|../|./|http://".split("|"),
      MINTED,
    ),
    { maxLength: 8 },
  );
  const target = fc.oneof(plain, odd).map((parts) => parts.join(""));
  const host = fc.oneof(
    { weight: 4, arbitrary: fc.constant("localhost") },
    fc
      .array(fc.constantFrom(..."localhost|127.0.0.1|[::1]|:|80|8787|65535|99999|.|-|_|1|@|/|A|xn--a".split("|")))
      .map((parts) => parts.join("")),
  );

  test.each([{ cors: [PAGE] }, { apiKey: KEY }])("both ways answer the same: %j", async (options) => {
    const ways = await start({ ...options });
    let fastOnes = 0;
    try {
      await fc.assert(
        fc.asyncProperty(target, host, fc.boolean(), async (path, name, isBelow) => {
          const line = `GET ${isBelow ? "/sessions/" : ""}${path} HTTP/1.1`;
          const { hono, fast, left } = await ways.ask(
            head(line, `Host: ${name}`, LAST, `Authorization: Bearer ${KEY}`),
          );
          fastOnes += left === 0 && fast.logged.some((entry) => entry.includes(":token")) ? 1 : 0;
          expect(fast).toEqual(hono);
        }),
        { numRuns: 300 },
      );
    } finally {
      await ways.close();
    }
    expect(fastOnes).toBeGreaterThan(10);
  });
});

/** A service whose store answers when it is told to. */
async function held(): Promise<BothWays & { readonly arrived: Promise<void>; letGo(): void }> {
  const { reached, open, pass } = gate();
  let isHeld = false;
  const store = asyncStore(memoryStore(), {
    pause: async (point) => (isHeld && point === "get sent" ? pass() : undefined),
  });
  const ways = await start({ store });
  isHeld = true;
  return { ...ways, arrived: reached, letGo: open };
}

describe.each(["hono", "fast"] as const)("a look at a store that takes its time, answered by %s", (way) => {
  test("harms nobody when its client has gone away by then", async () => {
    const { urls, arrived, letGo, close, ask } = await held();
    const gone = await client(urls[way]);
    gone.send(kept("/sessions/t1"));
    await arrived;
    gone.reset();
    await gone.closed;
    letGo();
    const { fast, hono } = await ask(get("/sessions/t1"));
    expect([statusOf(fast), fast.text, fast.logged]).toEqual([
      200,
      hono.text,
      [expect.stringContaining('"level":"info"')],
    ]);
    await close();
  });

  test("keeps the order of a pipeline, in which others need no look", async () => {
    const { urls, arrived, letGo, close } = await held();
    const pipeline = await client(urls[way]);
    pipeline.send(kept("/sessions/t1") + kept("/sessions/%zz") + kept("/healthz") + get("/sessions/nobody"));
    await arrived;
    expect(pipeline.text()).toBe("");
    letGo();
    await pipeline.ended;
    expect([...pipeline.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      "200",
      "400",
      "200",
      "404",
    ]);
    pipeline.end();
    await close();
  });

  test("is waited for by a stop, and its answer is told to be the last", async () => {
    const { urls, arrived, letGo, close } = await held();
    const late = await client(urls[way]);
    late.send(kept("/sessions/t1"));
    await arrived;
    const closed = close();
    letGo();
    await late.ended;
    late.end();
    expect(late.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*"u_42"$/);
    expect(await late.closed).toBeUndefined();
    await closed;
  });

  test("is a 503 at the deadline of a stop, and what it answers later goes nowhere", async () => {
    const { urls, arrived, letGo, close } = await held();
    const late = await client(urls[way]);
    late.send(kept("/sessions/t1"));
    await arrived;
    await close(50);
    letGo();
    late.end();
    expect(await late.closed).toBeUndefined();
    expect(late.text()).toMatch(/^HTTP\/1\.1 503 [^]+connection: close\r\n[^]+\{"error":"The server is stopping"\}$/);
  });
});

test("a fast route whose parameter is not its last segment is refused when the server is made", () => {
  for (const path of ["/a/:b/c", "/a/:b/:c"]) {
    expect(() => fastListener([{ path, get: () => answerEmpty(404) }], noLog)).toThrow(
      /^Expected a fast route whose parameter/,
    );
  }
});
