/** Socket.IO with sessions: real server and client, over WebSocket and over polling. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, gate, type Gate } from "../../../src/testing/faulty-store.ts";
import { cookieSessions } from "../../../src/web/cookies/index.ts";
import { socketSessions, type Refusal, type SocketSessionsOptions } from "../../../src/web/ws.ts";
import { KEY, keptOf, type Data } from "../support/visitor.ts";

type Transport = "websocket" | "polling";

const event = async (socket: Socket, name: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(name, (...args: unknown[]) => resolve(args)));

/** @param sure whether it is certain that sessions live, and what an answer about that waits for */
async function serve(
  store: Store,
  options: Partial<SocketSessionsOptions<Data, Mode>> = {},
  sure?: { readonly isNow: boolean; readonly again: Gate },
  before: (server: Server) => void = () => {},
) {
  const manager = createSessions<Data>({ store, ends: { maxStale: "1h" } });
  const { ends } = manager;
  const isCurrent = (id: string): boolean => sure?.isNow !== false && ends.isCurrent(id);
  const confirm = async (id: string): Promise<boolean> => {
    await sure?.again.pass();
    return ends.confirm(id);
  };
  const sessions = { ...manager, ends: { ...ends, isCurrent, confirm } };
  const http = createServer();
  const server = new Server(http);
  before(server);
  const refusals: Refusal[] = [];
  socketSessions<Data, Mode>({
    sessions,
    keys: [KEY],
    onRefused: (refusal) => refusals.push(refusal),
    ...options,
  }).useSocketIo(server);
  const heard: string[] = [];
  server.on("connection", (socket) => {
    heard.push(`open ${[...socket.rooms].filter((room) => room !== socket.id).join(" ")}`);
    socket.on("say", (text: string, answer?: (text: string) => void) => {
      heard.push(text);
      answer?.(text.toUpperCase());
    });
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const clients: Socket[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.close();
    await server.close();
    sessions.ends.close();
  });
  const web = cookieSessions<Data, Mode>({ sessions, keys: [KEY] });
  return {
    server,
    sessions,
    heard,
    refusals,
    url,
    async login(userId: string | null = "ann") {
      const session = await web.start(new Request("https://app.test/"));
      await session.login(userId);
      const headers = new Headers();
      await session.commit(headers);
      return { id: session.id as string, cookie: keptOf(headers.getSetCookie()[0] ?? "") ?? "" };
    },
    client(headers: Record<string, string>, transport: Transport, namespace = "/") {
      const client = io(`${url}${namespace}`, {
        extraHeaders: headers,
        transports: [transport],
        reconnection: false,
        forceNew: true,
      });
      clients.push(client);
      const events: unknown[] = [];
      client.onAny((...event: unknown[]) => events.push(event));
      client.on("disconnect", (reason) => events.push(reason));
      return Object.assign(client, { events });
    },
  };
}

describe.each(["websocket", "polling"] as const)("Socket.IO over %s", (transport) => {
  test("what is sent before the application disconnects arrives, also while nobody can tell", async () => {
    const sure = { isNow: true, again: gate() };
    const { login, client, server } = await serve(memoryStore(), {}, sure);
    const { cookie } = await login();
    const { events } = client({ cookie }, transport);
    await expect.poll(() => server.sockets.sockets.size).toBe(1);
    sure.isNow = false;
    for (const socket of server.sockets.sockets.values()) {
      socket.emit("full");
      socket.disconnect(true);
    }
    await sure.again.reached;
    sure.isNow = true;
    sure.again.open();
    await expect.poll(() => events).toEqual([["full"], "io server disconnect"]);
  });

  test("a connection that the application closes is closed within a second, also if nobody can ever tell", async () => {
    const sure = { isNow: true, again: gate() };
    const { login, client, server } = await serve(memoryStore(), {}, sure);
    const { cookie } = await login();
    const { events } = client({ cookie }, transport);
    await expect.poll(() => server.sockets.sockets.size).toBe(1);
    sure.isNow = false;
    for (const socket of server.sockets.sockets.values()) {
      socket.emit("full");
      socket.disconnect(true);
    }
    expect(server.engine.clientsCount).toBe(1);
    await expect.poll(() => server.engine.clientsCount, { timeout: 5_000 }).toBe(0);
    await expect.poll(() => events).toEqual(["transport close"]);
  });

  test("who has a live session talks, in the rooms of the session and of the user", async () => {
    const { login, client, heard, server } = await serve(memoryStore());
    const { id, cookie } = await login();
    const socket = client({ cookie }, transport);
    expect(await socket.emitWithAck("say", "hi")).toBe("HI");
    expect(heard).toEqual([`open session:${id} user:ann`, "hi"]);
    server.to("user:ann").emit("news", 1);
    server.to(`session:${id}`).emit("news", 2);
    server.to("user:bob").emit("news", 3);
    await expect
      .poll(() => socket.events)
      .toEqual([
        ["news", 1],
        ["news", 2],
      ]);
  });

  test.each([
    ["no session", {}, 401],
    ["another origin", { origin: "https://evil.test" }, 403],
    ["another site, as a browser says", { "sec-fetch-site": "cross-site" }, 403],
  ])("%s is refused", async (_, headers, status) => {
    const { login, client, heard, refusals } = await serve(memoryStore());
    const { cookie } = await login();
    const socket = client({ ...(status === 403 && { cookie }), ...headers }, transport);
    const [error] = (await event(socket, "connect_error")) as [{ readonly context?: { readonly status?: number } }];
    if (transport === "polling") expect(error.context?.status).toBe(status);
    expect(refusals).toMatchObject([{ status }]);
    expect(heard).toEqual([]);
  });

  test("the end of a session is said, and closes its connections, in all namespaces, and no others", async () => {
    const { login, client, sessions, server } = await serve(memoryStore());
    server.of("/admin").on("connection", () => {});
    const [one, other] = [await login(), await login("bob")];
    const sockets = [client({ cookie: one.cookie }, transport), client({ cookie: one.cookie }, transport, "/admin")];
    const stays = client({ cookie: other.cookie }, transport);
    await Promise.all([...sockets, stays].map(async (socket) => event(socket, "connect")));
    await sessions.destroyByUser("ann");
    for (const socket of sockets) {
      await expect.poll(() => socket.events).toHaveLength(2);
      expect(socket.events[0]).toEqual(["session_ended", { reason: "revoked" }]);
    }
    expect(await stays.emitWithAck("say", "hi")).toBe("HI");
    await expect.poll(() => sessions.ends.isCurrent(one.id)).toBe(false);
  });

  test("a connection of a namespace that is not told is cut off all the same", async () => {
    const { login, client, sessions, server } = await serve(memoryStore(), {}, undefined, (before) =>
      before.of("/early"),
    );
    let rooms: unknown;
    server.of("/early").on("connection", (socket) => (rooms = socket.rooms.size));
    const { cookie, id } = await login();
    const socket = client({ cookie }, transport, "/early");
    await event(socket, "connect");
    expect(rooms).toBe(1);
    await sessions.destroy(id);
    server.of("/early").emit("news", 1);
    await expect.poll(() => socket.connected, { timeout: 5_000 }).toBe(false);
    expect(socket.events).not.toContainEqual(["news", 1]);
  });

  test("messages wait in both directions while nobody can tell, also those to rooms", async () => {
    const sure = { isNow: true, again: gate() };
    const { login, client, heard, server } = await serve(memoryStore(), {}, sure);
    const socket = client({ cookie: (await login()).cookie }, transport);
    await event(socket, "connect");
    sure.isNow = false;
    server.to("user:ann").emit("news", 1);
    socket.emit("say", "one");
    await sure.again.reached;
    server.emit("news", 2);
    socket.emit("say", "two");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([heard.slice(1), socket.events]).toEqual([[], []]);
    sure.isNow = true;
    sure.again.open();
    await expect
      .poll(() => [heard.slice(1), socket.events])
      .toEqual([
        ["one", "two"],
        [
          ["news", 1],
          ["news", 2],
        ],
      ]);
  });

  test("a connection waits until the store has said that its session lives", async () => {
    const reading = gate();
    const held = { call: "get", nth: 2, fault: "hold", gate: reading } as const;
    const { login, client, heard, sessions } = await serve(faultyStore(asyncStore(memoryStore()), [held]));
    const { cookie, id } = await login(null);
    const socket = client({ cookie }, transport);
    await reading.reached;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([socket.connected, heard]).toEqual([false, []]);
    reading.open();
    expect(await socket.emitWithAck("say", "hi")).toBe("HI");
    expect(heard).toEqual([`open session:${id}`, "hi"]);
    await sessions.destroy(id);
    await expect.poll(() => socket.events.at(0)).toEqual(["session_ended", { reason: "logout" }]);
  });

  test("a connection that has closed is watched no more", async () => {
    const { login, client, sessions } = await serve(memoryStore());
    const { cookie, id } = await login();
    const socket = client({ cookie }, transport);
    await event(socket, "connect");
    expect(sessions.ends.isCurrent(id)).toBe(true);
    socket.close();
    await expect.poll(() => sessions.ends.isCurrent(id)).toBe(false);
  });
});

test("a connection that is named, but is none, is a new one", async () => {
  const { url } = await serve(memoryStore());
  expect((await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=`)).status).toBe(401);
  expect((await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=x`)).status).toBe(400);
});

test("a server that is not attached yet, or that recovers connections, is a mistake", () => {
  const sockets = socketSessions({ sessions: createSessions(), keys: [KEY] });
  expect(() => sockets.useSocketIo(new Server())).toThrow("attached to its HTTP server");
  const recovering = new Server(createServer(), { connectionStateRecovery: {} });
  expect(() => sockets.useSocketIo(recovering)).toThrow("without `connectionStateRecovery`");
});
