/** A response that is deferred until an asynchronous store has answered, and the middleware without a framework. */
import { once } from "node:events";
import { createServer as createHttp2, connect as connectHttp2 } from "node:http2";
import { request, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, gate } from "../../../src/testing/faulty-store.ts";
import { sessionMiddleware, type SessionMiddleware } from "../../../src/web/express.ts";
import { visit } from "../support/socket-visitor.ts";
import { KEY, stores, type Data } from "../support/visitor.ts";

const keys = [KEY];

function slow() {
  const saving = gate();
  const store = faultyStore(asyncStore(memoryStore()), [{ call: "put", fault: "hold", gate: saving }]);
  const sessions = createSessions<Data>({ store });
  return { session: sessionMiddleware<Data, "async">({ sessions, keys }), sessions, saving };
}

/** A handler behind the middleware, on bare node:http. */
function behind(
  session: SessionMiddleware<Data, "async">,
  handle: (req: IncomingMessage, res: ServerResponse) => void,
): RequestListener {
  return (req, res) =>
    session(req, res, (error) => {
      expect(error).toBeUndefined();
      session.of(req).set("n", 1);
      handle(req, res);
    });
}

async function* endless(): AsyncGenerator<string> {
  for (;;) yield "x".repeat(65_536);
}

test("a request that only reads is answered at once, with its headers", async () => {
  const sessions = createSessions<Data>({ store: asyncStore(memoryStore()) });
  const session = sessionMiddleware<Data, "async">({ sessions, keys });
  let seen: unknown;
  const { ask } = await visit((req, res) =>
    session(req, res, () => {
      const { userId, isUnchanged } = session.of(req);
      res.end("ok");
      // Not only said to be under way: the bytes of a deferred response would still be missing.
      seen = [userId, isUnchanged, Object.getOwnPropertyNames(res).includes("headersSent"), res.headersSent];
    }),
  );
  expect(await ask("/")).toMatchObject({ status: 200, body: "ok", headers: { vary: "Cookie" }, lines: [] });
  expect(seen).toEqual([null, true, false, true]);
});

describe("while the store writes", () => {
  test("nothing is sent, and the response says that it is under way", async () => {
    const { session, saving } = slow();
    let seen: unknown;
    const { ask } = await visit(
      behind(session, (_req, res) => {
        const before = [res.headersSent, res.writableEnded];
        res.end("ok");
        seen = [before, [res.headersSent, res.writableEnded], res.socket?.bytesWritten];
        // A second one changes nothing, as after any end.
        res.end("twice");
      }),
    );
    const answer = ask("/");
    await saving.reached;
    expect(seen).toEqual([[false, false], [true, true], 0]);
    saving.open();
    expect(await answer).toMatchObject({ status: 200, body: "ok", lines: [expect.stringMatching(/^__Host-session=/)] });
  });

  test("a source that heeds `write` waits with one piece, then goes on: nothing is lost or changes places", async () => {
    const { session, saving } = slow();
    let made = 0;
    const pieces = 300;
    async function* source(): AsyncGenerator<string> {
      while (made < pieces) yield `${made++} `.padEnd(4_096, ".");
    }
    const { ask } = await visit(
      behind(session, (_req, res) => void pipeline(Readable.from(source(), { highWaterMark: 1 }), res)),
    );
    const answer = ask("/");
    await saving.reached;
    await new Promise(setImmediate);
    // What a Readable reads ahead, and the one piece that is kept.
    expect(made).toBeLessThan(5);
    saving.open();
    const { body } = await answer;
    expect(body.match(/\d+ /g)?.map(Number)).toEqual(Array.from({ length: pieces }, (_, n) => n));
  });

  test("`drain` comes after a `write` that said no, and callbacks are called", async () => {
    const { session, saving } = slow();
    const events: unknown[] = [];
    const { ask } = await visit(
      behind(session, (_req, res) => {
        res.once("drain", () => {
          events.push("drain");
          res.end("two", () => events.push("end"));
        });
        res.once("finish", () => events.push("finish"));
        events.push(res.write("one ", () => events.push("written")));
      }),
    );
    const answer = ask("/");
    await saving.reached;
    expect(events).toEqual([false]);
    saving.open();
    expect((await answer).body).toBe("one two");
    expect(events.filter((event) => event === "drain")).toHaveLength(1);
    expect(new Set(events)).toEqual(new Set([false, "drain", "written", "finish", "end"]));
  });

  test("the callback of a piece that is dropped is called, so that nobody waits for it", async () => {
    const store = faultyStore(asyncStore(memoryStore()), [{ call: "put", fault: "fail" }]);
    const session = sessionMiddleware<Data, "async">({ sessions: createSessions<Data>({ store }), keys });
    let called = 0;
    const { ask } = await visit(behind(session, (_req, res) => void res.write("half ", () => called++)));
    expect(await ask("/")).toMatchObject({ status: 503, body: "The session could not be saved\n", lines: [] });
    await expect.poll(() => called).toBe(1);
  });

  test("a client that goes away leaves nothing hanging, and what was set is kept", async () => {
    const { session, sessions, saving } = slow();
    let response: ServerResponse | undefined;
    const visitor = await visit(
      behind(session, (_req, res) => {
        response = res;
        Readable.from(["one ", "two"]).pipe(res);
      }),
    );
    const sent = request({ port: visitor.port, agent: false }).end();
    sent.on("error", () => {});
    await saving.reached;
    const closed = once(response as ServerResponse, "close");
    sent.destroy();
    await closed;
    saving.open();
    await finished(response as ServerResponse).catch(() => {});
    await expect.poll(() => sessions.count()).toBe(1);
    expect(response?.destroyed).toBe(true);
  });

  test("a client that goes away during the body ends its source", async () => {
    const { session, saving } = slow();
    saving.open();
    const source = Readable.from(endless());
    const visitor = await visit(behind(session, (_req, res) => void pipeline(source, res).catch(() => {})));
    const sent = request({ port: visitor.port, agent: false }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    await once(response, "data");
    response.destroy();
    await expect.poll(() => source.destroyed).toBe(true);
  });
});

describe("the middleware without Express", () => {
  test.each(stores)("serves node:http, on %s", async (_, open) => {
    const sessions = createSessions<Data>({ store: open() });
    const session = sessionMiddleware({ sessions, keys });
    const visitor = await visit((req, res) =>
      session(req, res, (error) => {
        expect(error).toBeUndefined();
        const own = session.of(req);
        own.set("visits", ((own.get("visits") as number | undefined) ?? 0) + 1);
        res.end(String(own.get("visits")));
      }),
    );
    expect((await visitor.ask("/")).body).toBe("1");
    expect((await visitor.ask("/")).body).toBe("2");
  });

  test("serves HTTP/2", async () => {
    const { session, saving } = slow();
    saving.open();
    const server = createHttp2((req, res) =>
      session(req, res, () => {
        session.of(req).set("n", 1);
        res.writeHead(201, { "x-own": "1" });
        res.end("ok");
      }),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => {
      client.destroy();
      server.close();
    });
    const stream = client.request({ ":path": "/" });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers).toMatchObject({ ":status": 201, "x-own": "1", vary: "Cookie" });
    expect(headers["set-cookie"]).toEqual([expect.stringMatching(/^__Host-session=/)]);
    expect(await text(stream)).toBe("ok");
  });

  test("two of them, with cookies of their own, both commit", async () => {
    const first = sessionMiddleware<Data, "sync">({ sessions: createSessions<Data>(), keys });
    const store = asyncStore(memoryStore());
    const second = sessionMiddleware<Data, "async">({
      sessions: createSessions<Data>({ store }),
      keys,
      cookie: { name: "__Host-other" },
    });
    const { ask } = await visit((req, res) =>
      first(req, res, () => {
        first.of(req).set("n", 1);
        second(req, res, () => {
          second.of(req).set("n", 2);
          res.write("o");
          res.end("k");
        });
      }),
    );
    const { lines, body } = await ask("/");
    expect(body).toBe("ok");
    expect(lines.map((line) => line.split("=")[0])).toEqual(["__Host-other", "__Host-session"]);
  });

  test("what replaces the same methods later stays in place", async () => {
    const { session, saving } = slow();
    saving.open();
    const { ask } = await visit(
      behind(session, (_req, res) => {
        // As a middleware that compresses does.
        const { end, writeHead } = res;
        res.writeHead = ((...args: Parameters<typeof writeHead>) => {
          res.setHeader("X-Later", "1");
          return writeHead.apply(res, args);
        }) as typeof writeHead;
        res.end = ((body: string) => {
          res.writeHead(200);
          return end.call(res, body.toUpperCase(), "utf8");
        }) as typeof end;
        res.end("ok");
      }),
    );
    expect(await ask("/")).toMatchObject({ body: "OK", headers: { "x-later": "1" }, lines: [expect.anything()] });
  });
});
