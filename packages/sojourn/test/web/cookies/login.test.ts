import { beforeEach, describe, expect, test } from "vitest";
import { TooManySessionsError } from "../../../src/errors.ts";
import { KEY, setUp, stores, tokenIn, visitor, writes, type Setup, type Visitor } from "../support/visitor.ts";

describe.each(stores)("login and logout, on %s", (_, open) => {
  let on: Setup;
  let ann: Visitor;
  beforeEach(() => {
    on = setUp({ store: open() });
    ann = visitor(on.web);
  });

  test("a misspelt option of logout, set or reauthenticate is refused, and changes nothing", async () => {
    await ann.visit((session) => session.login("ann"));
    await visitor(on.web).visit((session) => session.login("ann"));
    await ann.visit(async (session) => {
      const everywhere = { everwhere: true } as { readonly everywhere?: boolean };
      await expect(async () => session.logout(everywhere)).rejects.toThrow('such as `everywhere`, got "everwhere"');
      const ttl = { tll: "1m" } as { readonly ttl?: "1m" };
      expect(() => session.set("a", 1, ttl)).toThrow('such as `ttl`, got "tll"');
      const lasting = { fro: "1m" } as { readonly for?: "1m" };
      await expect(async () => session.reauthenticate(lasting)).rejects.toThrow('such as `for`, got "fro"');
    });
    expect(await on.sessions.count()).toBe(2);
    expect((await ann.visit()).session).toMatchObject({ userId: "ann", data: {} });
  });

  describe("login", () => {
    test("starts a session that is there at once, and for every later request", async () => {
      const { session, cookies } = await ann.visit(async (session) => {
        const started = await session.login("ann", { role: "admin" });
        expect(session).toMatchObject({ id: started.id, userId: "ann", expiresAt: started.expiresAt, isNew: true });
        expect(session.get("role")).toBe("admin");
        expect(started.token).toBeUndefined();
        session.set("seen", 1);
      });
      expect(cookies).toHaveLength(1);
      expect((await ann.visit()).session).toMatchObject({ id: session.id, userId: "ann", isNew: false });
      expect((await ann.visit()).session.data).toEqual({ role: "admin", seen: 1 });
    });

    test("leaves nothing of the session before: a planted one lets nobody in", async () => {
      const mallory = visitor(on.web);
      const planted = await mallory.visit((session) => session.set("cart", ["book"]));
      const victim = visitor(on.web, mallory.cookie);
      const { session } = await victim.visit((session) => session.login("ann"));
      expect(session.id).not.toBe(planted.session.id);
      expect(tokenIn(victim.cookie ?? "")).not.toBe(tokenIn(mallory.cookie ?? ""));
      expect((await mallory.visit()).session).toMatchObject({ userId: null, isNew: true, data: {} });
      expect(on.ends).toEqual([`${planted.session.id} replaced`]);
      expect(await on.sessions.count()).toBe(1);
    });

    test("keeps the fields of an anonymous session, with their ends and flash values", async () => {
      await ann.visit((session) => {
        session.set("cart", ["book"]);
        session.set("code", 1, { ttl: "1m" });
        session.flash("notice", "hi");
      });
      await ann.visit(async (session) => {
        session.set("lang", "en");
        await session.login("ann", { lang: "de", role: undefined });
      });
      await ann.visit((session) => expect(session.data).toEqual({ cart: ["book"], code: 1, lang: "de" }));
      on.clock.advance("1m");
      await ann.visit((session) => {
        expect(session.data).toEqual({ cart: ["book"], lang: "de" });
        expect(session.takeFlash("notice")).toBe("hi");
      });
    });

    test("keeps no field where that is not wanted, and none of another user", async () => {
      await ann.visit((session) => session.set("cart", ["book"]));
      await ann.visit((session) => session.login("ann", {}, { keepFields: false }));
      await ann.visit((session) => {
        expect(session.data).toEqual({});
        session.set("secret", "ann's");
        session.flash("notice", "for ann");
      });
      await ann.visit((session) => session.login("bob"));
      await ann.visit((session) => {
        expect(session.userId).toBe("bob");
        expect(session.data).toEqual({});
        expect(session.takeFlash("notice")).toBeUndefined();
      });
      expect(await on.sessions.count()).toBe(1);
    });

    test("of the same user again keeps their fields", async () => {
      await ann.visit((session) => session.login("ann", { a: 1 }));
      await ann.visit((session) => session.login("ann"));
      expect((await ann.visit()).session.data).toEqual({ a: 1 });
      expect(await on.sessions.count()).toBe(1);
    });

    test("twice in one request leaves one session", async () => {
      const { session } = await ann.visit(async (session) => {
        await session.login("ann", { a: 1 });
        await session.login("bob");
      });
      expect(session.userId).toBe("bob");
      expect(session.data).toEqual({});
      expect(await on.sessions.count()).toBe(1);
    });

    test("takes lifetimes and a device of its own", async () => {
      const { session, cookies } = await ann.visit((session) =>
        session.login("ann", {}, { ttl: "7d", device: { ip: "::1" } }),
      );
      expect(session.expiresAt).toBe(on.clock.now() + 7 * 86_400_000);
      expect(cookies[0]).toContain("Max-Age=604800;");
      expect((await on.sessions.get(session.id ?? ""))?.device).toEqual({ ip: "::1" });
    });

    test("has changed nothing if the response fails", async () => {
      const before = await ann.visit((session) => session.set("cart", 1));
      const cookie = ann.cookie;
      const failed = await ann.visit((session) => session.login("ann"), { status: 500 });
      expect(failed.cookies).toEqual([]);
      expect(ann.cookie).toBe(cookie);
      expect((await ann.visit()).session).toMatchObject({ id: before.session.id, userId: null });
      expect(await on.sessions.count()).toBe(1);
      expect(await on.sessions.listByUser("ann")).toEqual([]);
    });

    test("at the limit of a user's sessions does not count the one that it replaces", async () => {
      const limited = setUp({ store: open(), manager: { maxPerUser: { limit: 1, onLimit: "reject" } } });
      const here = visitor(limited.web);
      await here.visit((session) => session.login("ann"));
      await here.visit((session) => session.login("ann"));
      expect((await here.visit()).session.userId).toBe("ann");
      const elsewhere = visitor(limited.web);
      const refused = await elsewhere.visit(async (session) => {
        session.set("tries", 1);
        await expect(async () => session.login("ann")).rejects.toThrow(TooManySessionsError);
        expect(session.userId).toBeNull();
        expect(session.get("tries")).toBe(1);
      });
      expect(refused.session.userId).toBeNull();
      expect((await elsewhere.visit()).session.get("tries")).toBe(1);
    });
  });

  describe.each(["destroy", "logout"] as const)("%s", (call) => {
    test("ends it now: the data is gone from the store, and the cookie is deleted with its attributes", async () => {
      await ann.visit((session) => session.login("ann", { a: 1 }));
      const stolen = ann.cookie;
      const { session, cookies } = await ann.visit(async (session) => {
        const { id } = session;
        expect(await session[call]()).toBe(true);
        expect(await on.sessions.get(id ?? "")).toBeUndefined();
        expect(session).toMatchObject({ id: undefined, userId: null, data: {} });
        expect(await session[call]()).toBe(false);
      });
      expect(cookies).toEqual([
        "__Host-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax",
      ]);
      expect(ann.cookie).toBeUndefined();
      expect(await on.sessions.count()).toBe(0);
      expect((await visitor(on.web, stolen).visit()).session).toMatchObject({ userId: null, isNew: true });
      expect(session.get("a")).toBeUndefined();
    });

    test("waits until no node can let the session in, also where the same cookie comes again", async () => {
      const inner = open();
      let waits = 0;
      const propagated = (): void | Promise<void> => {
        waits++;
        return inner.mode === "sync" ? undefined : Promise.resolve();
      };
      const { web } = setUp({ store: { ...inner, propagated } });
      const bob = visitor(web);
      await bob.visit((session) => session.login("bob"));
      const again = visitor(web, bob.cookie);
      await bob.visit(async (session) => expect(await session[call]()).toBe(true));
      expect(waits).toBe(1);
      await again.visit(async (session) => expect(await session[call]()).toBe(false));
      expect(waits).toBe(2);
    });

    test("what is set after it begins another session, and revives nothing", async () => {
      const { session: old } = await ann.visit((session) => session.login("ann", { a: 1 }));
      const { id } = old;
      const { session } = await ann.visit(async (session) => {
        session.set("b", 1);
        await session[call]();
        session.flash("notice", "Goodbye");
      });
      expect(session.id).not.toBe(id);
      expect(session.userId).toBeNull();
      await ann.visit((session) => {
        expect(session.data).toEqual({});
        expect(session.takeFlash("notice")).toBe("Goodbye");
      });
      expect(await on.sessions.get(id ?? "")).toBeUndefined();
    });

    test("of a session that began in this request leaves nothing, and needs no cookie", async () => {
      const { cookies } = await ann.visit(async (session) => {
        await session.login("ann");
        await session[call]();
      });
      expect(cookies).toEqual([]);
      expect(await on.sessions.count()).toBe(0);
    });

    test("after a login in the same request ends both sessions", async () => {
      await ann.visit((session) => session.set("a", 1));
      await ann.visit(async (session) => {
        await session.login("ann");
        await session[call]();
      });
      expect(await on.sessions.count()).toBe(0);
      expect(ann.cookie).toBeUndefined();
    });

    test("with a cookie whose session is over deletes the cookie", async () => {
      await ann.visit((session) => session.login("ann"));
      on.clock.advance("31m");
      const { cookies } = await ann.visit(async (session) => expect(await session[call]()).toBe(false));
      expect(cookies[0]).toContain("Max-Age=0");
    });

    test("without a cookie does nothing", async () => {
      const { cookies } = await ann.visit((session) => session[call]());
      expect(cookies).toEqual([]);
      expect(on.calls).toEqual([]);
    });

    test("is one although the response fails; only the cookie stays", async () => {
      await ann.visit((session) => session.login("ann"));
      const { cookies } = await ann.visit((session) => session[call](), { status: 500 });
      expect(cookies).toEqual([]);
      expect(await on.sessions.count()).toBe(0);
      expect((await ann.visit()).session.userId).toBeNull();
    });
  });

  test("logout everywhere ends every session of the user, and nobody else's", async () => {
    const [phone, bob] = [visitor(on.web), visitor(on.web)];
    for (const browser of [ann, phone]) await browser.visit((session) => session.login("ann"));
    await bob.visit((session) => session.login("bob"));
    await ann.visit(async (session) => expect(await session.logout({ everywhere: true })).toBe(true));
    expect((await phone.visit()).session.userId).toBeNull();
    expect((await bob.visit()).session.userId).toBe("bob");
    await phone.visit((session) => session.set("a", 1));
    await phone.visit((session) => session.logout({ everywhere: true }));
    expect(await on.sessions.count()).toBe(1);
  });

  test("Clear-Site-Data is sent at a logout, where it is asked for, and not at a destroy", async () => {
    const clearing = setUp({ store: open(), clearSiteData: ["cache", "storage"] });
    const browser = visitor(clearing.web);
    await browser.visit((session) => session.login("ann"));
    expect((await browser.visit((session) => session.logout())).headers.get("Clear-Site-Data")).toBe(
      '"cache", "storage"',
    );
    await browser.visit((session) => session.login("ann"));
    expect((await browser.visit((session) => session.destroy())).headers.get("Clear-Site-Data")).toBeNull();
    await ann.visit((session) => session.login("ann"));
    expect((await ann.visit((session) => session.logout())).headers.get("Clear-Site-Data")).toBeNull();
  });

  /** A request with the cookie from before a login in another tab, which has replaced its session. */
  async function overtaken(): Promise<{ readonly tab: Visitor; readonly id: string }> {
    await ann.visit((session) => session.login("ann"));
    const tab = visitor(on.web, ann.cookie);
    const { session } = await ann.visit((session) => session.login("ann"));
    return { tab, id: session.id ?? "" };
  }

  describe("logout everywhere, with a cookie whose session has just ended", () => {
    test("means the user, and ends the new session as well", async () => {
      const { tab, id } = await overtaken();
      const { cookies } = await tab.visit(async (session) => {
        expect(session.userId).toBeNull();
        expect(await session.logout({ everywhere: true })).toBe(true);
      });
      expect(cookies[0]).toContain("Max-Age=0;");
      expect(await on.sessions.get(id)).toBeUndefined();
      expect((await ann.visit()).session.userId).toBeNull();
    });

    test("without `everywhere` ends nothing: the cookie's own session is over", async () => {
      const { tab, id } = await overtaken();
      await tab.visit(async (session) => expect(await session.logout()).toBe(false));
      expect(await on.sessions.get(id)).toBeDefined();
    });

    test("does so until the end that the browser was told, and not with a cookie that was changed", async () => {
      const { tab, id } = await overtaken();
      const [token, end, , signature] = (tab.cookie ?? "").split(".");
      const bob = visitor(on.web);
      await bob.visit((session) => session.login("bob"));
      const [, , other] = (bob.cookie ?? "").split(".");
      for (const forged of [
        [token, end, other, signature],
        [token, end, signature],
      ]) {
        await visitor(on.web, forged.join(".")).visit(async (session) => session.logout({ everywhere: true }));
      }
      expect(await on.sessions.get(id)).toBeDefined();
      on.clock.advance("20m");
      await ann.visit();
      on.clock.advance("10m");
      await tab.visit(async (session) => expect(await session.logout({ everywhere: true })).toBe(false));
      expect(await on.sessions.get(id)).toBeDefined();
    });

    test("also where an older key has encrypted it", async () => {
      const { tab, id } = await overtaken();
      const rotated = visitor(on.again({ keys: ["a newer key of the tests, 32 bytes or more", KEY] }), tab.cookie);
      await rotated.visit(async (session) => expect(await session.logout({ everywhere: true })).toBe(true));
      expect(await on.sessions.get(id)).toBeUndefined();
    });

    test("a cookie of nobody's, or of a very long name, ends nothing", async () => {
      for (const userId of [null, "n".repeat(129)]) {
        const one = visitor(on.web);
        await one.visit((session) => session.login(userId));
        const tab = visitor(on.web, one.cookie);
        await one.visit((session) => session.login(userId));
        await tab.visit(async (session) => expect(await session.logout({ everywhere: true })).toBe(false));
      }
    });
  });

  describe("rotate", () => {
    test("gives the same session a new token with the response", async () => {
      const { session } = await ann.visit((session) => session.login("ann", { a: 1 }));
      const old = ann.cookie;
      const rotated = await ann.visit((session) => {
        session.rotate();
        session.set("b", 2);
      });
      expect(rotated.session.id).toBe(session.id);
      expect(tokenIn(ann.cookie ?? "")).not.toBe(tokenIn(old ?? ""));
      on.clock.advance("11s");
      expect((await ann.visit()).session.data).toEqual({ a: 1, b: 2 });
      expect((await visitor(on.web, old).visit()).session.userId).toBeNull();
    });

    test("does nothing if the response fails: a token that nobody has would be theft later", async () => {
      await ann.visit((session) => session.login("ann"));
      await ann.visit((session) => session.rotate(), { status: 500 });
      on.clock.advance("11s");
      expect((await ann.visit()).session.userId).toBe("ann");
    });

    test("of an empty session does nothing", async () => {
      expect((await ann.visit((session) => session.rotate())).cookies).toEqual([]);
    });
  });

  describe("a session that locks", () => {
    beforeEach(async () => {
      on = setUp({ store: open(), manager: { lockAfter: "5m", ttl: "1h" } });
      ann = visitor(on.web);
      await ann.visit((session) => session.login("ann", { a: 1 }));
      on.clock.advance("6m");
    });

    test("reads as none, refuses changes, and says whose it is", async () => {
      const { cookies } = await ann.visit((session) => {
        expect(session).toMatchObject({ id: undefined, userId: null, isNew: true, data: {} });
        expect(session.get("a")).toBeUndefined();
        expect(session.locked?.userId).toBe("ann");
        expect(() => session.set("a", 2)).toThrow("The session is locked");
      });
      expect(cookies).toEqual([]);
    });

    test("opens after a re-authentication, with a new token", async () => {
      const old = ann.cookie;
      await ann.visit(async (session) => {
        expect(await session.reauthenticate({ for: "10m" })).toBe(true);
        expect(session.locked).toBeUndefined();
        expect(session.get("a")).toBe(1);
        expect(session.reauthenticatedUntil).toBe(on.clock.now() + 600_000);
      });
      expect(ann.cookie).not.toBe(old);
      expect((await ann.visit()).session.userId).toBe("ann");
    });

    test("stays locked where the response to it fails", async () => {
      await ann.visit((session) => session.reauthenticate(), { status: 500 });
      expect((await ann.visit()).session.locked?.userId).toBe("ann");
    });

    test("keeps what was set after it", async () => {
      await ann.visit(async (session) => {
        await session.reauthenticate();
        session.set("a", 2);
      });
      expect((await ann.visit()).session.data).toEqual({ a: 2 });
    });

    test("ends with a login, and with a logout", async () => {
      const other = visitor(on.web, ann.cookie);
      await ann.visit((session) => session.login("bob"));
      expect(await on.sessions.listByUser("ann")).toEqual([]);
      await other.visit(async (session) => expect(await session.logout()).toBe(false));
      on.clock.advance("6m");
      await ann.visit(async (session) => expect(await session.logout()).toBe(true));
      expect(await on.sessions.count()).toBe(0);
    });
  });

  describe("reauthenticate", () => {
    beforeEach(async () => {
      await ann.visit((session) => session.login("ann", { a: 1 }));
      on.calls.length = 0;
    });

    test("is one write, with the commit, and reads as done before it", async () => {
      const old = ann.cookie;
      const until = on.clock.now() + 600_000;
      const { kept } = await ann.visit(async (session) => {
        expect(await session.reauthenticate({ for: "10m" })).toBe(true);
        expect(session.reauthenticatedUntil).toBe(until);
        expect(writes(on.calls)).toEqual([]);
      });
      expect(kept).toBe(true);
      expect(writes(on.calls)).toEqual(["put"]);
      expect(tokenIn(ann.cookie ?? "")).not.toBe(tokenIn(old ?? ""));
      expect((await ann.visit()).session.reauthenticatedUntil).toBe(until);
      // The token from before is theft: nobody may come to the step-up with it.
      expect((await visitor(on.web, old).visit()).session.userId).toBeNull();
    });

    test("keeps neither the step-up nor the new token where the response fails", async () => {
      const old = ann.cookie;
      await ann.visit((session) => session.reauthenticate(), { status: 500 });
      expect(writes(on.calls)).toEqual([]);
      expect(ann.cookie).toBe(old);
      expect((await ann.visit()).session).toMatchObject({ userId: "ann", reauthenticatedUntil: undefined });
    });

    test("keeps what was set beside it", async () => {
      await ann.visit(async (session) => {
        await session.reauthenticate();
        session.set("b", 2);
      });
      const { session } = await ann.visit();
      expect(session.data).toEqual({ a: 1, b: 2 });
      expect(session.reauthenticatedUntil).toBeDefined();
    });

    test("is refused to a token that another tab has just replaced", async () => {
      const old = visitor(on.web, ann.cookie);
      await ann.visit((session) => session.rotate());
      await old.visit(async (session) => {
        expect(session.userId).toBe("ann");
        expect(await session.reauthenticate()).toBe(false);
        expect(session.reauthenticatedUntil).toBeUndefined();
      });
      expect((await ann.visit()).session.reauthenticatedUntil).toBeUndefined();
    });

    test("comes to nothing where the session ends meanwhile", async () => {
      const { kept } = await ann.visit(async (session) => {
        await session.reauthenticate();
        await on.sessions.destroy(session.id ?? "");
      });
      expect(kept).toBe(false);
      expect((await ann.visit()).session.userId).toBeNull();
    });

    test("may count for less than a minute, if that is said with its unit", async () => {
      await ann.visit(async (session) => {
        await expect(async () => session.reauthenticate({ for: 30 })).rejects.toThrow(/`for`.*"30m".*got 30/);
        expect(await session.reauthenticate({ for: "30s" })).toBe(true);
      });
      await ann.visit((session) => {
        expect(session.reauthenticatedUntil).toBe(on.clock.now() + 30_000);
      });
    });

    test.each(["0", -1, Infinity])("refuses the duration %j", async (lasting) => {
      await ann.visit(async (session) => {
        await expect(async () => session.reauthenticate({ for: lasting as never })).rejects.toThrow(TypeError);
      });
    });
  });

  test("reauthenticate of an empty session does nothing", async () => {
    await ann.visit(async (session) => expect(await session.reauthenticate()).toBe(false));
    expect(on.calls).toEqual([]);
  });
});
