/** `session.signal` in every adapter: what a request has begun ends with its session. */
import { describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { SessionEndedError } from "../../../src/sessions/ends/session-end.ts";
import { StoreError } from "../../../src/errors.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { faultyStore } from "../../../src/testing/faulty-store.ts";
import { manualClock } from "../../../src/time/manual-clock.ts";
import { cookieSessions } from "../../../src/web/cookies/index.ts";
import { adapters } from "../support/adapters.ts";
import { KEY, stores, visitor, type Data } from "../support/visitor.ts";

const places = adapters.flatMap(([adapter, serve]) =>
  stores.map(([store, open]) => [`${adapter}, on ${store}`, serve, open] as const),
);

test.each(places)("%s: it aborts when the session ends, after the request and during it", async (_, serve, open) => {
  const sessions: Sessions<Data, Mode> = createSessions<Data>({ store: open() });
  onTestFinished(() => sessions.ends.close());
  const signals: (AbortSignal | undefined)[] = [];
  let id: string | undefined;
  const { ask } = await serve({ sessions, keys: [KEY] }, async (session, path) => {
    signals.push(session.signal);
    if (path === "/login") await session.login("ann");
    if (path === "/logout") await session.logout();
    signals.push(session.signal);
    ({ id } = session);
    return "ok";
  });
  await ask("/");
  await ask("/login", { method: "POST" });
  const [before, after, none, begun] = signals;
  expect([before, after, none]).toEqual([undefined, undefined, undefined]);
  expect(begun?.aborted).toBe(false);
  await ask("/");
  // The same session, and so the same signal.
  expect(signals.slice(4)).toEqual([begun, begun]);
  expect(signals[4]).toBe(begun);

  await ask("/login", { method: "POST" });
  const next = signals[7];
  expect(next?.aborted).toBe(false);
  await expect.poll(() => begun?.aborted).toBe(true);
  expect(begun?.reason).toMatchObject({ reason: "replaced" });
  expect(await sessions.destroy(id ?? "")).toBe(true);
  await expect.poll(() => next?.aborted).toBe(true);
  expect(next?.reason).toBeInstanceOf(SessionEndedError);
  expect(next?.reason).toMatchObject({ reason: "logout", id });

  await ask("/login", { method: "POST" });
  await ask("/logout", { method: "POST" });
  const [present, gone] = signals.slice(-2);
  expect(gone).toBeUndefined();
  await expect.poll(() => present?.aborted).toBe(true);
});

describe("the signal of a session", () => {
  test("counts as a look at it, and is there where nothing may be changed", async () => {
    const sessions = createSessions<Data>();
    onTestFinished(() => sessions.ends.close());
    const web = cookieSessions<Data, Mode>({ sessions, keys: [KEY] });
    const browser = visitor(web);
    await browser.visit(async (session) => session.login("ann"));
    const { headers } = await browser.visit((session) => void session.signal);
    expect(headers.get("Vary")).toBe("Cookie");
    const request = new Request("https://app.test/", { headers: { cookie: browser.cookie ?? "" } });
    const session = await web.start(request, { readOnly: true });
    expect(session.signal?.aborted).toBe(false);
  });

  test("of a locked session is none", async () => {
    const clock = manualClock();
    const sessions = createSessions<Data>({ ttl: "2h", lockAfter: "1h", clock });
    onTestFinished(() => sessions.ends.close());
    const browser = visitor(cookieSessions<Data, Mode>({ sessions, keys: [KEY] }));
    await browser.visit(async (session) => session.login("ann"));
    clock.advance("61m");
    const { session } = await browser.visit();
    expect([session.locked?.userId, session.signal]).toEqual(["ann", undefined]);
  });

  test("on a store that fails is a fault", async () => {
    const store = faultyStore(memoryStore(), [{ call: "get", nth: 2, fault: "fail" }]);
    const browser = visitor(cookieSessions<Data, Mode>({ sessions: createSessions<Data>({ store }), keys: [KEY] }));
    await browser.visit(async (session) => session.login("ann"));
    await browser.visit((session) => expect(() => session.signal).toThrow(StoreError));
  });
});
