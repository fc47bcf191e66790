/** A real browser with two tabs, on two servers that share a SQLite file: a logout in one is said in the other. */
import { once } from "node:events";
import { createServer } from "node:https";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { Server } from "socket.io";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { sessionMiddleware } from "../../../src/web/express.ts";
import { socketSessions } from "../../../src/web/ws.ts";
import { certificate } from "../support/certificate.ts";
import { chromiumBinary, noChromium } from "../support/chromium-binary.ts";
import { KEY, type Data } from "../support/visitor.ts";

const pem = noChromium ? undefined : certificate();
const LAUNCH_LIMIT = 20_000;

/** A page that says in its title what its connection says: a WebSocket, Socket.IO, or an event stream. */
const page = (connect: string): string => `<!doctype html><title>connecting</title><body>
<form method=post action=/login><button>login</button></form>
<button onclick="fetch('/logout', { method: 'POST' })">logout</button>
<button onclick="socket.send('hello')">talk</button>
<script>const say = (text) => { document.title = text; }; ${connect}</script>`;

const WEB_SOCKET = (url: string): string => `
const socket = new WebSocket(${url});
socket.onopen = () => say("open");
socket.onmessage = ({ data }) => say(data);
socket.onclose = ({ code, reason }) => say("closed " + code + " " + reason);`;

const EVENTS = `
const source = new EventSource("/events");
source.onmessage = ({ data }) => say(data);
source.addEventListener("session_ended", ({ data }) => say("ended " + data));
source.onerror = () => { if (source.readyState === EventSource.CLOSED) say(document.title + ", closed"); };`;

const SOCKET_IO = `
</script><script src="/socket.io/socket.io.js"></script><script>
const own = io({ reconnection: false });
const socket = { send: (text) => own.emit("say", text) };
own.on("connect", () => say("open"));
own.on("said", say);
own.on("session_ended", ({ reason }) => say("ended " + reason));`;

/** Serves the sessions of a file until the test is over. */
async function serve(path: string): Promise<string> {
  const store = sqliteStore({ path });
  const sessions = createSessions<Data>({ store });
  const options = { sessions, keys: [KEY] };
  const session = sessionMiddleware(options);
  const sockets = socketSessions(options);
  const app = express().set("env", "test").use(session);
  app.post("/login", (req, res) => {
    session.of(req).login("ann");
    res.redirect(303, "/");
  });
  app.post("/logout", (req, res) => {
    session.of(req).logout();
    res.sendStatus(204);
  });
  app.get("/", (_req, res) => void res.send(page(WEB_SOCKET("`wss://${location.host}/`"))));
  app.get(
    "/elsewhere/:host",
    (req, res) => void res.send(page(WEB_SOCKET(JSON.stringify(`wss://${req.params.host}/`)))),
  );
  app.get("/stream", (_req, res) => void res.send(page(EVENTS)));
  app.get("/io", (_req, res) => void res.send(page(SOCKET_IO)));
  app.get("/events", async (req, res) => {
    const { live, refusal } = await sockets.authenticate(req);
    if (refusal !== undefined) {
      res.writeHead(refusal.status, refusal.headers).end(refusal.body);
      return;
    }
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    live.pass(() => res.write(`data: for ${live.userId}\n\n`));
    live.onEnd(({ reason }) => res.end(`event: session_ended\ndata: ${reason}\n\n`));
    res.on("close", () => live.close());
  });
  const wss = new WebSocketServer({ noServer: true });
  wss.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => socket.send(`${sockets.of(socket).userId}: ${data.toString()}`));
  });
  const server = createServer({ ...pem }, app);
  const io = new Server(server, { destroyUpgrade: false });
  sockets.useSocketIo(io);
  io.on("connection", (socket) => socket.on("say", (text: string) => socket.emit("said", `io: ${text}`)));
  const upgrade = sockets.upgrade(wss);
  server.on("upgrade", (request, socket, head) => {
    if (request.url === "/") upgrade(request, socket, head);
  });
  onTestFinished(async () => {
    for (const socket of wss.clients) socket.terminate();
    await io.close();
    server.closeAllConnections();
    sessions.ends.close();
    store.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `https://app.test:${(server.address() as AddressInfo).port}`;
}

const press = async (tab: Page, name: string): Promise<void> => tab.getByRole("button", { name }).click();
const titled = async (tab: Page, title: string): Promise<unknown> =>
  tab.waitForFunction((wanted) => document.title === wanted, title);

describe.skipIf(pem === undefined)("Chromium", () => {
  let browser: Browser;
  let context: BrowserContext;
  let origins: readonly [string, string];

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: chromiumBinary() ?? "",
      args: ["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"],
      timeout: LAUNCH_LIMIT,
    });
  });
  afterAll(async () => browser?.close());
  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-tabs-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    onTestFinished(async () => context.close());
    const path = join(folder, "sessions.db");
    origins = [await serve(path), await serve(path)];
  });

  async function loggedIn(): Promise<Page> {
    const tab = await context.newPage();
    await tab.goto(origins[0]);
    // Nobody is let in: a browser tells a page no more than that.
    await titled(tab, "closed 1006");
    await press(tab, "login");
    await titled(tab, "open");
    return tab;
  }

  async function opened(path: string, title: string): Promise<{ readonly tab: Page; readonly loads: () => number }> {
    const tab = await context.newPage();
    let loads = 0;
    tab.on("framenavigated", () => loads++);
    await tab.goto(`${origins[1]}${path}`);
    await titled(tab, title);
    return { tab, loads: () => loads };
  }

  test("two tabs on two servers: a logout in one is said in the other, without a reload", async () => {
    const first = await loggedIn();
    const second = await opened("/", "open");
    for (const tab of [first, second.tab]) {
      await press(tab, "talk");
      await titled(tab, "ann: hello");
    }
    await press(first, "logout");
    await titled(second.tab, "closed 4401 logout");
    await titled(first, "closed 4401 logout");
    expect(second.loads()).toBe(1);
    await second.tab.reload();
    await titled(second.tab, "closed 1006");
  });

  test("the same for an event stream, which is not opened again, and for Socket.IO", async () => {
    const first = await loggedIn();
    const stream = await opened("/stream", "for ann");
    const io = await opened("/io", "open");
    await press(io.tab, "talk");
    await titled(io.tab, "io: hello");
    await press(first, "logout");
    await titled(io.tab, "ended logout");
    // It asks once more by itself, and is answered 401.
    await titled(stream.tab, "ended logout, closed");
    expect([stream.loads(), io.loads()]).toEqual([1, 1]);
  });

  test("a page of another origin is not let in, with the user's own cookie", async () => {
    await loggedIn();
    const tab = await context.newPage();
    // Another port of the same host: the cookie goes along.
    await tab.goto(`${origins[0]}/elsewhere/${new URL(origins[1]).host}`);
    await titled(tab, "closed 1006");
    expect(await context.cookies(origins[1])).toHaveLength(1);
    await tab.goto(`${origins[0]}/elsewhere/${new URL(origins[0]).host}`);
    await titled(tab, "open");
  });
});
