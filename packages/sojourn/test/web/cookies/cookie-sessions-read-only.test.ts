/** Looks at a session where nothing can be sent back, and a cookie that is behind its session. */
import { beforeEach, describe, expect, test } from "vitest";
import type { RequestSession } from "../../../src/web/cookies/index.ts";
import { setUp, stores, visitor, writes, type Data, type Setup, type Visitor } from "../support/visitor.ts";

const MINUTE = 60_000;
const maxAge = (line: string | undefined): number => Number(/Max-Age=(\d+)/.exec(line ?? "")?.[1]);

describe.each(stores)("on %s", (_, open) => {
  let on: Setup;
  let ann: Visitor;
  const look = async (readOnly = true): Promise<RequestSession<Data>> =>
    on.web.start({ headers: { cookie: ann.cookie } }, { readOnly });

  beforeEach(async () => {
    on = setUp({ store: open() });
    ann = visitor(on.web);
    await ann.visit((session) => session.login("ann", { role: "admin" }));
    on.calls.length = 0;
  });

  test("a misspelt option is refused: what was to be a look would extend the session", async () => {
    await expect(async () => on.web.start({ headers: {} }, { readonly: true } as object)).rejects.toThrow(
      'Expected an option of `start`, such as `readOnly`, got "readonly"',
    );
  });

  describe("readOnly", () => {
    test("reads, and extends nothing", async () => {
      on.clock.advance(20 * MINUTE);
      const session = await look();
      expect(session).toMatchObject({ userId: "ann", isNew: false, isUnchanged: true, data: { role: "admin" } });
      expect(session.get("role")).toBe("admin");
      expect(session.expiresAt).toBe(on.clock.now() + 10 * MINUTE);
      expect(writes(on.calls)).toEqual([]);
      on.clock.advance(10 * MINUTE);
      expect((await look()).userId).toBeNull();
    });

    test.each<[string, (session: RequestSession<Data>) => unknown]>([
      ["set", (session) => session.set("a", 1)],
      ["delete", (session) => session.delete("role")],
      ["flash", (session) => session.flash("notice", "hi")],
      ["takeFlash", (session) => session.takeFlash("notice")],
      ["ensureId", async (session) => session.ensureId()],
      ["login", async (session) => session.login("bob")],
      ["logout", async (session) => session.logout()],
      ["destroy", async (session) => session.destroy()],
      ["rotate", (session) => session.rotate()],
      ["reauthenticate", async (session) => session.reauthenticate()],
    ])("%s is refused, with the reason", async (_call, change) => {
      const session = await look();
      await expect(async () => change(session)).rejects.toThrow(TypeError);
      await expect(async () => change(session)).rejects.toThrow("`readOnly: true`");
      expect(writes(on.calls)).toEqual([]);
      expect((await look()).userId).toBe("ann");
    });

    test("a commit sets no cookie, also where an old key has signed it", async () => {
      const web = on.again({ keys: ["a newer key of the tests, 32 bytes or more", "k".repeat(32)] });
      const old = visitor(on.again({ keys: ["k".repeat(32)] }));
      await old.visit((session) => session.login("bob"));
      const session = await web.start({ headers: { cookie: old.cookie } }, { readOnly: true });
      expect(session.userId).toBe("bob");
      const headers = new Headers();
      await session.commit(headers);
      expect([...headers]).toEqual([["vary", "Cookie"]]);
      expect((await visitor(web, old.cookie).visit()).cookies).toHaveLength(1);
    });
  });

  test("with `extend: false` a session is not extended, and can be changed", async () => {
    on.clock.advance(20 * MINUTE);
    const session = await on.web.start({ headers: { cookie: ann.cookie } }, { extend: false });
    expect(session.expiresAt).toBe(on.clock.now() + 10 * MINUTE);
    expect(writes(on.calls)).toEqual([]);
    session.set("role", "user");
    const headers = new Headers();
    await session.commit(headers);
    expect(headers.getSetCookie()).toEqual([]);
    expect((await look()).get("role")).toBe("user");
  });

  describe("a cookie that ends before its session", () => {
    test("is renewed by the next commit, however the session was extended", async () => {
      on.clock.advance(20 * MINUTE);
      // Where nothing was committed, the browser was not told.
      await look(false);
      on.clock.advance(1_000);
      const { cookies, session } = await ann.visit();
      expect(maxAge(cookies[0])).toBe(30 * 60 - 1);
      on.clock.advance(1_000);
      await on.sessions.refresh(session.id ?? "");
      expect(maxAge((await ann.visit()).cookies[0])).toBe(30 * 60);
    });

    test("is left alone once it is told", async () => {
      on.clock.advance(20 * MINUTE);
      expect((await ann.visit()).cookies).toHaveLength(1);
      expect((await ann.visit()).cookies).toEqual([]);
      on.clock.advance(30_000);
      expect((await ann.visit()).cookies).toEqual([]);
    });

    test("is renewed once a day where browsers would cut it to 400 days", async () => {
      const day = 24 * 60 * MINUTE;
      await ann.visit((session) => session.login("ann", {}, { ttl: "500d", absoluteTtl: "800d" }));
      on.clock.advance(day);
      expect((await ann.visit()).cookies).toEqual([]);
      on.clock.advance(1);
      expect((await ann.visit()).cookies.map(maxAge)).toEqual([400 * 86_400]);
      expect((await ann.visit()).cookies).toEqual([]);
    });

    test("a header and a cookie without an end are never behind", async () => {
      const web = on.again({ cookie: { persistent: false } });
      const bob = visitor(web);
      await bob.visit((session) => session.login("bob"));
      on.clock.advance(20 * MINUTE);
      expect((await bob.visit()).cookies).toEqual([]);
    });

    test("what it was told is signed", async () => {
      const [token, end = "", user, signature] = (ann.cookie ?? "").split(".");
      expect(Number.parseInt(end, 36)).toBe(on.clock.now() + 30 * MINUTE);
      const later = (Number.parseInt(end, 36) + 1).toString(36);
      for (const parts of [
        [token, later, user, signature],
        [token, end, signature],
        [token, signature],
      ]) {
        expect((await visitor(on.web, parts.join(".")).visit()).session.userId).toBeNull();
      }
    });
  });

  test("Max-Age is rounded up: a fresh hour is 3600 seconds, a millisecond later too", async () => {
    const { cookies } = await ann.visit(async (session) => {
      await session.login("ann", {}, { ttl: "1h" });
      on.clock.advance(1);
    });
    expect(maxAge(cookies[0])).toBe(3_600);
  });
});
