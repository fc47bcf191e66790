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
import type { TestAppOptions } from "../support/test-app.ts";

const SECRET = "s3cret-that-no-line-may-hold";
const KEY = "correct-horse-battery-staple-42!";
const PAGE = "https://app.example.com";
/** All that stands in a path as it is. */
const PLAIN = "Az09-_.~!$&'()*+,;=:@";
const MINTED = `sess_${"a".repeat(22)}${"b".repeat(43)}`;

/** A line that a configuration replaces, so that every request of the table can bring a key. */
const PLACE = "X-Key: here";
const head = (...lines: readonly string[]): string => [...lines, PLACE, "", ""].join("\r\n");
const LAST = "Connection: close";
const request = (line: string, ...headers: readonly string[]): string =>
  head(`${line} HTTP/1.1`, "Host: localhost", LAST, ...headers);
const get = (target: string, ...headers: readonly string[]): string => request(`GET ${target}`, ...headers);
const hosted = (...hosts: readonly string[]): string =>
  head("GET /sessions/t1 HTTP/1.1", ...hosts.map((host) => `Host: ${host}`), LAST);
const kept = (target: string): string => head(`GET ${target} HTTP/1.1`, "Host: localhost");

/** A request, the status of a service on this machine without a key, and whether Hono is left out. */
type Row = readonly [name: string, status: number, way: "fast" | "hono", bytes: string];

const ANSWERS: readonly Row[] = [
  ["a session", 200, "fast", get("/sessions/t1")],
  ["a user id that is not ASCII", 200, "fast", get("/sessions/t-umlaut")],
  ["an absent session", 404, "fast", get("/sessions/nobody")],
  ["an anonymous session", 404, "fast", get("/sessions/anonymous")],
  ["a session whose time is up", 404, "fast", get("/sessions/expired")],
  ["a token of every plain character", 200, "fast", get(`/sessions/${PLAIN}`)],
  ["a token with encoded characters", 200, "fast", get("/sessions/t%C3%A9%2f%3F%00".slice(0, -3))],
  ["the shape of a minted token", 404, "fast", get(`/sessions/${MINTED}`)],
  ["names of the prototype", 404, "fast", get("/sessions/__proto__")],
  ["128 characters", 404, "fast", get(`/sessions/${"t".repeat(128)}`)],
  ["129 characters", 400, "fast", get(`/sessions/${"t".repeat(129)}`)],
  ["129 characters, encoded", 400, "fast", get(`/sessions/t${"%C3%A9".repeat(128)}`)],
  ["thousands of characters", 400, "fast", get(`/sessions/${"t".repeat(12_000)}`)],
  ["more than a server reads", 431, "hono", get(`/sessions/${"t".repeat(20_000)}`)],
  ["NUL, encoded", 400, "fast", get(`/sessions/${SECRET}%00`)],
  ["a percent sign alone", 400, "fast", get(`/sessions/${SECRET}%`)],
  ["half an encoding", 400, "fast", get(`/sessions/${SECRET}%4`)],
  ["no hex digits", 400, "fast", get(`/sessions/${SECRET}%zz`)],
  ["bytes that are not UTF-8", 400, "fast", get(`/sessions/${SECRET}%FF`)],
  ["an overlong slash", 400, "fast", get("/sessions/t%C0%AF")],
  ["half a pair of surrogates", 400, "fast", get("/sessions/t%ED%A0%80")],
];

const TARGETS: readonly Row[] = [
  ["one dot", 400, "hono", get("/sessions/.")],
  ["two dots", 404, "hono", get("/sessions/..")],
  ["two dots, encoded", 404, "hono", get("/sessions/%2e%2E")],
  ["a dot and an encoded one", 404, "hono", get("/sessions/.%2e")],
  ["three dots", 404, "hono", get("/sessions/...")],
  ["a dot first", 404, "hono", get("/sessions/.t1")],
  ["an encoded character first", 404, "hono", get("/sessions/%C3%A9")],
  ["a dot last", 404, "fast", get("/sessions/t1.")],
  ["an encoded dot last", 404, "fast", get("/sessions/t1%2e")],
  ["dots on the way", 200, "hono", get("/x/../sessions/t1")],
  ["one dot on the way", 200, "hono", get("/./sessions/t1")],
  ["dots at the end", 400, "hono", get("/sessions/t1/..")],
  ["no token", 400, "hono", get("/sessions/")],
  ["a slash at the end", 404, "hono", get("/sessions/t1/")],
  ["two slashes at the end", 404, "hono", get("/sessions/t1//")],
  ["two slashes at the beginning", 404, "hono", get("//sessions/t1")],
  ["two slashes in the middle", 404, "hono", get("/sessions//t1")],
  ["more behind the token", 405, "hono", get("/sessions/t1/logout")],
  ["another path", 404, "hono", get("/sessionst1")],
  ["other letters", 404, "hono", get("/Sessions/t1")],
  ["an encoded slash before the token", 404, "hono", get("/sessions%2Ft1")],
  ["an empty query", 200, "hono", get("/sessions/t1?")],
  ["a query", 400, "hono", get(`/sessions/t1?token=${SECRET}`)],
  ["a fragment", 200, "hono", get("/sessions/t1#x")],
  ["a backslash", 400, "hono", get(`/sessions/t1\\${SECRET}`)],
  ["a bracket", 404, "hono", get("/sessions/t1[0]")],
  ["a quote", 404, "hono", get('/sessions/t1"')],
  ["a bar", 404, "hono", get("/sessions/t1|")],
  ["a tilde alone", 404, "fast", get("/sessions/~")],
  ["a character that is not ASCII", 400, "hono", get(`/sessions/é${SECRET}`)],
  ["a URL", 200, "hono", get("http://localhost/sessions/t1")],
  ["a URL in capitals", 400, "hono", get("HTTP://localhost/sessions/t1")],
  ["a URL of TLS", 200, "hono", get("https://localhost/sessions/t1")],
  ["a URL of another host", 200, "hono", get("http://evil.example/sessions/t1")],
  ["a URL that is none", 400, "hono", get("http://[/sessions/t1")],
  ["no slash", 400, "hono", get("sessions/t1")],
  ["a star", 400, "hono", request("OPTIONS *")],
];

const METHODS: readonly Row[] = [
  ["HEAD", 200, "hono", request("HEAD /sessions/t1")],
  ["HEAD of an absent session", 404, "hono", request("HEAD /sessions/nobody")],
  ["HEAD of what is no token", 400, "hono", request("HEAD /sessions/%00")],
  ...["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY", "PROPFIND"].map((method): Row => [
    method,
    405,
    "hono",
    request(`${method} /sessions/t1`),
  ]),
  ["OPTIONS", 405, "hono", request("OPTIONS /sessions/t1", `Origin: ${PAGE}`, "Access-Control-Request-Method: GET")],
  ["small letters", 400, "hono", request("get /sessions/t1")],
];

const HEADERS: readonly Row[] = [
  ["no host", 400, "hono", hosted()],
  ["an empty host", 400, "hono", hosted("")],
  ["a host with a space", 400, "hono", hosted("local host")],
  ["a host with a path", 400, "hono", hosted("localhost/x")],
  ["a host with a user", 400, "hono", hosted("user@localhost")],
  ["a host in capitals", 200, "hono", hosted("LOCALHOST")],
  ["a host with a port", 200, "fast", hosted("localhost:8787")],
  ["a host with a port of five digits", 200, "fast", hosted("127.0.0.1:59999")],
  ["a host with a port from 60000 on", 200, "hono", hosted("127.0.0.1:60500")],
  ["a host with a port that is none", 400, "hono", hosted("localhost:99999")],
  ["a host with an empty port", 400, "hono", hosted("localhost:")],
  ["a host in brackets", 200, "hono", hosted("[::1]:8787")],
  ["a host that is half an address", 403, "fast", hosted("127.1")],
  ["another host", 403, "fast", hosted("evil.example")],
  ["two hosts", 403, "hono", hosted("localhost", "evil.example")],
  ["the same host twice", 403, "hono", hosted("localhost", "localhost")],
  ["another site's page", 403, "fast", get("/sessions/t1", "Sec-Fetch-Site: cross-site")],
  ["our own page", 200, "fast", get("/sessions/t1", "Sec-Fetch-Site: same-origin")],
  [
    "an origin that some configurations name",
    403,
    "fast",
    get("/sessions/t1", `origin: ${PAGE}`, "Sec-Fetch-Site: cross-site"),
  ],
  ["an origin that is not", 403, "fast", get("/sessions/nobody", "Origin: null", "Sec-Fetch-Site: cross-site")],
  ["two origins", 403, "fast", get("/sessions/t1", `Origin: ${PAGE}`, "Origin: x", "Sec-Fetch-Site: cross-site")],
  ["another key", 200, "fast", get("/sessions/t1", `Authorization: Bearer ${KEY}x`)],
  ["the key twice", 200, "fast", get("/sessions/t1", `Authorization: Bearer ${KEY}`)],
];

const CONNECTIONS: readonly Row[] = [
  ["HTTP/1.0", 200, "fast", head("GET /sessions/t1 HTTP/1.0", "Host: localhost")],
  ["HTTP/1.0 without a host", 400, "hono", head("GET /sessions/t1 HTTP/1.0")],
  ["a body", 200, "fast", get("/sessions/t1", "Content-Length: 3") + "abc"],
  ["a body in chunks", 200, "fast", `${get("/sessions/t1", "Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n`],
  [
    "a length and chunks",
    400,
    "hono",
    `${get("/sessions/t1", "Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ],
  ["a body that is waited for", 100, "fast", get("/sessions/t1", "Content-Length: 3", "Expect: 100-continue")],
  ["another expectation", 417, "hono", get("/sessions/t1", "Expect: miracles")],
  ["an upgrade", 200, "fast", get("/sessions/t1", "Upgrade: websocket")],
  ["several in a pipeline", 200, "fast", kept("/sessions/t1") + kept("/sessions/nobody") + get("/sessions/t1")],
  [
    "a body between two requests",
    200,
    "fast",
    kept("/sessions/t1").replace("\r\n", "\r\nContent-Length: 3\r\n") + "GET" + get("/sessions/t1"),
  ],
  ["garbage behind it", 200, "fast", `${kept("/sessions/t1")}\0\x01${SECRET}\r\n\r\n`],
  [
    "the same on HTTP/1.0",
    200,
    "fast",
    head("GET /sessions/t1 HTTP/1.0", "Host: localhost", "Connection: keep-alive") + get("/sessions/t1"),
  ],
];

const ROWS = [...ANSWERS, ...TARGETS, ...METHODS, ...HEADERS, ...CONNECTIONS];

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

test("a log that fails is a 500 both ways", async () => {
  const brokenInfo = (): never => {
    throw new Error(`disk full: ${SECRET}`);
  };
  const ways = await bothWays({ log: { ...noLog, info: brokenInfo } });
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
