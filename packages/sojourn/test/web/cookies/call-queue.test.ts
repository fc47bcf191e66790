/** A forgotten `await` loses nothing: a commit waits for the calls on its session, on every adapter. */
import { setImmediate } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../../src/testing/faulty-store.ts";
import { cookieSessions, type RequestSession } from "../../../src/web/cookies/index.ts";
import { adapters } from "../support/adapters.ts";
import { KEY, type Data } from "../support/visitor.ts";

const keys = [KEY];

async function pause(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await setImmediate();
}

/** Longer than any call here takes. */
async function pauses(): Promise<void> {
  for (let times = 0; times < 10; times++) await pause();
}

/** Sessions on a store that answers some turns of the event loop later. */
function late(faults: readonly Fault[] = []): Sessions<Data, "async"> {
  return createSessions<Data>({ store: asyncStore(faultyStore(memoryStore(), faults), { pause }) });
}

async function started(): Promise<RequestSession<Data, "async">> {
  return cookieSessions({ sessions: late(), keys }).start({ headers: {} });
}

describe.each(adapters)("%s, on a store that answers late", (_, serve) => {
  test("a login that is not awaited gets its cookie", async () => {
    const sessions = late();
    const { ask } = await serve({ sessions, keys }, (session, path) => {
      if (path === "/login") void session.login("ann", { role: "admin" });
      return JSON.stringify({ user: session.userId, ...session.data });
    });
    expect((await ask("/login", { method: "POST" })).lines).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect((await ask("/")).body).toBe('{"user":"ann","role":"admin"}');
    expect(await sessions.count()).toBe(1);
  });

  test("what is set after it is kept, and so is what was set before", async () => {
    const { ask } = await serve({ sessions: late(), keys }, (session, path) => {
      if (path === "/login") {
        session.set("before", 1);
        void session.login("ann");
        session.set("after", 2);
      }
      return JSON.stringify({ ...session.data, user: session.userId });
    });
    expect((await ask("/login", { method: "POST" })).body).toBe('{"before":1,"after":2,"user":null}');
    expect((await ask("/")).body).toBe('{"before":1,"after":2,"user":"ann"}');
  });

  test("a logout that is not awaited ends the session, and deletes the cookie", async () => {
    const sessions = late();
    const { ask } = await serve({ sessions, keys }, async (session, path) => {
      if (path === "/login") await session.login("ann");
      if (path === "/logout") void session.logout();
      return String(session.userId);
    });
    await ask("/login", { method: "POST" });
    expect((await ask("/logout", { method: "POST" })).lines).toEqual([expect.stringMatching(/; Max-Age=0;/)]);
    expect(await sessions.count()).toBe(0);
  });

  test("several are made one after the other", async () => {
    const sessions = late();
    const { ask } = await serve({ sessions, keys }, (session, path) => {
      if (path === "/login") {
        void session.login("ann");
        void session.logout();
        void session.login("bob");
        void session.reauthenticate();
      }
      return String(session.userId);
    });
    await ask("/login", { method: "POST" });
    expect((await ask("/")).body).toBe("bob");
    expect(await sessions.count()).toBe(1);
  });

  test("one that fails makes the answer fail, and leaves no session behind", async () => {
    const sessions = late([{ call: "put", nth: 1, fault: "fail" }]);
    const { ask } = await serve({ sessions, keys }, (session, path) => {
      if (path === "/login") void session.login("ann");
      return "welcome";
    });
    expect(await ask("/login", { method: "POST" })).toMatchObject({ status: 503, lines: [] });
    expect(await sessions.count()).toBe(0);
  });

  test.each([
    ["that has failed before the answer", [{ call: "put", nth: 1, fault: "fail" }] as const, {}, true, 503],
    ["that is refused at once", [], { n: Number.NaN }, false, 400],
    ["that is refused before the answer", [], { n: Number.NaN }, true, 400],
  ])("one %s makes it fail, and is no unhandled rejection", async (_, faults, data, isLater, status) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    const { ask } = await serve({ sessions: late(faults), keys }, async (session, path) => {
      if (path === "/login") void session.login("ann", data);
      if (isLater) await pauses();
      return "welcome";
    });
    expect(await ask("/login", { method: "POST" })).toMatchObject({ status, lines: [] });
    await pause();
    expect(unhandled).toEqual([]);
  });

  test("one that fails and is caught without await is the handler's", async () => {
    const sessions = late([{ call: "put", nth: 1, fault: "fail" }]);
    const { ask } = await serve({ sessions, keys }, async (session, path) => {
      if (path === "/login") Promise.resolve(session.login("ann")).catch(() => undefined);
      await pauses();
      return "come back later";
    });
    expect(await ask("/login", { method: "POST" })).toMatchObject({ status: 200, body: "come back later" });
  });

  test("an answer that failed waits as well: no session is left that nobody holds", async () => {
    const sessions = late();
    const { ask } = await serve({ sessions, keys }, (session, path) => {
      if (path === "/login") void session.login("ann");
      throw new Error("the handler failed");
    });
    expect(await ask("/login", { method: "POST" })).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBe(0);
  });
});

describe("after the commit has begun", () => {
  test("a call is refused, also while the commit waits for another one", async () => {
    const session = await started();
    const login = session.login("ann");
    const committed = session.commit(new Headers());
    await expect(session.login("bob")).rejects.toThrow("a change has to come before them");
    expect(() => session.set("a", 1)).toThrow(TypeError);
    await Promise.all([login, committed]);
    expect(session.userId).toBe("ann");
    await expect(session.login("bob")).rejects.toThrow(TypeError);
  });

  test("it says that it has something to wait for", async () => {
    const session = await started();
    expect(session.isUnchanged).toBe(true);
    const login = session.login(null);
    expect(session.isUnchanged).toBe(false);
    await login;
    await session.commit(new Headers());
    expect(session.isUnchanged).toBe(true);
  });

  test("a failure that was handled before it does not count", async () => {
    const session = await cookieSessions({ sessions: late([{ call: "put", nth: 1, fault: "fail" }]), keys }).start({
      headers: {},
    });
    await expect(session.login("ann")).rejects.toMatchObject({ status: 503 });
    expect(await session.commit(new Headers())).toBe(true);
  });
});
