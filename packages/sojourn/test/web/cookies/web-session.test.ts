import { beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { InvalidDataError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { StandardSchema } from "../../../src/sessions/standard-schema.ts";
import { cookieSessions, type RequestSession } from "../../../src/web/cookies/index.ts";
import { KEY, setUp, stores, visitor, writes, type Data, type Setup, type Visitor } from "../support/visitor.ts";

describe.each(stores)("a request's session, on %s", (_, open) => {
  let on: Setup;
  let ann: Visitor;
  beforeEach(() => {
    on = setUp({ store: open() });
    ann = visitor(on.web);
  });

  describe("begins when something is set", () => {
    test("a visitor with no data gets no cookie and no record", async () => {
      for (let visits = 0; visits < 100; visits++) {
        const { session, cookies } = await visitor(on.web).visit();
        expect(cookies).toEqual([]);
        expect(session).toMatchObject({ id: undefined, userId: null, isNew: true, expiresAt: undefined, data: {} });
      }
      expect(on.calls).toEqual([]);
    });

    test("a look does not begin one", async () => {
      const { cookies } = await ann.visit((session) => {
        expect(session.get("user_id")).toBeUndefined();
        expect(session.takeFlash("notice")).toBeUndefined();
        session.delete("user_id");
        session.set("user_id", "1");
        session.delete("user_id");
      });
      expect(cookies).toEqual([]);
      expect(on.calls).toEqual([]);
    });

    test("a fresh one is usable in the very request that starts it", async () => {
      const { session, cookies } = await ann.visit((session) => {
        session.set("user_id", "42");
        session.set("role", "admin");
        expect(session.get("user_id")).toBe("42");
        expect(session.data).toEqual({ user_id: "42", role: "admin" });
        expect(session.id).toBeUndefined();
      });
      expect(cookies).toHaveLength(1);
      expect(session.id).toMatch(/^sess_/);
      expect(session.expiresAt).toBe(on.clock.now() + 30 * 60_000);
      const again = await ann.visit();
      expect(again.session).toMatchObject({ id: session.id, isNew: false, userId: null });
      expect(again.session.data).toEqual({ user_id: "42", role: "admin" });
      expect(again.cookies).toEqual([]);
      expect(await on.sessions.count()).toBe(1);
    });
  });

  test("nobody's session has the lifetime of anonymous ones, and its cookie too; a login has the user's", async () => {
    on = setUp({ store: open(), manager: { ttl: "30m", anonymousTtl: "10m" } });
    const visited = visitor(on.web);
    expect((await visited.visit((session) => session.set("a", 1))).cookies[0]).toContain("Max-Age=600;");
    expect((await visited.visit((session) => session.login("ann"))).cookies[0]).toContain("Max-Age=1800;");
  });

  describe("ensureId", () => {
    test("gives the id before the commit, and keeps what was set before and after", async () => {
      let id = "";
      const { cookies, session } = await ann.visit(async (session) => {
        session.set("before", 1);
        session.flash("notice", "hi");
        id = await session.ensureId();
        expect(session).toMatchObject({ id, userId: null, isNew: true });
        expect((await on.sessions.get(id))?.data).toMatchObject({ before: 1 });
        session.set("after", 2);
        expect(await session.ensureId()).toBe(id);
      });
      expect(session.id).toBe(id);
      expect(cookies).toHaveLength(1);
      const again = await ann.visit(async (session) => {
        expect(await session.ensureId()).toBe(id);
        expect(session.takeFlash("notice")).toBe("hi");
      });
      expect(again.session.data).toEqual({ before: 1, after: 2 });
      expect(await on.sessions.count()).toBe(1);
    });

    test("leaves nothing where the response fails, and is refused after the commit", async () => {
      const { session } = await ann.visit(async (session) => session.ensureId(), { status: 500 });
      expect(ann.cookie).toBeUndefined();
      expect(await on.sessions.count()).toBe(0);
      await expect(async () => session.ensureId()).rejects.toThrow(TypeError);
    });

    test("is a user's own after a login, and a new one after a logout", async () => {
      await ann.visit(async (session) => {
        const { id } = await session.login("ann");
        expect(await session.ensureId()).toBe(id);
        await session.logout();
        expect(await session.ensureId()).not.toBe(id);
      });
      expect((await ann.visit()).session).toMatchObject({ userId: null, isNew: false });
    });
  });

  test("hasFlash looks at what an earlier request has flashed, and takes nothing", async () => {
    await ann.visit((session) => {
      session.flash("notice", "hi");
      expect(session.hasFlash("notice")).toBe(false);
    });
    on.calls.length = 0;
    await ann.visit((session) => {
      expect([session.hasFlash("notice"), session.hasFlash("notice"), session.hasFlash("toString")]).toEqual([
        true,
        true,
        false,
      ]);
    });
    expect(writes(on.calls)).toEqual([]);
    await ann.visit((session) => {
      expect([session.takeFlash("notice"), session.hasFlash("notice")]).toEqual(["hi", false]);
    });
    await ann.visit((session) => expect(session.hasFlash("notice")).toBe(false));
  });

  describe("fields", () => {
    test("are set, changed and deleted", async () => {
      await ann.visit((session) => {
        session.set("a", { deep: [1, 2] });
        session.set("b", null);
      });
      await ann.visit((session) => {
        expect(session.get("a")).toEqual({ deep: [1, 2] });
        expect(session.get("b")).toBeNull();
        session.delete("a");
        session.set("c", false);
        session.set("b", undefined);
        expect(session.get("a")).toBeUndefined();
        expect(session.data).toEqual({ c: false });
      });
      expect((await ann.visit()).session.data).toEqual({ c: false });
    });

    test("are kept as they were when they were set", async () => {
      const cart = { items: ["book"] };
      const { session } = await ann.visit((session) => {
        session.set("cart", cart);
        cart.items.push("bomb");
        expect(session.get("cart")).toEqual({ items: ["book"] });
      });
      expect(Object.isFrozen(session.get("cart"))).toBe(true);
      expect((await ann.visit()).session.get("cart")).toEqual({ items: ["book"] });
    });

    test.each(["constructor", "__proto__", "toString", "hasOwnProperty", "", "0"])("may be named %j", async (name) => {
      await ann.visit((session) => {
        expect(session.get(name)).toBeUndefined();
        session.set(name, { polluted: true });
        expect(session.get(name)).toEqual({ polluted: true });
      });
      const { session } = await ann.visit((session) => expect(session.get(name)).toEqual({ polluted: true }));
      expect(Object.keys(session.data)).toEqual([name]);
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    });

    test.each([() => 1, Symbol("s"), 1n, circle(), deep(20_000)])(
      "that are not JSON are refused at once",
      async (value) => {
        await ann.visit((session) => {
          expect(() => session.set("x", value)).toThrow(InvalidDataError);
          expect(() => session.flash("x", value)).toThrow(InvalidDataError);
        });
        expect(on.calls).toEqual([]);
      },
    );

    test("the reserved name is refused, and never shown", async () => {
      await ann.visit((session) => {
        expect(() => session.set("$sojourn", 1)).toThrow(TypeError);
        expect(() => session.delete("$sojourn")).toThrow(TypeError);
        expect(() => session.set(1 as never, 1)).toThrow(TypeError);
        session.flash("notice", "hi");
      });
      const { session } = await ann.visit();
      expect(session.get("$sojourn")).toBeUndefined();
      expect(session.data).toEqual({});
    });

    test("nothing changed, nothing written", async () => {
      await ann.visit((session) => session.set("a", { b: 1 }));
      on.calls.length = 0;
      await ann.visit((session) => {
        session.set("a", { b: 1 });
        session.delete("absent");
      });
      expect(writes(on.calls)).toEqual([]);
      on.calls.length = 0;
      await ann.visit((session) => session.get("a"));
      expect(on.calls).toEqual(["get"]);
    });

    test("the version counts the commits that changed something, not the sets", async () => {
      const { session } = await ann.visit((session) => session.set("a", 1));
      await ann.visit((session) => {
        session.set("a", 2);
        session.set("b", 2);
      });
      expect((await on.sessions.get(session.id ?? ""))?.version).toBe(2);
    });
  });

  describe("a field with a ttl", () => {
    test("reads as absent when its time is over, without a write", async () => {
      const { session } = await ann.visit((session) => {
        session.set("code", "123456", { ttl: "5m" });
        session.set("name", "Ann");
      });
      on.clock.advance(299_999);
      await ann.visit((session) => expect(session.get("code")).toBe("123456"));
      on.calls.length = 0;
      on.clock.advance(1);
      await ann.visit((session) => {
        expect(session.get("code")).toBeUndefined();
        expect(session.data).toEqual({ name: "Ann" });
      });
      expect(on.calls.filter((name) => name === "put")).toEqual([]);
      expect((await on.sessions.get(session.id ?? ""))?.version).toBe(1);
    });

    test("ends within the request that set it, too", async () => {
      await ann.visit((session) => {
        session.set("code", 1, { ttl: "10ms" });
        on.clock.advance(10);
        expect(session.get("code")).toBeUndefined();
        expect(session.data).toEqual({});
      });
      expect(await on.sessions.count()).toBe(0);
    });

    test("is written away with the next change", async () => {
      const { session } = await ann.visit((session) => {
        session.set("code", 1, { ttl: "1m" });
        session.set("name", "Ann");
      });
      on.clock.advance("1m");
      await ann.visit((session) => session.set("name", "Bob"));
      expect((await on.sessions.get(session.id ?? ""))?.data).toEqual({ name: "Bob" });
    });

    test("set anew, has the new end, or none", async () => {
      await ann.visit((session) => {
        session.set("a", 1, { ttl: "1m" });
        session.set("b", 1, { ttl: "1m" });
      });
      await ann.visit((session) => {
        session.set("a", 2);
        session.set("b", 2, { ttl: "2m" });
      });
      on.clock.advance("1m");
      await ann.visit((session) => expect(session.data).toEqual({ a: 2, b: 2 }));
      on.clock.advance("1m");
      await ann.visit((session) => expect(session.data).toEqual({ a: 2 }));
    });

    test("refuses what is no duration", async () => {
      await ann.visit((session) => {
        expect(() => session.set("a", 1, { ttl: -5 })).toThrow("Expected `ttl` to be a positive duration");
        expect(() => session.set("a", 1, { ttl: "soon" as "1s" })).toThrow(TypeError);
        // Whoever writes 300 means five minutes.
        expect(() => session.set("a", 1, { ttl: 300 })).toThrow('Expected `ttl` to be a string such as "30m"');
      });
    });
  });

  describe("a flash value", () => {
    test("has the type that the data declares under its name", async () => {
      interface Shop {
        cart: string[];
        notice?: string;
      }
      const web = cookieSessions({ sessions: createSessions<Shop>(), keys: [KEY] });
      const session = web.start({ headers: {} });
      expectTypeOf(session.takeFlash("notice")).toEqualTypeOf<string | undefined>();
      expectTypeOf(session.takeFlash("other")).toEqualTypeOf<unknown>();
      // @ts-expect-error -- a number is no notice
      session.flash("notice", 1);
      session.flash("other", 1);
      expect(session.takeFlash("notice")).toBeUndefined();
    });

    test("is read once, by a later request", async () => {
      await ann.visit((session) => {
        session.flash("notice", "Saved");
        expect(session.takeFlash("notice")).toBeUndefined();
      });
      await ann.visit();
      await ann.visit((session) => {
        expect(session.takeFlash("notice")).toBe("Saved");
        expect(session.takeFlash("notice")).toBeUndefined();
      });
      await ann.visit((session) => expect(session.takeFlash("notice")).toBeUndefined());
    });

    test("is not lost with a response that failed", async () => {
      await ann.visit((session) => session.flash("notice", "Saved"));
      await ann.visit((session) => expect(session.takeFlash("notice")).toBe("Saved"), { status: 500 });
      await ann.visit((session) => expect(session.takeFlash("notice")).toBe("Saved"));
    });

    test("left by another request meanwhile stays", async () => {
      await ann.visit((session) => session.flash("notice", "one"));
      await ann.visit(async (session) => {
        session.takeFlash("notice");
        await visitor(on.web, ann.cookie).visit((other) => other.flash("notice", "two"));
      });
      await ann.visit((session) => expect(session.takeFlash("notice")).toBe("two"));
    });

    test("taken and left again in one request is there for the next", async () => {
      await ann.visit((session) => session.flash("n", 1));
      await ann.visit((session) => session.flash("n", Number(session.takeFlash("n")) + 1));
      await ann.visit((session) => expect(session.takeFlash("n")).toBe(2));
    });
  });

  describe("commit", () => {
    test("is idempotent: a second one writes nothing, and sets the same headers", async () => {
      await ann.visit((before) => before.login("ann"));
      const session = await on.web.start(new Request("https://app.test/", { headers: { cookie: ann.cookie ?? "" } }));
      session.rotate();
      session.set("a", 1);
      const [first, second, third] = [new Headers(), new Headers(), new Headers()];
      expect(await session.commit(first)).toBe(true);
      on.calls.length = 0;
      expect(await session.commit(second)).toBe(true);
      expect(await session.commit(third, { status: 500 })).toBe(true);
      expect(on.calls).toEqual([]);
      expect([...second]).toEqual([...first]);
      expect([...third]).toEqual([]);
      // On the same response they are there already.
      await session.commit(first);
      expect([...first]).toEqual([...second]);
    });

    test("with a 5xx, though another was before it, ends a session that began in this request", async () => {
      const session = await on.web.start(new Request("https://app.test/"));
      await session.login("ann");
      expect(await session.commit(new Headers())).toBe(true);
      const failed = new Headers();
      expect(await session.commit(failed, { status: 500 })).toBe(false);
      expect([...failed]).toEqual([]);
      expect(await on.sessions.count()).toBe(0);
    });

    test("a change after it is an error, never a silent loss", async () => {
      const { session } = await ann.visit((session) => session.set("a", 1));
      expect(() => session.set("a", 2)).toThrow("a change has to come before them");
      expect(() => session.delete("a")).toThrow(TypeError);
      expect(() => session.flash("a", 1)).toThrow(TypeError);
      expect(() => session.rotate()).toThrow(TypeError);
      await expect(async () => session.login("ann")).rejects.toThrow(TypeError);
      await expect(async () => session.reauthenticate()).rejects.toThrow(TypeError);
      expect(session.get("a")).toBe(1);
    });

    test("a logout after it still is one", async () => {
      await ann.visit((session) => session.login("ann"));
      const { session } = await ann.visit();
      expect(await session.destroy()).toBe(true);
      expect(await on.sessions.count()).toBe(0);
      expect((await ann.visit()).session.userId).toBeNull();
    });

    test("that fails can be repeated", async () => {
      const small = setUp({ store: open(), manager: { maxDataLength: 20 } });
      const session = await small.web.start(new Request("https://app.test/"));
      session.set("a", "x".repeat(30));
      await expect(async () => session.commit(new Headers())).rejects.toThrow(InvalidDataError);
      session.set("a", "short");
      expect(await session.commit(new Headers())).toBe(true);
      expect(await small.sessions.count()).toBe(1);
    });

    test("on a 5xx sets no cookie and keeps nothing that was set", async () => {
      const fresh = await ann.visit((session) => session.set("a", 1), { status: 500 });
      expect(fresh).toMatchObject({ cookies: [], kept: false });
      expect(await on.sessions.count()).toBe(0);
      await ann.visit((session) => session.set("a", 1));
      const failed = await ann.visit((session) => session.set("a", 2), { status: 503 });
      expect([...failed.headers]).toEqual([]);
      expect((await ann.visit()).session.get("a")).toBe(1);
    });

    test.each([200, 204, 302, 303, 304, 400, 401, 404, 422, 499])("on a %i sets the cookie", async (status) => {
      expect((await ann.visit((session) => session.set("a", 1), { status })).cookies).toHaveLength(1);
    });
  });

  describe("with a schema", () => {
    const stripping: StandardSchema<Data> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) => ({ value: { name: String((value as Data)["name"]) } }),
      },
    };

    test("that changes data, the changed data counts", async () => {
      const strict = visitor(setUp({ store: open(), manager: { schema: stripping } }).web);
      const { session } = await strict.visit((session) => session.set("name", 42));
      expect(session.get("name")).toBe("42");
    });

    test.each<[string, (session: RequestSession<Data>) => void]>([
      ["a field's end", (session) => session.set("name", "x", { ttl: "1m" })],
      ["a flash value", (session) => session.flash("n", 1)],
    ])("that drops %s, the commit throws: it would live for ever, or be lost", async (_, change) => {
      const { web } = setUp({ store: open(), manager: { schema: stripping } });
      const strict = visitor(web);
      await expect(async () => strict.visit(change)).rejects.toThrow("let the field");
      expect(strict.cookie).toBeUndefined();
      await strict.visit((session) => session.set("name", "Ann"));
      await expect(async () => strict.visit(change)).rejects.toThrow(InvalidDataError);
    });
  });

  test("shows no token when it is printed or serialised", async () => {
    const { session } = await ann.visit((session) => session.login("ann", { a: 1 }));
    const { inspect } = await import("node:util");
    const token = /=(sess_[\w-]+)\./.exec(ann.cookie ?? "")?.[1] ?? "";
    const secret = token.slice(27);
    expect(secret).toHaveLength(43);
    for (const text of [inspect(session, { depth: 9, showHidden: true }), JSON.stringify(session)]) {
      expect(text).not.toContain(secret);
    }
  });
});

function circle(): unknown {
  const object: { self?: unknown } = {};
  object.self = object;
  return object;
}

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
