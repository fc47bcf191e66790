import { beforeEach, describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { faultyStore } from "../../../src/testing/faulty-store.ts";
import { manualClock, type ManualClock } from "../../../src/time/manual-clock.ts";
import { nextSessions, type NextSessions } from "../../../src/web/next.ts";
import { NextVisitor } from "../support/next-headers.ts";
import { KEY, keptOf, writes, counted, type Data } from "../support/visitor.ts";

const MINUTE = 60_000;
const URL = "https://app.test/page";

let clock: ManualClock;
let calls: string[];
let on: NextSessions<Data, "sync">;
let cookie: string;

beforeEach(async () => {
  clock = manualClock();
  calls = [];
  const sessions = createSessions<Data>({
    clock,
    store: counted(memoryStore(), calls) as ReturnType<typeof memoryStore>,
  });
  on = nextSessions({ sessions, keys: [KEY] });
  const ann = new NextVisitor();
  await ann.act(async () => on.withSession((session) => session.login("ann")));
  cookie = ann.cookie ?? "";
  calls.length = 0;
});

const request = (headers: Record<string, string> = {}): Request =>
  new Request(URL, { headers: { cookie, ...headers } });
const next = (headers: Record<string, string> = {}): Response =>
  new Response(null, { headers: { "x-middleware-next": "1", ...headers } });

/** The request's headers as Next has them behind the proxy. */
function behind(sent: Request, { headers }: Response): Headers {
  const kept = headers.get("x-middleware-override-headers");
  if (kept === null) return sent.headers;
  return new Headers(kept.split(",").map((name) => [name, headers.get(`x-middleware-request-${name}`) ?? ""]));
}

describe("proxy", () => {
  test("leaves a request alone whose session needs nothing", async () => {
    const answer = await on.proxy(request());
    expect([...answer.headers]).toEqual([["x-middleware-next", "1"]]);
    expect(writes(calls)).toEqual([]);
  });

  test("begins nothing for a visitor, and asks no store", async () => {
    expect([...(await on.proxy(new Request(URL))).headers]).toEqual([["x-middleware-next", "1"]]);
    expect(calls).toEqual([]);
  });

  test("hands a renewed cookie to the browser and to this request, with all its other headers", async () => {
    clock.advance(20 * MINUTE);
    const sent = request({ cookie: `a=1; ${cookie}; b=2`, accept: "text/html" });
    const answer = await on.proxy(sent);
    const line = answer.headers.getSetCookie()[0] ?? "";
    expect(line).toMatch(/^__Host-session=sess_.*; Max-Age=1800; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(Object.fromEntries(behind(sent, answer))).toEqual({
      cookie: `a=1; b=2; ${keptOf(line)}`,
      accept: "text/html",
    });
  });

  test.each([
    ["a page that a browser prefetches", { "sec-purpose": "prefetch;prerender" }],
    ["one that Next prefetches", { "next-router-prefetch": "1" }],
    ["an older browser's", { purpose: "prefetch" }],
  ])("extends nothing for %s", async (_, headers) => {
    clock.advance(20 * MINUTE);
    expect([...(await on.proxy(request(headers))).headers]).toEqual([["x-middleware-next", "1"]]);
    const withOwn = on.proxy((_request, session) => void session.userId);
    expect((await withOwn(request(headers), undefined)).headers.getSetCookie()).toEqual([]);
    expect(writes(calls)).toEqual([]);
  });

  test("answers another site's form with 403", async () => {
    const forged = new Request(URL, { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
    expect((await on.proxy(forged)).status).toBe(403);
  });

  test("answers 503 while the store is down, to whoever has a session, and keeps the cookie", async () => {
    const store = faultyStore(memoryStore(), [{ call: "get", fault: "fail" }]);
    const down = nextSessions({ sessions: createSessions<Data>({ store }), keys: [KEY] });
    const answer = await down.proxy(request());
    expect([answer.status, answer.headers.getSetCookie(), answer.headers.get("cache-control")]).toEqual([
      503,
      [],
      "no-store",
    ]);
    expect((await down.proxy(new Request(URL))).headers.get("x-middleware-next")).toBe("1");
  });
});

describe("around a proxy of the application", () => {
  test("gives it the session and the event, and goes on where it answers nothing", async () => {
    const seen: unknown[] = [];
    const proxy = on.proxy(
      (given: Request, session, event: string) => void seen.push(given.url, session.userId, event),
    );
    const answer = await proxy(request(), "event");
    expect(answer.headers.get("x-middleware-next")).toBe("1");
    expect(seen).toEqual([URL, "ann", "event"]);
  });

  test("a new token reaches the request, also where it has its own headers for it", async () => {
    const proxy = on.proxy((_request, session) => {
      session.rotate();
      return next({
        "x-middleware-override-headers": "cookie,x-own",
        "x-middleware-request-cookie": `a=1; ${cookie}`,
        "x-middleware-request-x-own": "kept",
        "x-other": "kept too",
      });
    });
    const sent = request({ accept: "text/html" });
    const answer = await proxy(sent, undefined);
    const pair = keptOf(answer.headers.getSetCookie()[0] ?? "");
    expect(pair).not.toBe(cookie);
    expect(answer.headers.get("x-other")).toBe("kept too");
    expect(Object.fromEntries(behind(sent, answer))).toEqual({ cookie: `a=1; ${pair}`, "x-own": "kept" });
  });

  test("a rewrite gets it as well, a redirect and an answer only the browser", async () => {
    const answers = [
      new Response(null, { headers: { "x-middleware-rewrite": "https://app.test/other" } }),
      Response.redirect("https://app.test/login", 307),
      new Response("own"),
    ];
    for (const [index, own] of answers.entries()) {
      const proxy = on.proxy((_request, session) => (session.set("n", index), session.rotate(), own));
      const answer = await proxy(request(), undefined);
      expect(answer.status).toBe(own.status);
      expect(answer.headers.getSetCookie()).toHaveLength(1);
      expect(answer.headers.has("x-middleware-override-headers")).toBe(index === 0);
    }
  });

  test("after a logout the request goes on without the cookie", async () => {
    const proxy = on.proxy((_request, session) => void session.logout());
    const sent = request({ accept: "*/*" });
    const answer = await proxy(sent, undefined);
    expect(keptOf(answer.headers.getSetCookie()[0] ?? "")).toBeUndefined();
    expect(Object.fromEntries(behind(sent, answer))).toEqual({ accept: "*/*" });
  });

  test("one that throws changes nothing, and the error is Next's", async () => {
    const error = new Error("mine");
    const proxy = on.proxy(async (_request, session) => {
      session.login("bob");
      throw error;
    });
    await expect(proxy(new Request(URL), undefined)).rejects.toBe(error);
    expect(calls.filter((name) => name === "put")).toHaveLength(1);
    expect(calls).toContain("delete");
  });
});
