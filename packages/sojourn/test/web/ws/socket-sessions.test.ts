/** WebSockets of `ws` that are let in by the cookie, and close with their session: real sockets, on several stores. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectRaw } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { createWebSocketStream, type WebSocket } from "ws";
import { StoreError } from "../../../src/errors.ts";
import { createSessionsOn } from "../../../src/sessions/session-manager.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../../src/sessions/options.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, gate } from "../../../src/testing/faulty-store.ts";
import { manualClock } from "../../../src/time/manual-clock.ts";
import { manualTimer } from "../../../src/time/manual-timer.ts";
import { socketSessions, type Refusal } from "../../../src/web/ws.ts";
import { counted, KEY, writes, type Data } from "../support/visitor.ts";
import { connect, serveSockets } from "./support/socket-server.ts";

const stores: readonly (readonly [name: string, open: () => Store])[] = [
  ["memory", () => memoryStore()],
  ["SQLite", () => sqliteStore({ database: new DatabaseSync(":memory:") })],
  ["an asynchronous store", () => asyncStore(memoryStore())],
];

function managerOn(store: Store, options: Partial<SessionsOptions<Data, Mode>> = {}): Sessions<Data, Mode> {
  const sessions = createSessions<Data>({ ...options, store } as SessionsOptions<Data, Mode> & { store: Store });
  onTestFinished(() => sessions.ends.close());
  return sessions;
}

/** A manager that can be made to doubt whether a session lives; what it is asked for then waits at a gate. */
function doubtful(manager: Sessions<Data, Mode>) {
  const { ends } = manager;
  const again = gate();
  let isSure = true;
  const confirm = async (id: string): Promise<boolean> => {
    await again.pass();
    return ends.confirm(id);
  };
  const isCurrent = (id: string): boolean => isSure && ends.isCurrent(id);
  const sessions: Sessions<Data, Mode> = { ...manager, ends: { ...ends, isCurrent, confirm } };
  return { sessions, again, doubt: (doubts: boolean): unknown => (isSure = !doubts) };
}

describe.each(stores)("sockets, on %s", (_, open) => {
  test("who has a live session is let in, and talks; nothing is written, and no cookie is set", async () => {
    const calls: string[] = [];
    const sessions = managerOn(counted(open(), calls), { ttl: "1h", refreshThreshold: "1h" });
    const { connect: to, login, seen, wss } = await serveSockets(sessions);
    const { cookie } = await login();
    calls.length = 0;
    let head: string[] = [];
    wss.on("headers", (lines: string[]) => (head = lines));
    const { socket, messages } = await to(cookie);
    socket.send("one");
    socket.send("two");
    await expect.poll(() => messages).toEqual(["ONE", "TWO"]);
    expect(seen).toEqual(["open ann", "one", "two"]);
    expect(writes(calls)).toEqual([]);
    expect(head.join()).not.toMatch(/set-cookie/i);
  });

  test.each([
    ["logout", (sessions: Sessions<Data, Mode>, id: string) => sessions.destroy(id)],
    ["revoked", (sessions: Sessions<Data, Mode>) => sessions.destroyByUser("ann")],
    ["replaced", (sessions: Sessions<Data, Mode>, id: string) => sessions.destroy(id, { reason: "replaced" })],
  ] as const)("every socket of a session that ends is closed with 4401 and %s, and no other", async (reason, end) => {
    const store = open();
    const server = await serveSockets(managerOn(store));
    const [one, other] = [await server.login(), await server.login("bob")];
    const [first, second, stays] = await Promise.all(
      [one, one, other].map(async ({ cookie }) => server.connect(cookie)),
    );
    // Elsewhere, by another manager.
    await end(managerOn(store), one.id);
    expect(await first?.closed).toEqual([4401, reason]);
    expect(await second?.closed).toEqual([4401, reason]);
    stays?.socket.send("still here");
    await expect.poll(() => stays?.messages).toEqual(["STILL HERE"]);
  });

  test("a renewed or rotated token closes nothing; an old one that is stolen closes all", async () => {
    const clock = manualClock();
    const sessions = managerOn(open(), { clock, ttl: "1h", rotationGrace: "10s" });
    const server = await serveSockets(sessions);
    const { cookie, token, id } = await server.login();
    const { socket, messages, closed } = await server.connect(cookie);
    const rotated = await sessions.rotate(token);
    await sessions.refresh(id);
    socket.send("rotated");
    await expect.poll(() => messages).toEqual(["ROTATED"]);
    clock.advance("11s");
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await closed).toEqual([4401, "reuse"]);
    expect(await sessions.authenticate(rotated?.token)).toBeUndefined();
  });

  test("time that is up closes it, without a request and without a message", async () => {
    const clock = manualClock();
    const timer = manualTimer();
    const sessions = managerOn(open(), { clock, ttl: "1m", ends: { timer } });
    const server = await serveSockets(sessions);
    const { closed, socket, messages } = await server.connect((await server.login()).cookie);
    socket.send("hello");
    await expect.poll(() => messages).toEqual(["HELLO"]);
    // In steps, as time passes where a process runs.
    for (let passed = 0; passed < 61_000; passed += 50) {
      clock.advance(50);
      timer.advance(50);
      await new Promise(setImmediate);
    }
    expect(await closed).toEqual([4401, "expired-idle"]);
  });
});

function handshake(more: string): string {
  const lines = ["GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
  lines.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");
  return `${lines.join("\r\n")}\r\n${more}\r\n`;
}

describe("who is not let in", () => {
  test.each([
    ["no cookie", {}, 401],
    ["a forged one", { cookie: "__Host-session=sess_x" }, 401],
    ["another origin", { origin: "https://evil.test" }, 403],
    ["another origin that a browser tells of", { "sec-fetch-site": "cross-site" }, 403],
    ["a page in a sandbox", { origin: "null" }, 403],
  ])("%s is answered on the socket", async (_, headers, status) => {
    const refusals: Refusal[] = [];
    const server = await serveSockets(managerOn(memoryStore()), {
      csrf: false,
      onRefused: (refusal) => refusals.push(refusal),
    });
    const { cookie } = await server.login();
    const response = await server.refused({ ...(status === 403 && { cookie }), ...headers });
    expect(response.statusCode).toBe(status);
    expect(response.headers).toMatchObject({ connection: "close", "cache-control": "no-store" });
    expect(await text(response)).toMatch(status === 401 ? /^Unauthorized\n$/ : /^The request was made by another site/);
    expect(refusals).toMatchObject([{ status }]);
    expect(server.seen).toEqual([]);
  });

  test("origins that are allowed, and one's own, are let in", async () => {
    const other = { origin: "https://pay.test" };
    for (const [options, headers] of [
      [{ allowedOrigins: ["https://pay.test"] }, other],
      [{ csrf: { trustedOrigins: ["https://pay.test"] } }, other],
      [{ allowedOrigins: "*" }, other],
      [{}, { "sec-fetch-site": "same-origin", origin: "https://app.test" }],
    ] as const) {
      const server = await serveSockets(managerOn(memoryStore()), options);
      const { cookie } = await server.login();
      await server.connect(cookie, headers);
      await server.connect(cookie, { origin: `http://127.0.0.1:${server.port}` });
      expect(server.seen).toEqual(["open ann", "open ann"]);
    }
    const named = await serveSockets(managerOn(memoryStore()), {
      allowedOrigins: [],
      csrf: { trustedOrigins: ["https://pay.test"] },
    });
    expect((await named.refused({ cookie: (await named.login()).cookie, ...other })).statusCode).toBe(403);
  });

  test("a store that cannot tell is a 503, a guesser a 429 with Retry-After", async () => {
    const refusals: Refusal[] = [];
    const store = faultyStore(asyncStore(memoryStore()), [{ call: "get", fault: "fail" }]);
    const down = await serveSockets(managerOn(store), { onRefused: (refusal) => refusals.push(refusal) });
    const { cookie } = await down.login();
    const answer = await down.refused({ cookie });
    expect([answer.statusCode, await text(answer)]).toEqual([503, "Service Unavailable\n"]);
    expect(refusals).toMatchObject([{ status: 503, error: expect.any(StoreError) }]);
    const guarded = await serveSockets(managerOn(memoryStore()), { guard: { admits: () => ({ retryAfter: 30 }) } });
    const guess = await guarded.refused({ cookie });
    expect([guess.statusCode, guess.headers["retry-after"]]).toEqual([429, "30"]);
  });

  test("a client that keeps its side open, or goes away meanwhile, keeps nothing", async () => {
    const reading = gate();
    const store = faultyStore(asyncStore(memoryStore()), [{ call: "get", fault: "hold", gate: reading }]);
    const server = await serveSockets(managerOn(store));
    const { cookie } = await server.login();
    const halfOpen = connectRaw({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    halfOpen.write(handshake(""));
    expect(await text(halfOpen)).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*\r\n\r\nUnauthorized\n$/);
    const closed = once(halfOpen, "close");
    halfOpen.end();
    await closed;

    const gone = connectRaw({ port: server.port, host: "127.0.0.1" });
    gone.write(handshake(`Cookie: ${cookie}\r\n`));
    await reading.reached;
    gone.resetAndDestroy();
    await once(gone, "close");
    reading.open();
    await server.connect(cookie);
    await expect.poll(() => server.wss.clients.size).toBe(1);
  });

  test("a session that is locked is none, and stays one", async () => {
    const clock = manualClock();
    const sessions = managerOn(memoryStore(), { clock, ttl: "2h", lockAfter: "1h", ends: { timer: manualTimer() } });
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { socket, messages } = await server.connect(cookie);
    clock.advance("61m");
    expect((await server.refused({ cookie })).statusCode).toBe(401);
    socket.send("still here");
    await expect.poll(() => messages).toEqual(["STILL HERE"]);
    await sessions.reauthenticate(id);
    await server.connect(cookie);
  });

  test("a listener of refusals that throws is in nobody's way", async () => {
    const thrown = new Error("on purpose");
    const server = await serveSockets(managerOn(memoryStore()), {
      onRefused: () => {
        throw thrown;
      },
    });
    const listeners = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    const told = once(process, "unhandledRejection");
    onTestFinished(() => {
      process.removeAllListeners("unhandledRejection");
      for (const listener of listeners) process.on("unhandledRejection", listener);
    });
    expect((await server.refused({})).statusCode).toBe(401);
    expect((await told)[0]).toBe(thrown);
  });

  test("what listeners throw, or reject with, is told to the manager's `onListenerError`", async () => {
    const told: unknown[] = [];
    const sessions = managerOn(memoryStore(), { onListenerError: (error) => told.push(error) });
    let isAsync = false;
    const server = await serveSockets(sessions, {
      onRefused: () => {
        if (isAsync) return Promise.reject(new Error("rejected")) as never;
        throw new Error("thrown");
      },
    });
    const { cookie, id } = await server.login();
    expect((await server.refused({})).statusCode).toBe(401);
    isAsync = true;
    expect((await server.refused({})).statusCode).toBe(401);
    const { closed } = await server.connect(cookie);
    for (const accepted of server.wss.clients) {
      server.sockets.of(accepted).onEnd(() => {
        throw new Error("at the end");
      });
    }
    await sessions.destroy(id);
    expect(await closed).toEqual([4401, "logout"]);
    expect(told).toEqual([new Error("thrown"), new Error("rejected"), new Error("at the end")]);
  });

  test("a handshake that `ws` refuses leaves nothing watched", async () => {
    const sessions = managerOn(memoryStore());
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const client = connectRaw({ port: server.port, host: "127.0.0.1" });
    client.write(handshake(`Cookie: ${cookie}\r\n`).replace("Version: 13", "Version: 1"));
    expect(await text(client)).toMatch(/^HTTP\/1\.1 400 /);
    expect(sessions.ends.isCurrent(id)).toBe(false);
  });

  test.each([
    [
      { allowedOrigins: ["evil"] },
      'Expected `allowedOrigins` to hold origins such as "https://example.com", got "evil"',
    ],
    [{ allowedOrigins: "https://a.test" }, 'Expected `allowedOrigins` to be an array of origins, got "https://a.test"'],
    [{ allowedOrigins: null }, "Expected `allowedOrigins` to be an array of origins, got null"],
    [{ csrf: { trustedOrigins: ["evil"] } }, "Expected `csrf.trustedOrigins` to hold origins"],
    [{ csrf: {} }, "Expected `csrf.trustedOrigins` to be an array of origins, got undefined"],
    [{ csrf: { trustedOrigns: [] } }, "such as `trustedOrigins`"],
    [{ csrf: { trustedOrigns: [] }, allowedOrigins: "*" }, "such as `trustedOrigins`"],
    [{ csrf: null }, "Expected `csrf` to be true, false or { trustedOrigins }, got null"],
    [{ csrf: "yes" }, "Expected `csrf` to be true, false or { trustedOrigins }, got"],
    [{ extend: "yes" }, 'Expected `extend` to be true or false, got "yes"'],
    [{ onRefused: 5 }, "Expected `onRefused` to be a function, got 5"],
  ])("the option %j is refused, with what was expected", (option, message) => {
    const options = { sessions: managerOn(memoryStore()), keys: [KEY], ...option };
    expect(() => socketSessions(options as never)).toThrow(TypeError);
    expect(() => socketSessions(options as never)).toThrow(message);
  });

  test("options that are not known, and a manager that tells of no ends, are mistakes", () => {
    const sessions = managerOn(memoryStore());
    expect(() => socketSessions({ sessions, keys: [KEY], origins: [] } as never)).toThrow(
      /Expected .*socketSessions.*origins/,
    );
    const silent = createSessionsOn<Data>({ store: memoryStore() });
    expect(() => socketSessions({ sessions: silent, keys: [KEY] })).toThrow("Expected `ends: sessionEnds()`");
  });
});

describe("a connection", () => {
  test("is gone from what is watched once it has closed, also where the client was first", async () => {
    const sessions = managerOn(memoryStore());
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const clients = [await server.connect(cookie), await server.connect(cookie)];
    expect(sessions.ends.isCurrent(id)).toBe(true);
    clients[0]?.socket.close(1000);
    await expect.poll(() => server.seen.filter((event) => event === "close")).toHaveLength(1);
    expect(sessions.ends.isCurrent(id)).toBe(true);
    clients[1]?.socket.terminate();
    await expect.poll(() => server.seen.filter((event) => event === "close")).toHaveLength(2);
    expect(sessions.ends.isCurrent(id)).toBe(false);
  });

  test("that does not answer the closing says nothing more, and is cut off", async () => {
    const sessions = managerOn(memoryStore());
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { socket } = await server.connect(cookie);
    // A client of its own kind: it never looks at what comes, and sends on.
    socket.pause();
    const [accepted] = [...server.wss.clients];
    for (const event of ["ping", "pong"] as const) accepted?.on(event, (data) => server.seen.push(data.toString()));
    const said = setInterval(() => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send("more");
      socket.ping("a ping");
      socket.pong("a pong");
    }, 5);
    onTestFinished(() => clearInterval(said));
    await expect.poll(() => server.seen).toEqual(expect.arrayContaining(["more", "a ping", "a pong"]));
    await sessions.destroy(id);
    const before = server.seen.length;
    await expect.poll(() => server.wss.clients.size, { timeout: 10_000 }).toBe(0);
    expect(server.seen.slice(before)).toEqual(["close"]);
  });

  test("is let in when it is certain that its session lives, and can be sent any number of messages then", async () => {
    const reading = gate();
    // The first one is for the cookie; what the second one tells is whether the session still lives.
    const held = { call: "get", nth: 2, fault: "hold", gate: reading } as const;
    const sessions = managerOn(faultyStore(asyncStore(memoryStore()), [held]), { ends: { maxStale: "1h" } });
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const many = Array.from({ length: 20_000 }, (_, n) => String(n));
    server.wss.on("connection", (socket: WebSocket) => many.forEach((text) => socket.send(text)));
    const connected = server.connect(cookie);
    await reading.reached;
    expect(server.seen).toEqual([]);
    reading.open();
    const { messages } = await connected;
    await expect.poll(() => messages.length).toBe(20_000);
    expect(messages).toEqual(many);
    expect(await sessions.destroy(id)).toBe(true);
  });

  test("of a session that ends meanwhile is not let in, nor where that cannot be told", async () => {
    for (const [end, status] of [
      ["destroy", 401],
      ["nothing", 503],
    ] as const) {
      const reading = gate();
      const inner = asyncStore(memoryStore());
      const held = { call: "get", nth: 2, fault: "hold", gate: reading } as const;
      const sessions = managerOn(faultyStore(inner, [held]), { ends: { maxStale: "300ms" } });
      const server = await serveSockets(sessions);
      const { cookie, id } = await server.login();
      const refused = server.refused({ cookie });
      await reading.reached;
      if (end === "destroy") {
        await managerOn(inner).destroy(id);
        reading.open();
      }
      expect((await refused).statusCode).toBe(status);
      expect([server.seen, sessions.ends.isCurrent(id)]).toEqual([[], false]);
    }
  });

  test("holds messages in both directions while nobody can tell, and lets them through in order", async () => {
    const { sessions, again, doubt } = doubtful(managerOn(memoryStore()));
    const server = await serveSockets(sessions);
    const { cookie } = await server.login();
    const { socket, messages, closed } = await server.connect(cookie);
    doubt(true);
    for (const client of server.wss.clients) client.send("first");
    for (let n = 0; n < 5; n++) socket.send(`m${n}`);
    // The last word, before anything could be let through.
    socket.close(1000);
    await again.reached;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([server.seen, messages]).toEqual([["open ann"], []]);
    doubt(false);
    again.open();
    expect(await closed).toEqual([1000, ""]);
    await expect.poll(() => server.seen).toEqual(["open ann", "m0", "m1", "m2", "m3", "m4", "close"]);
    expect(messages).toEqual(["first"]);
  });

  test("of a client that sends much while nobody can tell is not read any further", async () => {
    const { sessions, again, doubt } = doubtful(managerOn(memoryStore()));
    const server = await serveSockets(sessions);
    const { socket, messages } = await server.connect((await server.login()).cookie);
    const [accepted] = [...server.wss.clients];
    const [large, last] = ["X".repeat(70_000), "LAST"];
    doubt(true);
    socket.send("small");
    await again.reached;
    expect(accepted?.isPaused).toBe(false);
    socket.send(large);
    await expect.poll(() => accepted?.isPaused).toBe(true);
    socket.send(last);
    doubt(false);
    again.open();
    await expect.poll(() => messages).toEqual(["SMALL", large, last]);
  });

  test("that the application closes is sent first what was to be sent before", async () => {
    const { sessions, again, doubt } = doubtful(managerOn(memoryStore()));
    const server = await serveSockets(sessions);
    const { messages, closed } = await server.connect((await server.login()).cookie);
    const [accepted] = [...server.wss.clients];
    doubt(true);
    accepted?.send("the room is full");
    accepted?.close(1013, "full");
    accepted?.close(1011, "too late");
    await again.reached;
    doubt(false);
    again.open();
    expect(await closed).toEqual([1013, "full"]);
    expect(messages).toEqual(["the room is full"]);
  });

  test("that the application closes is closed within a second, also if nobody can ever tell", async () => {
    const { sessions, doubt } = doubtful(managerOn(memoryStore()));
    const server = await serveSockets(sessions);
    const { socket, messages, closed } = await server.connect((await server.login()).cookie);
    const [accepted] = [...server.wss.clients];
    doubt(true);
    socket.send("never seen".repeat(10_000));
    await expect.poll(() => accepted?.isPaused).toBe(true);
    const unsent = new Promise<unknown>((resolve) => accepted?.send("never sent", resolve));
    accepted?.close(1013, "full");
    expect(await closed).toEqual([1013, "full"]);
    expect(await unsent).toMatchObject({ code: "session_ended" });
    await expect.poll(() => server.seen).toEqual(["open ann", "close"]);
    expect(messages).toEqual([]);
  });

  test("of a session that ends tells that, also if the application was about to close it", async () => {
    const { sessions, doubt } = doubtful(managerOn(memoryStore()));
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { messages, closed } = await server.connect(cookie);
    const [accepted] = [...server.wss.clients];
    doubt(true);
    accepted?.send("never sent");
    accepted?.close(1013, "full");
    await sessions.destroy(id);
    expect(await closed).toEqual([4401, "logout"]);
    expect(messages).toEqual([]);
  });

  test.each(["client", "server"] as const)("that the %s has cut off is closed, whatever is held", async (side) => {
    const { sessions, again, doubt } = doubtful(managerOn(memoryStore()));
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { socket } = await server.connect(cookie);
    const [accepted] = [...server.wss.clients];
    doubt(true);
    socket.send("never seen");
    await again.reached;
    if (side === "client") socket.terminate();
    else accepted?.terminate();
    await expect.poll(() => server.seen).toEqual(["open ann", "close"]);
    expect(await new Promise<unknown>((resolve) => server.wss.close(resolve))).toBeUndefined();
    doubt(false);
    expect(sessions.ends.isCurrent(id)).toBe(false);
  });

  test("of a server that closes stays open until it is closed itself, and then nothing is left", async () => {
    const reading = gate();
    const store = faultyStore(asyncStore(memoryStore()), [{ call: "get", nth: 4, fault: "hold", gate: reading }]);
    const sessions = managerOn(store);
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { socket, messages, closed } = await server.connect(cookie);
    // This one is on its way in.
    const late = server.refused({ cookie });
    await reading.reached;
    const httpClosed = once(server.http.close(), "close");
    const socketsClosed = new Promise((resolve) => server.wss.close(resolve));
    socket.send("still here");
    await expect.poll(() => messages).toEqual(["STILL HERE"]);
    for (const accepted of server.wss.clients) accepted.close(1001, "shutdown");
    expect(await closed).toEqual([1001, "shutdown"]);
    reading.open();
    expect((await late).statusCode).toBe(503);
    await Promise.all([httpClosed, socketsClosed]);
    expect(server.seen).toEqual(["open ann", "still here", "close"]);
    await expect.poll(() => sessions.ends.isCurrent(id)).toBe(false);
  });

  test("that has closed before it is guarded is not watched", async () => {
    const sessions = managerOn(memoryStore());
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { socket } = await server.connect(cookie);
    const [accepted] = [...server.wss.clients] as [WebSocket];
    socket.terminate();
    await once(accepted, "close");
    const { live } = await server.sockets.authenticate(new Request("https://app.test/", { headers: { cookie } }));
    if (live !== undefined) server.sockets.guard(accepted, live);
    expect(live?.id).toBe(id);
    expect(sessions.ends.isCurrent(id)).toBe(false);
  });

  test("works with streams, and with listeners that came with addEventListener", async () => {
    const sessions = managerOn(memoryStore());
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const streamed: string[] = [];
    let failed: unknown;
    server.wss.on("connection", (socket: WebSocket) => {
      socket.addEventListener("message", ({ data }) => streamed.push(data as string));
      const stream = createWebSocketStream(socket, { encoding: "utf8" });
      stream.on("error", (error: unknown) => (failed = error));
      stream.write("from a stream");
    });
    const { socket, messages, closed } = await server.connect(cookie);
    socket.send("hi");
    await expect.poll(() => messages).toEqual(["from a stream", "HI"]);
    expect(streamed).toEqual(["hi"]);
    await sessions.destroy(id);
    await closed;
    await expect.poll(() => server.wss.clients.size).toBe(0);
    expect(failed).toBeUndefined();
  });

  test("a message that will never be sent tells so", async () => {
    const sessions = managerOn(memoryStore());
    const server = await serveSockets(sessions);
    const { cookie, id } = await server.login();
    const { messages } = await server.connect(cookie);
    const [accepted] = [...server.wss.clients];
    await sessions.destroy(id);
    const error = await new Promise<unknown>((resolve) => accepted?.send("late", resolve));
    expect(error).toMatchObject({ code: "session_ended", reason: "logout", id });
    expect(messages).toEqual([]);
  });

  test("types: the session has the fields of the manager's data", async () => {
    const sessions = createSessions<{ role: "admin" | "reader" }>();
    const sockets = socketSessions({ sessions, keys: [KEY] });
    const { live, refusal } = await sockets.authenticate(new Request("https://app.test/"));
    expect(live).toBeUndefined();
    expect(new Response(refusal?.body, refusal).status).toBe(401);
    if (live !== undefined) {
      expectTypeOf(refusal).toEqualTypeOf<undefined>();
      expectTypeOf(live.session.get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      // @ts-expect-error a field that is none
      live.session.get("rule");
    }
    expect(() => sockets.of({})).toThrow(TypeError);
    const another = { send() {}, close() {} };
    expect(() => sockets.guard(another as never, undefined as never)).toThrow("Expected a WebSocket of `ws`");
  });
});

describe("activity", () => {
  test("extends the session at most once a refresh window, over any number of connections, if asked to", async () => {
    for (const extend of [true, false]) {
      const clock = manualClock();
      const calls: string[] = [];
      const sessions = managerOn(counted(memoryStore(), calls), { clock, ttl: "10m", ends: { timer: manualTimer() } });
      const server = await serveSockets(sessions, { extend });
      const { cookie, id } = await server.login();
      const clients = [await server.connect(cookie), await server.connect(cookie)];
      const before = (await sessions.get(id))?.expiresAt ?? 0;
      const talk = async (): Promise<void> => {
        const count = server.seen.length;
        for (const { socket } of clients) for (let n = 0; n < 5; n++) socket.send("x");
        await expect.poll(() => server.seen.length).toBe(count + 10);
        await new Promise(setImmediate);
      };
      await talk();
      expect(writes(calls).filter((call) => call === "touch")).toEqual([]);
      clock.advance("61s");
      await talk();
      await talk();
      expect(writes(calls).filter((call) => call === "touch")).toHaveLength(extend ? 1 : 0);
      expect((await sessions.get(id))?.expiresAt).toBe(before + (extend ? 61_000 : 0));
      clock.advance("61s");
      await talk();
      expect(writes(calls).filter((call) => call === "touch")).toHaveLength(extend ? 2 : 0);
    }
  });
});

test("two servers on one SQLite file: a logout at one closes the sockets of the other", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-ws-"));
  const path = join(folder, "sessions.db");
  const [one, two] = [sqliteStore({ path }), sqliteStore({ path })];
  const [here, there] = [managerOn(one), managerOn(two)];
  onTestFinished(() => {
    for (const sessions of [here, there]) sessions.ends.close();
    for (const store of [one, two]) store.close();
    rmSync(folder, { recursive: true });
  });
  const server = await serveSockets(there);
  const { cookie, id } = await server.login();
  const { closed, socket, messages } = await connect(`ws://127.0.0.1:${server.port}/`, cookie);
  socket.send("hi");
  await expect.poll(() => messages).toEqual(["HI"]);
  expect(here.destroy(id)).toBe(true);
  expect(await closed).toEqual([4401, "logout"]);
});
