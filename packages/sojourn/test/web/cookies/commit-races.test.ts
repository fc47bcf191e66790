/** Two requests at once. Each row is a race that other session libraries lose. */
import { beforeEach, describe, expect, test } from "vitest";
import { ConflictError, StoreError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { faultyStore } from "../../../src/testing/faulty-store.ts";
import { setUp, keptOf, stores, visitor, writes, type Setup, type Visitor } from "../support/visitor.ts";

describe.each(stores)("races, on %s", (_, open) => {
  let on: Setup;
  let ann: Visitor;
  beforeEach(async () => {
    on = setUp({ store: open() });
    ann = visitor(on.web);
    await ann.visit((session) => session.login("ann", { a: 0, b: 0 }));
  });

  /** A request that is under way while something else happens, and then does its own work. */
  async function slow(
    meanwhile: () => Promise<unknown>,
    work: Parameters<Visitor["visit"]>[0],
  ): ReturnType<Visitor["visit"]> {
    const other = visitor(on.web, ann.cookie);
    return other.visit(async (session) => {
      await meanwhile();
      await work?.(session);
    });
  }

  const logout = async (): Promise<unknown> => ann.visit((session) => session.logout());

  test.each<[string, Parameters<Visitor["visit"]>[0]]>([
    ["reads", (session) => session.get("a")],
    ["sets a field", (session) => session.set("a", 1)],
    ["deletes a field", (session) => session.delete("a")],
    ["leaves a flash value", (session) => session.flash("n", 1)],
    ["asks for a new token", (session) => session.rotate()],
    ["proves to be there", (session) => session.reauthenticate()],
    ["logs out as well", (session) => session.logout()],
  ])("a slow request that %s does not bring back a session that was logged out", async (_, work) => {
    const cookie = ann.cookie;
    const late = await slow(logout, work);
    expect(late.cookies.map(keptOf)).toEqual(late.cookies.map(() => undefined));
    expect(await on.sessions.count()).toBe(0);
    expect((await visitor(on.web, cookie).visit()).session.userId).toBeNull();
  });

  test("it is told that what it set is gone", async () => {
    expect((await slow(logout, (session) => session.set("a", 1))).kept).toBe(false);
    expect(
      (
        await slow(
          async () => {},
          (session) => session.set("a", 1),
        )
      ).kept,
    ).toBe(true);
  });

  test("nor does its response take away the cookie of a login since", async () => {
    const late = await slow(
      async () => ann.visit((session) => session.login("ann")),
      (session) => session.set("a", 1),
    );
    expect(late.cookies).toEqual([]);
    expect((await ann.visit()).session.userId).toBe("ann");
  });

  test.each<[string, Parameters<Visitor["visit"]>[0]]>([
    ["login", (session) => session.login("ann")],
    ["rotation", (session) => session.rotate()],
    ["logout", (session) => session.logout()],
  ])("nor, if it was extended, put the old cookie over the one of a %s since", async (_, meanwhile) => {
    on.clock.advance("10m");
    const old = visitor(on.web, ann.cookie);
    const { cookies } = await old.visit(async () => {
      on.clock.advance(1);
      await ann.visit(meanwhile);
    });
    expect(cookies).toEqual([]);
    expect(writes(on.calls)).toContain("touch");
  });

  test("a login in a slow request is a login: with a new session, whatever became of the old one", async () => {
    const late = await slow(logout, (session) => session.login("bob"));
    expect(late.session.userId).toBe("bob");
    expect(await on.sessions.count()).toBe(1);
  });

  test("of two writers of different fields both are kept", async () => {
    const late = await slow(
      async () => ann.visit((session) => session.set("a", 1)),
      (session) => session.set("b", 2),
    );
    expect(late.kept).toBe(true);
    expect((await ann.visit()).session.data).toEqual({ a: 1, b: 2 });
  });

  test("of ten at once, all", async () => {
    const { cookie } = ann;
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        visitor(on.web, cookie).visit((session) => session.set(`field-${index}`, index)),
      ),
    );
    expect(Object.keys((await ann.visit()).session.data)).toHaveLength(12);
  });

  test("a redirect comes after what was set is saved", async () => {
    const { headers } = await ann.visit((session) => session.set("a", 1), { status: 303 });
    expect(headers.get("Vary")).toBeNull();
    expect((await visitor(on.web, ann.cookie).visit()).session.get("a")).toBe(1);
  });

  test("100 cookieless requests store nothing", async () => {
    on.calls.length = 0;
    for (let visits = 0; visits < 100; visits++) await visitor(on.web).visit((session) => session.get("a"));
    expect(on.calls).toEqual([]);
  });

  test("100 reads write at most once", async () => {
    on.clock.advance("2m");
    on.calls.length = 0;
    const cookies: string[] = [];
    for (let visits = 0; visits < 100; visits++) {
      cookies.push(...(await ann.visit((session) => session.get("a"))).cookies);
      on.clock.advance(100);
    }
    expect(writes(on.calls)).toEqual(["touch"]);
    // The browser learns the new end with the one write.
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toContain("Max-Age=1800;");
  });

  test("two tabs that rotate at once get the same token", async () => {
    const other = visitor(on.web, ann.cookie);
    await other.visit(async (session) => {
      await ann.visit((session) => session.rotate());
      session.rotate();
    });
    expect(other.cookie).toBe(ann.cookie);
    expect((await ann.visit()).session.userId).toBe("ann");
  });
});

describe("a store that is down", () => {
  test.each(["get", "touch"] as const)("in %s is a fault, and takes no cookie away", async (call) => {
    const inner = memoryStore();
    const up = setUp({ store: inner });
    const ann = visitor(up.web);
    await ann.visit((session) => session.login("ann"));
    const down = setUp({ store: faultyStore(inner, [{ call, fault: "fail" }]) });
    down.clock.advance("2m");
    const { cookie } = ann;
    await expect(async () => visitor(down.web, cookie).visit()).rejects.toThrow(StoreError);
    expect((await ann.visit()).session.userId).toBe("ann");
  });

  test("in delete: nobody is told that a logout was one", async () => {
    const store = faultyStore(memoryStore(), [{ call: "delete", nth: 1, fault: "fail" }]);
    const ann = visitor(setUp({ store }).web);
    await ann.visit((session) => session.login("ann"));
    const { cookies } = await ann.visit(async (session) => {
      await expect(async () => session.logout()).rejects.toThrow(StoreError);
      expect(session.userId).toBe("ann");
    });
    expect(cookies).toEqual([]);
    await ann.visit((session) => session.logout());
    expect(ann.cookie).toBeUndefined();
  });

  test("in put: the commit fails, and sets no header", async () => {
    const store = faultyStore(memoryStore(), [{ call: "put", fault: "fail" }]);
    const session = await setUp({ store }).web.start(new Request("https://app.test/"));
    session.set("a", 1);
    const headers = new Headers();
    await expect(async () => session.commit(headers)).rejects.toThrow(StoreError);
    expect([...headers]).toEqual([]);
    expect(await session.commit(headers, { status: 503 })).toBe(false);
    expect([...headers]).toEqual([]);
  });

  test("at the end of a failed login: the session that began stays unknown, and the answer is the handler's own", async () => {
    const store = faultyStore(memoryStore(), [{ call: "delete", fault: "fail" }]);
    const { cookies } = await visitor(setUp({ store }).web).visit((session) => session.login("ann"), { status: 500 });
    expect(cookies).toEqual([]);
  });

  test("a write whose reply was lost counts once", async () => {
    const store = faultyStore(memoryStore(), [{ call: "put", nth: 2, fault: "lose-reply" }]);
    const on = setUp({ store });
    const ann = visitor(on.web);
    await ann.visit((session) => session.set("n", 1));
    const { cookie } = ann;
    await expect(async () => ann.visit((session) => session.set("n", 2))).rejects.toThrow(StoreError);
    expect((await visitor(on.web, cookie).visit()).session.get("n")).toBe(2);
  });
});

test("a change that others beat again and again is a conflict, and nothing is set", async () => {
  const inner = memoryStore();
  const on = setUp({
    store: {
      ...inner,
      put: (entry, expected, now) => {
        const current = inner.get(entry.key, now);
        return expected === null || current === undefined
          ? inner.put(entry, expected, now)
          : { outcome: "conflict", current };
      },
    },
  });
  const ann = visitor(on.web);
  await ann.visit((session) => session.set("n", 1));
  const { cookie } = ann;
  await expect(async () => ann.visit((session) => session.set("n", 2))).rejects.toThrow(ConflictError);
  expect(ann.cookie).toBe(cookie);
});
