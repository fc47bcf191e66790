/** What comes over a real socket and is no proper request: a 4xx with `{ "error": … }`, and the server goes on. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Listening } from "../../src/node/listen.ts";
import { serveApp } from "../support/listening.ts";
import { sendRaw, type RawOptions } from "../support/raw-socket.ts";
import { testApp } from "../support/test-app.ts";

const SECRET = "s3cret-that-no-line-may-hold";
const bench = testApp();
const logged: string[] = [];
const line = (fields: object, message: string): void => {
  logged.push(message, JSON.stringify(fields));
};
let server: Listening;

beforeAll(async () => {
  const limits = { headersTimeout: 300, requestTimeout: 400, checkInterval: 50 };
  server = await serveApp(bench.app, { limits, log: { info: line, warn: line, error: line } });
});
afterAll(async () => {
  await server.close(1_000);
});

const head = (...lines: readonly string[]): string => [...lines, "", ""].join("\r\n");
const HOST = "Host: localhost";
const JSON_TYPE = "Content-Type: application/json";
const LOGIN = JSON.stringify({ token: SECRET, user: "u_42" });

/** The headers that every refusal has. */
const HEADERS = ["content-type: application/json", "cache-control: no-store", "connection: close"];

test.each<[string, number, string, RawOptions?]>([
  ["garbage", 400, `\0\x01\x02${SECRET}\r\n\r\n`],
  ["TLS", 400, "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"],
  ["a line of text", 400, `hello ${SECRET}\r\n\r\n`],
  ["an unknown method", 400, head(`${SECRET} /sessions HTTP/1.1`, HOST)],
  ["a method in small letters", 400, head("get /sessions HTTP/1.1", HOST)],
  ["HTTP/0.9", 400, "GET /sessions\r\n\r\n"],
  ["HTTP/2 without being asked", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/9.9", 400, head("GET /sessions HTTP/9.9", HOST)],
  ["no target", 400, head("GET HTTP/1.1", HOST)],
  ["a target of one star", 400, head("OPTIONS * HTTP/1.1", HOST, "Connection: close")],
  ["a target without a slash", 400, head("GET sessions HTTP/1.1", HOST, "Connection: close")],
  ["a target with a backslash", 400, head(`GET /sessions/a\\${SECRET} HTTP/1.1`, HOST, "Connection: close")],
  ["a target that is not ASCII", 400, head(`GET /sessions/é${SECRET} HTTP/1.1`, HOST)],
  ["a URL for a target that is none", 400, head("GET http://[ HTTP/1.1", HOST, "Connection: close")],
  ["CONNECT", 405, head("CONNECT localhost:22 HTTP/1.1", HOST)],
  ["TRACE", 405, head("TRACE /sessions HTTP/1.1", HOST, "Connection: close")],
  ["no Host", 400, head("GET /sessions HTTP/1.1", "Connection: close")],
  ["no Host in HTTP/1.0", 400, head("GET /sessions HTTP/1.0")],
  ["an empty Host", 400, head("GET /sessions HTTP/1.1", "Host:", "Connection: close")],
  ["a Host with a space", 400, head("GET /sessions HTTP/1.1", "Host: local host", "Connection: close")],
  ["a Host with a path", 400, head("GET /sessions HTTP/1.1", "Host: localhost/x", "Connection: close")],
  ["two Hosts", 403, head("GET /sessions HTTP/1.1", HOST, "Host: evil.example", "Connection: close")],
  ["another Host", 403, head("GET /sessions HTTP/1.0", "Host: evil.example")],
  ["a header without a colon", 400, head("GET /sessions HTTP/1.1", HOST, SECRET)],
  ["a header folded", 400, head("GET /sessions HTTP/1.1", HOST, "X: a", " b")],
  ["NUL in a header", 400, head("GET /sessions HTTP/1.1", HOST, "X: a\0b")],
  ["a bare CR in a header", 400, head("GET /sessions HTTP/1.1", HOST, "X: a\rb")],
  ["headers over 16 KiB", 431, head("GET /sessions HTTP/1.1", HOST, `X: ${SECRET.repeat(1_000)}`)],
  ["a path over 16 KiB", 431, head(`GET /sessions/${SECRET.repeat(1_000)} HTTP/1.1`, HOST)],
  ["an unknown expectation", 417, head("GET /sessions HTTP/1.1", HOST, "Expect: miracles")],
  ["a Content-Length that is no number", 400, head("POST /sessions HTTP/1.1", HOST, "Content-Length: x")],
  ["a negative Content-Length", 400, head("POST /sessions HTTP/1.1", HOST, "Content-Length: -1")],
  ["an immense Content-Length", 400, head("POST /sessions HTTP/1.1", HOST, `Content-Length: ${"9".repeat(30)}`)],
  ["two Content-Lengths", 400, head("POST /sessions HTTP/1.1", HOST, "Content-Length: 1", "Content-Length: 2") + LOGIN],
  [
    "Content-Length and chunks",
    400,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Content-Length: 4", "Transfer-Encoding: chunked") + `0\r\n\r\n`,
  ],
  [
    "an unknown transfer coding",
    400,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Transfer-Encoding: gzip") + LOGIN,
  ],
  [
    "a chunk size that is no number",
    400,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Transfer-Encoding: chunked") + `zz\r\n${LOGIN}\r\n0\r\n\r\n`,
  ],
  [
    "a chunk longer than it says",
    400,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Transfer-Encoding: chunked") + `2\r\n${LOGIN}\r\n0\r\n\r\n`,
  ],
  [
    "chunks with immense extensions",
    413,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Transfer-Encoding: chunked") +
      `2;${"x".repeat(20_000)}\r\n{}\r\n`,
  ],
  [
    "a body that ends too early",
    400,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, `Content-Length: ${LOGIN.length + 1}`) + LOGIN,
    { end: true },
  ],
  ["headers that end too early", 400, `GET /sessions HTTP/1.1\r\n${HOST}\r\nX-Token: ${SECRET}`, { end: true }],
  [
    "a body that is announced too large",
    413,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Content-Length: 99999", "Connection: close"),
  ],
  [
    "a body in chunks that is too large",
    413,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Transfer-Encoding: chunked", "Connection: close") +
      `4001\r\n${" ".repeat(0x4001)}\r\n0\r\n\r\n`,
  ],
  ["headers that stop coming", 408, `GET /sessions HTTP/1.1\r\n${HOST}\r\nX-Token: ${SECRET}`],
  [
    "a body that stops coming",
    408,
    head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, `Content-Length: ${LOGIN.length}`) + LOGIN.slice(0, -1),
  ],
])("%s: %i", async (_, status, bytes, options) => {
  const answer = await sendRaw(server.url, bytes, options);
  expect([answer.status, answer.text]).toEqual([status, expect.not.stringContaining(SECRET)]);
  expect(JSON.parse(answer.body)).toEqual({ error: expect.stringMatching(/^[A-Z]/) });
  expect(HEADERS.filter((header) => !answer.headers.includes(header))).toEqual([]);
  expect(logged.join("\n")).not.toContain(SECRET);
  expect(bench.calls).toEqual([]);
  // The server is as well as before.
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

describe("on one connection", () => {
  const keepAlive = head("GET /healthz HTTP/1.1", HOST);

  test("good requests in a pipeline are answered in their order", async () => {
    const { text } = await sendRaw(
      server.url,
      keepAlive + head("GET /nowhere HTTP/1.1", HOST) + head("GET /sessions HTTP/1.1", HOST, "Connection: close"),
    );
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["200", "404", "200"]);
    bench.calls.length = 0;
  });

  test("garbage after a good request is refused", async () => {
    const { text } = await sendRaw(server.url, `${keepAlive}\0\x01${SECRET}\r\n\r\n`);
    expect(text).toMatch(/HTTP\/1\.1 400 [^]+\{"error":"[^"]+"\}$/);
    expect(text).not.toContain(SECRET);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test("a client that goes away in the middle harms nobody", async () => {
    const { hostname, port } = new URL(server.url);
    for (const bytes of [
      "",
      "GET /ses",
      keepAlive,
      head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, "Content-Length: 9"),
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(bytes, () => {
            socket.resetAndDestroy();
            resolve();
          });
        });
        socket.on("error", () => undefined);
      });
    }
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test("a body that nobody asked for does not become the next request", async () => {
    const smuggled = head("POST /sessions/t1/logout HTTP/1.1", HOST, "Connection: close");
    const { text } = await sendRaw(
      server.url,
      head("GET /healthz HTTP/1.1", HOST, `Content-Length: ${smuggled.length}`) +
        smuggled +
        head("GET /healthz HTTP/1.1", HOST, "Connection: close"),
    );
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["200", "200"]);
  });

  test("a login waits for a body that comes in pieces", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const answered = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    socket.write(
      head("POST /sessions HTTP/1.1", HOST, JSON_TYPE, `Content-Length: ${LOGIN.length}`, "Expect: 100-continue"),
    );
    expect(await answered).toMatch(/^HTTP\/1\.1 100 Continue/);
    const created = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    for (const piece of LOGIN) socket.write(piece);
    expect(await created).toMatch(/^HTTP\/1\.1 201 Created[^]+"ok"$/);
    socket.destroy();
  });
});
