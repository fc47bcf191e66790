import { connect, type Socket } from "node:net";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { serveApp } from "../support/listening.ts";

/** An app whose one route answers when it is told to. */
function slowApp(): { readonly app: Hono; readonly begun: Promise<void>; finish(): void } {
  const begun = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  const app = new Hono();
  app.get("/slow", async (c) => {
    begun.resolve();
    await finished.promise;
    return c.text("done");
  });
  app.get("/fast", (c) => c.text("done"));
  return { app, begun: begun.promise, finish: finished.resolve };
}

async function open(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return socket;
}

async function isRefused(url: string): Promise<boolean> {
  return fetch(url).then(
    () => false,
    () => true,
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
  expect(await isRefused(`${server.url}/fast`)).toBe(true);
  expect(isClosed).toBe(false);
  finish();
  expect(await (await slow).text()).toBe("done");
  expect(await closed).toBe(true);
});

test("idle connections, also those on which nothing was ever said, do not hold it up", async () => {
  const { app } = slowApp();
  const server = await serveApp(app);
  const silent = await open(server.url);
  const idle = await open(server.url);
  const answered = new Promise((resolve) => idle.once("data", resolve));
  idle.write("GET /fast HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await answered;
  expect(await server.close(60_000)).toBe(true);
  silent.destroy();
  idle.destroy();
});

test("a connection that is busy all the time is closed after an answer", async () => {
  const { app, begun, finish } = slowApp();
  const server = await serveApp(app);
  const slow = fetch(`${server.url}/slow`);
  const busy = await open(server.url);
  let text = "";
  const answered = Promise.withResolvers<void>();
  const ended = new Promise<void>((resolve) => {
    busy.once("close", () => resolve());
    // A request can cross the end of its connection; it was not begun, and a client sends it again elsewhere.
    busy.on("error", () => undefined);
    busy.on("data", (data) => {
      text += data.toString();
      answered.resolve();
      if (!/connection: close/i.test(text)) busy.write("GET /fast HTTP/1.1\r\nHost: localhost\r\n\r\n");
    });
  });
  busy.write("GET /fast HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await begun;
  await answered.promise;
  const closed = server.close(60_000);
  await ended;
  expect(text).toMatch(/done$/);
  finish();
  expect(await (await slow).text()).toBe("done");
  expect(await closed).toBe(true);
});

test("what has not finished by the deadline is cut", async () => {
  const { app, begun, finish } = slowApp();
  const server = await serveApp(app);
  const slow = isRefused(`${server.url}/slow`);
  await begun;
  expect(await server.close(50)).toBe(false);
  expect(await slow).toBe(true);
  finish();
});
