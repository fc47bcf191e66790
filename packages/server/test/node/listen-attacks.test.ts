/** Clients that mean harm, on real sockets: who is slow on purpose, who sends a request within another, who comes a thousandfold. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Listening } from "../../src/node/listen.ts";
import { client } from "../support/client.ts";
import { serveApp } from "../support/listening.ts";
import { sendRaw } from "../support/raw-socket.ts";
import { testApp } from "../support/test-app.ts";

const bench = testApp();
let server: Listening;
beforeAll(async () => {
  const limits = { headersTimeout: 300, requestTimeout: 400, stallTimeout: 800, checkInterval: 50 };
  server = await serveApp(bench.app, { limits, fastRoutes: bench.fastRoutes });
  await bench.post("/sessions", { token: "t1", user: "u_42" });
});
afterAll(async () => server.close(1_000));
beforeEach(() => {
  bench.calls.length = 0;
});

const HOST = "Host: localhost";
const GET = `GET /sessions/t1 HTTP/1.1\r\n${HOST}\r\n\r\n`;

/** Sends a text at once, and then a character at a time, for as long as the connection lasts. Resolves with what came back. */
async function trickle(begun: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (data: Buffer) => (answer += data.toString())).on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(begun);
  const sending = setInterval(() => void socket.write("x"), 10);
  await closed;
  clearInterval(sending);
  return answer;
}

describe("who is slow on purpose is cut", () => {
  test("when it says nothing at all", async () => {
    expect((await sendRaw(server.url, "")).status).toBe(408);
  });

  test.each([
    ["its headers", `GET /sessions/t1 HTTP/1.1\r\n${HOST}\r\nX-Slow: `],
    ["a token", "GET /sessions/"],
    [
      "its body",
      `POST /sessions HTTP/1.1\r\n${HOST}\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n\r\n{`,
    ],
    [
      "its chunks",
      `POST /sessions HTTP/1.1\r\n${HOST}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n`,
    ],
  ])("when it sends %s a character at a time", async (_, begun) => {
    expect(await trickle(begun)).toMatch(/^HTTP\/1\.1 408 /);
    expect(bench.calls).toEqual([]);
  });

  test("when it asks and asks, and never reads an answer", async () => {
    const { hostname, port } = new URL(server.url);
    const deaf: Socket = connect(Number(port), hostname).pause();
    const cut = new Promise<string | undefined>((resolve) => {
      deaf.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    const asking = setInterval(() => {
      if (deaf.writableLength < 100_000) deaf.write(GET.repeat(500));
    }, 1);
    expect(await cut).toMatch(/^(ECONNRESET|EPIPE)$/);
    clearInterval(asking);
    expect((await fetch(`${server.url}/sessions/t1`)).status).toBe(200);
  });
});

describe("a request within a request is not one of ours", () => {
  const inner = `POST /sessions/t1/logout HTTP/1.1\r\n${HOST}\r\n\r\n`;
  const outer = (...headers: readonly string[]): string =>
    `${["POST /sessions/t2/logout HTTP/1.1", HOST, ...headers].join("\r\n")}\r\n\r\n`;
  const chunked = "Transfer-Encoding: chunked";
  test.each([
    ["a length and chunks", outer("Content-Length: 5", chunked)],
    ["chunks and a length", outer(chunked, "Content-Length: 5")],
    ["a space before the colon", outer("Transfer-Encoding : chunked", "Content-Length: 5")],
    ["another coding at the end", outer("Transfer-Encoding: chunked, identity")],
    ["two codings in two lines", outer(chunked, "Transfer-Encoding: identity")],
    ["a coding that is none", outer("Transfer-Encoding: xchunked")],
    ["a vertical tab before it", outer("Transfer-Encoding: \u000bchunked")],
    ["a folded line", outer("Content-Length: 5", " 0")],
    ["two lengths", outer("Content-Length: 5", "Content-Length: 6")],
    ["the same length twice", outer("Content-Length: 5", "Content-Length: 5")],
    ["a list of lengths", outer("Content-Length: 5, 5")],
    ["a length with a sign", outer("Content-Length: +5")],
    ["a length in hex", outer("Content-Length: 0x5")],
    ["two numbers", outer("Content-Length: 5 5")],
    ["an empty length", outer("Content-Length:")],
    ["chunks on HTTP/1.0, and a length", outer(chunked, "Content-Length: 5").replace("1.1", "1.0")],
    ["a name with a space", outer("Content Length: 5")],
    ["no name", outer(": 5")],
    ["lines that end with LF alone", outer("X: y").replaceAll("\r\n", "\n")],
    ["one line that does", outer("X: y").replace("y\r\n", "y\n")],
    ["a CR too many", outer("X: y\r")],
  ])("%s: 400, and the connection is closed", async (_, head) => {
    const { text } = await sendRaw(server.url, `${head}0\r\n\r\n${inner}`);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["400"]);
    expect(bench.calls).not.toContain("delete");
  });

  test.each([
    ["negative", "-1\r\n\r\n"],
    ["longer than any number", `${"f".repeat(17)}\r\n\r\n`],
    ["followed by a space", "0 \r\n\r\n"],
    ["ended with LF alone", "0\n\n"],
  ])("a size of a chunk that is %s: 400, and nothing behind it is read", async (_, chunk) => {
    const { text } = await sendRaw(server.url, outer(chunked) + chunk + inner);
    expect(text).toMatch(/HTTP\/1\.1 400 [^]*\{"error":"[^"]+"\}$/);
    expect(text.match(/HTTP\/1\.1 204/g)?.length ?? 0).toBeLessThan(2);
    expect((await fetch(`${server.url}/sessions/t1`)).status).toBe(200);
  });

  test("also not in the body of a GET, or of what has no body", async () => {
    for (const line of ["GET /sessions/t1", "HEAD /sessions/t1", "GET /sessions", "DELETE /sessions/t1"]) {
      const head = `${line} HTTP/1.1\r\n${HOST}\r\nConnection: close\r\nContent-Length: ${inner.length}\r\n\r\n`;
      await sendRaw(server.url, head + inner);
    }
    expect((await fetch(`${server.url}/sessions/t1`)).status).toBe(200);
  });
});

test("a thousand connections that stay are all answered, and a stop ends them", async () => {
  const { app, fastRoutes, post } = testApp();
  await post("/sessions", { token: "t1", user: "u_42" });
  const crowded = await serveApp(app, { fastRoutes });
  const clients = await Promise.all(Array.from({ length: 1_000 }, async () => client(crowded.url)));
  for (const { send } of clients) send(GET);
  await Promise.all(clients.map(async ({ until }) => until(/"u_42"$/)));
  for (const { send } of clients) send(GET);
  await Promise.all(clients.map(async ({ until }) => until(/"u_42"[^]+"u_42"$/)));
  const closed = crowded.close(60_000);
  await Promise.all(clients.map(async ({ ended }) => ended));
  for (const { end } of clients) end();
  expect(await closed).toBe(true);
  expect(await Promise.all(clients.map(async (one) => one.closed))).toEqual(clients.map(() => undefined));
});
