/** How a server stops, as its clients see it, on real sockets. */
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { busyClient } from "../support/busy-client.ts";
import { serveApp } from "../support/listening.ts";
import { client } from "../support/client.ts";

/** An app whose one route answers when it is told to. */
function slowApp(): { readonly app: Hono; readonly begun: Promise<void>; readonly asked: string[]; finish(): void } {
  const begun = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  const asked: string[] = [];
  const app = new Hono();
  app.get("/slow/:name?", async (c) => {
    asked.push(c.req.path);
    begun.resolve();
    await finished.promise;
    return c.text("done");
  });
  app.get("/long", () => {
    begun.resolve();
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode("the beginning"));
        void finished.promise.then(() => controller.close());
      },
    });
    return new Response(body);
  });
  app.all("/fast", async (c) => {
    asked.push(c.req.path);
    return c.text(`done ${await c.req.text()}`);
  });
  return { app, begun: begun.promise, asked, finish: finished.resolve };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const ANSWERED = /^HTTP\/1\.1 200 OK\r\n[^]*done/;
const LAST = /^connection: close\r$/im;

async function untilRefused(url: string): Promise<void> {
  while (
    await fetch(`${url}/fast`).then(
      () => true,
      () => false,
    )
  );
}

test("what runs is finished, and nothing new is begun", async () => {
  const { app, begun, finish } = slowApp();
  const server = await serveApp(app);
  const slow = fetch(`${server.url}/slow`);
  await begun;
  let isClosed = false;
  const closed = server.close(60_000).finally(() => {
    isClosed = true;
  });
  await untilRefused(server.url);
  expect(isClosed).toBe(false);
  finish();
  const response = await slow;
  expect([await response.text(), response.headers.get("connection")]).toEqual(["done", "close"]);
  expect(await closed).toBe(true);
});

describe("connections without a request", () => {
  test("do not hold it up, also those on which nothing was ever said, and end without a reset", async () => {
    const server = await serveApp(slowApp().app);
    const silent = await client(server.url);
    const idle = await client(server.url);
    idle.send(get("/fast"));
    await idle.until(ANSWERED);
    const closed = server.close(60_000);
    await Promise.all([silent.ended, idle.ended]);
    silent.end();
    idle.end();
    expect(await Promise.all([silent.closed, idle.closed, closed])).toEqual([undefined, undefined, true]);
  });

  test("do not hold it up when their clients keep their side open", async () => {
    const server = await serveApp(slowApp().app);
    const deaf = await client(server.url);
    expect(await server.close(60_000)).toBe(true);
    deaf.end();
  });

  test("get no answer to what comes after their end, and it is not begun", async () => {
    const { app, asked } = slowApp();
    const server = await serveApp(app);
    const late = await client(server.url);
    const closed = server.close(60_000);
    await late.ended;
    late.send(get("/fast"));
    late.end();
    expect([await late.closed, late.text(), asked, await closed]).toEqual([undefined, "", [], true]);
  });
});

describe("a request that has reached the server is answered, and told that the connection closes", () => {
  test("on each connection that is busy all the time", async () => {
    const server = await serveApp(slowApp().app);
    const clients = Array.from({ length: 50 }, () => busyClient(server.url, get("/fast")));
    await Promise.all(clients.map(async ({ started }) => started));
    const closed = server.close(60_000);
    const ends = await Promise.all(clients.map(async ({ ended }) => ended));
    expect(ends.filter(({ told, unanswered, error }) => !told || unanswered || error !== undefined)).toEqual([]);
    expect(await closed).toBe(true);
  });

  test("when nobody has read it yet", async () => {
    const server = await serveApp(slowApp().app);
    const unread = await client(server.url);
    unread.send(get("/fast"));
    await unread.until(ANSWERED);
    // Both in one turn: the server has had no time to read it.
    unread.send(get("/fast"));
    const closed = server.close(60_000);
    await unread.until(LAST);
    unread.end();
    expect(unread.text().match(/200 OK/g)).toHaveLength(2);
    expect([await unread.closed, await closed]).toEqual([undefined, true]);
  });

  test.each([
    ["in its headers", "POST /fast HTTP/1.1\r\nHost: loc", "alhost\r\nContent-Length: 3\r\n\r\nabc"],
    ["in its body", "POST /fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na", "bc"],
  ])("when it has come in part, %s, however long the rest takes", async (_, first, rest) => {
    const server = await serveApp(slowApp().app);
    const partial = await client(server.url);
    partial.send(get("/fast"));
    await partial.until(ANSWERED);
    partial.send(first);
    const idle = await client(server.url);
    const closed = server.close(60_000);
    // By then a connection without a request has been closed.
    await idle.ended;
    idle.end();
    partial.send(rest);
    await partial.until(/done abc/);
    expect(partial.text()).toMatch(LAST);
    partial.end();
    expect([await partial.closed, await closed]).toEqual([undefined, true]);
  });

  test("when several came in a pipeline, of which only the last closes", async () => {
    const { app, begun, finish, asked } = slowApp();
    const server = await serveApp(app);
    const pipeline = await client(server.url);
    pipeline.send(get("/slow/1") + get("/slow/2"));
    await begun;
    const closed = server.close(60_000);
    pipeline.send(get("/slow/3"));
    await expect.poll(() => asked.length).toBe(3);
    finish();
    await pipeline.ended;
    pipeline.end();
    expect(pipeline.text().match(/done/g)).toHaveLength(3);
    expect(pipeline.text().match(/connection: (?:close|keep-alive)/gi)).toEqual([
      "Connection: keep-alive",
      "Connection: keep-alive",
      "Connection: close",
    ]);
    expect([await pipeline.closed, await closed]).toEqual([undefined, true]);
  });

  test.each([["before a stop"], ["during a stop"]])("when its client has closed its own side, %s", async (when) => {
    const { app, begun, finish } = slowApp();
    const server = await serveApp(app);
    const half = await client(server.url);
    half.send(get("/slow"));
    half.end();
    await begun;
    const other = await client(server.url);
    const closing = when === "during a stop" ? server.close(60_000) : undefined;
    if (closing !== undefined) {
      await other.ended;
      other.end();
    }
    finish();
    await half.until(ANSWERED);
    expect(await half.closed).toBeUndefined();
    expect(await (closing ?? server.close(60_000))).toBe(true);
  });
});

describe("at the deadline", () => {
  test("what has no answer yet is told that the server stops", async () => {
    const { app, begun, finish } = slowApp();
    const server = await serveApp(app);
    const slow = await client(server.url);
    slow.send(get("/slow"));
    const partial = await client(server.url);
    partial.send("GET /fast HTTP/1.1\r\nHost: loc");
    await begun;
    expect(await server.close(50)).toBe(false);
    finish();
    for (const { text, closed, end } of [slow, partial]) {
      end();
      expect(await closed).toBeUndefined();
      expect(text()).toMatch(/^HTTP\/1\.1 503 [^]+connection: close\r\n[^]+\{"error":"The server is stopping"\}$/);
    }
  });

  test("what is in the middle of its answer is cut, so that the answer does not look whole", async () => {
    const { app, begun, finish } = slowApp();
    const server = await serveApp(app);
    const long = fetch(`${server.url}/long`);
    await begun;
    const response = await long;
    expect(await server.close(50)).toBe(false);
    await expect(response.text()).rejects.toThrow(TypeError);
    finish();
  });
});
