/** What goes through a connection, and when: on a manager whose clock, timer and store the test holds. */
import { describe, expect, onTestFinished, test } from "vitest";
import { SessionEndedError } from "../../../src/sessions/ends/session-end.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, gate, type Gate } from "../../../src/testing/faulty-store.ts";
import { cookieSessions } from "../../../src/web/cookies/index.ts";
import { socketSessions, type LiveSession } from "../../../src/web/ws.ts";
import { KEY, visitor, type Data } from "../support/visitor.ts";

interface Opened {
  readonly sessions: Sessions<Data, Mode>;
  readonly live: LiveSession<Data>;
  readonly done: string[];
  /** Whether it is certain that the session lives, and what an answer about that waits for. */
  readonly sure: { isNow: boolean; again: Gate };
}

async function opened(store: Store = memoryStore()): Promise<Opened> {
  const manager = createSessions<Data>({ store, ends: { maxStale: "1h" } });
  onTestFinished(() => manager.ends.close());
  const sure = { isNow: true, again: gate() };
  const { ends } = manager;
  const isCurrent = (id: string): boolean => sure.isNow && ends.isCurrent(id);
  const confirm = async (id: string): Promise<boolean> => {
    await sure.again.pass();
    return ends.confirm(id);
  };
  const sessions = { ...manager, ends: { ...ends, isCurrent, confirm } } as Sessions<Data, Mode>;
  const browser = visitor(cookieSessions<Data, Mode>({ sessions, keys: [KEY] }));
  await browser.visit(async (session) => session.login("ann"));
  const request = new Request("https://app.test/", { headers: { cookie: browser.cookie ?? "" } });
  const { live } = await socketSessions<Data, Mode>({ sessions, keys: [KEY] }).authenticate(request);
  if (live === undefined) throw new Error("Expected a live session");
  return { sessions, live, done: [], sure };
}

describe("what goes through", () => {
  test("goes at once while the session lives, and holds nothing before it is used", async () => {
    const { sessions, live, done } = await opened();
    expect(sessions.ends.isCurrent(live.id)).toBe(false);
    live.pass(() => done.push("one"));
    expect(done).toEqual(["one"]);
    expect([live.userId, live.session.userId, live.signal.aborted, live.isHolding]).toEqual([
      "ann",
      "ann",
      false,
      false,
    ]);
  });

  test("keeps its order over what is held, also of what is added meanwhile", async () => {
    const { live, done, sure } = await opened();
    live.pass(() => done.push("before"));
    sure.isNow = false;
    live.pass(() => {
      done.push("one");
      live.pass(() => done.push("three"));
    });
    live.pass(() => done.push("two"));
    await sure.again.reached;
    expect([done, live.isHolding]).toEqual([["before"], true]);
    sure.isNow = true;
    sure.again.open();
    await expect.poll(() => done).toEqual(["before", "one", "two", "three"]);
  });

  test("asks again where an answer came too late to count", async () => {
    const { live, done, sure } = await opened();
    sure.isNow = false;
    sure.again.open();
    live.pass(() => done.push("one"));
    // Its session lives, and by the time that this was told it was not certain any more.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(done).toEqual([]);
    sure.isNow = true;
    await expect.poll(() => done).toEqual(["one"]);
  });

  test("is dropped with the end, and whoever waits for it is told why", async () => {
    const { sessions, live, done, sure } = await opened();
    sure.isNow = false;
    const dropped: unknown[] = [];
    live.pass(
      () => done.push("held"),
      (error) => dropped.push(error),
    );
    await sessions.destroyByUser("ann");
    sure.isNow = true;
    live.pass(
      () => done.push("late"),
      (error) => dropped.push(error),
    );
    sure.again.open();
    await new Promise(setImmediate);
    expect(done).toEqual([]);
    expect(dropped).toEqual([expect.any(SessionEndedError), expect.any(SessionEndedError)]);
    expect(dropped).toMatchObject([{ reason: "revoked" }, { reason: "revoked", id: live.id }]);
  });

  test("is bounded: too much of it is as good as lost", async () => {
    const { live, done, sure, sessions } = await opened();
    const ends: string[] = [];
    live.onEnd(({ reason }) => ends.push(reason));
    sure.isNow = false;
    for (let n = 0; n <= 10_000; n++) live.pass(() => done.push("one"));
    expect(ends).toEqual(["lost"]);
    sure.isNow = true;
    sure.again.open();
    live.pass(() => done.push("late"));
    await new Promise(setImmediate);
    expect(done).toEqual([]);
    // The session itself lives on.
    expect(await sessions.get(live.id)).toBeDefined();
  });

  test("an action that throws harms no other, and is thrown where nobody is in its way", async () => {
    const { live, done, sure } = await opened();
    const thrown: unknown[] = [];
    const listeners = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (error) => thrown.push(error));
    onTestFinished(() => {
      process.removeAllListeners("unhandledRejection");
      for (const listener of listeners) process.on("unhandledRejection", listener);
    });
    sure.isNow = false;
    const fault = new Error("on purpose");
    live.pass(() => {
      throw fault;
    });
    live.pass(() => done.push("next"));
    sure.isNow = true;
    sure.again.open();
    await expect.poll(() => [done, thrown]).toEqual([["next"], [fault]]);
  });
});

describe("the end", () => {
  test("is told once to each listener, also to one that comes later, and never before it was set", async () => {
    const { sessions, live } = await opened();
    const told: string[] = [];
    live.onEnd(({ reason }) => told.push(`first ${reason}`));
    live.onEnd(({ reason }) => told.push(`second ${reason}`));
    await sessions.destroy(live.id);
    expect(told).toEqual(["first logout", "second logout"]);
    live.onEnd(({ reason }) => told.push(`late ${reason}`));
    expect(told).toHaveLength(2);
    await Promise.resolve();
    expect(told).toEqual(["first logout", "second logout", "late logout"]);
  });

  test("of a session that went between the look-up and the first use is told as well", async () => {
    const { sessions, live, done } = await opened();
    await sessions.destroy(live.id);
    const told: string[] = [];
    live.onEnd(({ reason }) => told.push(reason));
    live.pass(() => done.push("one"));
    await expect.poll(() => told).toEqual(["unknown"]);
    expect(done).toEqual([]);
  });

  test("is not told, and nothing goes through, after `close`", async () => {
    const { sessions, live, done } = await opened();
    const told: string[] = [];
    live.onEnd(({ reason }) => told.push(reason));
    live.close();
    live.pass(() => done.push("one"));
    await sessions.destroy(live.id);
    expect([told, done]).toEqual([[], []]);
  });

  test("is `lost` where a store cannot be watched now", async () => {
    const store = faultyStore(memoryStore(), [{ call: "get", nth: 2, fault: "fail" }]);
    const { live, done } = await opened(store);
    const told: string[] = [];
    live.onEnd(({ reason }) => told.push(reason));
    live.pass(() => done.push("one"));
    await expect.poll(() => told).toEqual(["lost"]);
    expect(done).toEqual([]);
  });

  test("is `lost` while the store does not answer, unless it is to be asked again", async () => {
    for (const onLost of ["abort", "recheck"] as const) {
      const inner = asyncStore(memoryStore());
      const reading = gate();
      const store = faultyStore(inner, [{ call: "get", nth: 2, fault: "hold", gate: reading }]);
      const sessions = createSessions<Data>({ store, ends: { maxStale: "200ms", onLost } });
      onTestFinished(() => sessions.ends.close());
      const browser = visitor(cookieSessions<Data, Mode>({ sessions, keys: [KEY] }));
      await browser.visit(async (session) => session.login("ann"));
      const request = new Request("https://app.test/", { headers: { cookie: browser.cookie ?? "" } });
      const { live } = await socketSessions<Data, Mode>({ sessions, keys: [KEY] }).authenticate(request);
      const told: string[] = [];
      const done: string[] = [];
      live?.onEnd(({ reason }) => told.push(reason));
      live?.pass(() => done.push("one"));
      await reading.reached;
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(told).toEqual(onLost === "abort" ? ["lost"] : []);
      reading.open();
      await expect.poll(() => done).toEqual(onLost === "abort" ? [] : ["one"]);
    }
  });
});
