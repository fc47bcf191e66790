/** What requests make of a session that others use, extend or destroy meanwhile. */
import type { SessionData } from "express-session";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RevokedError } from "../../../src/errors.ts";
import { generate, load, open, stores, written } from "../support/express-session.ts";

const HOUR = 3_600_000;

// Cookies compute their end by the machine's clock, so that is the one that is moved.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1) });
});
afterEach(() => {
  vi.useRealTimers();
});
const advance = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe.each(stores)("over $name", ({ make }) => {
  test("a session that a request has loaded cannot come back by its save or its touch", async () => {
    const store = open(make());
    await store.set("123", written({ user: "ann" }, 60_000));
    const [saved, touched, got] = [await load(store, "123"), await load(store, "123"), await store.get("123")];
    await store.destroy("123");
    saved["late"] = true;
    await store.set("123", saved);
    advance(50_000);
    touched.touch();
    await store.touch("123", touched);
    await store.set("123", got as SessionData);
    expect(await store.get("123")).toBeUndefined();
    // Nor long after, when no mark of the destroy is left.
    advance(2 * HOUR);
    saved["later"] = true;
    saved.touch();
    await store.set("123", saved);
    expect(await store.get("123")).toBeUndefined();
  });

  test("an expired session does not come back by a late save either", async () => {
    const store = open(make());
    await store.set("123", written({}, 60_000));
    const loaded = await load(store, "123");
    advance(60_000);
    loaded["late"] = true;
    loaded.touch();
    await store.set("123", loaded);
    expect(await store.get("123")).toBeUndefined();
  });

  test("two requests that change different fields are both kept, and what both change is the last one's", async () => {
    const store = open(make());
    await store.set("123", written({ kept: 1, gone: 1, both: 1 }));
    const [first, second] = [await load(store, "123"), await load(store, "123")];
    first["a"] = { deep: true };
    first["both"] = "first";
    delete first["gone"];
    second["b"] = 2;
    second["both"] = "second";
    await store.set("123", first);
    await store.set("123", second);
    const stored = { kept: 1, a: { deep: true }, b: 2, both: "second" };
    expect(await store.get("123")).toEqual({ ...stored, cookie: expect.anything() });
    // The object of the first request never saw `b`, and so does not delete it.
    first["again"] = true;
    await store.set("123", first);
    expect(await store.get("123")).toEqual({ ...stored, again: true, cookie: expect.anything() });
  });

  test("a request that changes nothing undoes nothing, though it saves (resave: true)", async () => {
    const store = open(make());
    await store.set("123", written({ n: 1 }));
    const [reads, writes] = [await load(store, "123"), await load(store, "123")];
    writes["n"] = 2;
    await store.set("123", writes);
    await store.set("123", reads);
    expect(await store.get("123")).toMatchObject({ n: 2 });
  });

  test("an object that was not loaded replaces the session", async () => {
    const store = open(make());
    await store.set("123", written({ a: 1 }));
    await store.set("123", written({ b: 2 }));
    expect(await store.get("123")).toEqual({ b: 2, cookie: { originalMaxAge: null } });
  });

  test("a use extends the session, and all and get tell its new end", async () => {
    const store = open(make());
    await store.set("456", written({}, 60_000));
    await store.touch("456", written({}, 90_000));
    const expires = new Date(Date.now() + 90_000).toISOString();
    expect(await store.get("456")).toMatchObject({ cookie: { expires } });
    expect(await store.all()).toMatchObject([{ id: "456", cookie: { expires } }]);
    advance(80_000);
    const loaded = await load(store, "456");
    loaded.cookie.maxAge = 100_000;
    await store.touch("456", loaded);
    expect(await store.get("456")).toMatchObject({ cookie: { originalMaxAge: 100_000 } });
    advance(99_999);
    expect(await store.get("456")).toBeDefined();
    advance(1);
    expect(await store.get("456")).toBeUndefined();
  });

  test("a shorter maxAge ends the session sooner, and stays when the session is used", async () => {
    const store = open(make());
    await store.set("123", written({}, HOUR));
    const loaded = await load(store, "123");
    loaded.cookie.maxAge = 5_000;
    await store.touch("123", loaded);
    advance(4_800);
    const used = await load(store, "123");
    expect(used.cookie.originalMaxAge).toBe(5_000);
    used.touch();
    await store.touch("123", used);
    advance(4_999);
    expect(await store.get("123")).toBeDefined();
    advance(1);
    expect(await store.get("123")).toBeUndefined();
    expect([await store.length(), await store.all()]).toEqual([0, []]);
  });

  test("a use keeps what it changes of the cookie, and nothing else", async () => {
    const store = open(make());
    await store.set("123", written({ n: 1 }, HOUR));
    const strict = await load(store, "123");
    strict.cookie.sameSite = "strict";
    strict["n"] = 2;
    await store.touch("123", strict);
    expect(await store.get("123")).toMatchObject({ n: 1, cookie: { sameSite: "strict", originalMaxAge: HOUR } });

    const endless = await load(store, "123");
    endless.cookie.expires = null;
    await store.touch("123", endless);
    const kept = await store.get("123");
    expect([kept?.cookie.expires, kept?.cookie.originalMaxAge]).toEqual([null, null]);
    advance(24 * HOUR - 1);
    expect(await store.get("123")).toBeDefined();
  });

  test("an end that is given as a date is kept as one", async () => {
    const store = open(make());
    const cookie = { originalMaxAge: null, expires: new Date(Date.now() + HOUR) };
    await store.set("123", { cookie });
    const got = (await store.get("123")) as SessionData;
    got.cookie.expires = new Date(Date.now() + 3 * HOUR);
    await store.touch("123", got);
    advance(3 * HOUR - 1);
    expect(await store.get("123")).toBeDefined();
    advance(1);
    expect(await store.get("123")).toBeUndefined();
  });

  test("a maxAge that one request has changed stays when another one saves", async () => {
    const store = open(make());
    await store.set("123", written({}, HOUR));
    const [forgets, remembers] = [await load(store, "123"), await load(store, "123")];
    remembers.cookie.maxAge = 100 * HOUR;
    await store.touch("123", remembers);
    forgets["seen"] = true;
    forgets.touch();
    await store.set("123", forgets);
    advance(99 * HOUR);
    expect(await store.get("123")).toMatchObject({ seen: true, cookie: { originalMaxAge: 100 * HOUR } });
  });

  test("a new session is stored under the id of a destroyed one, if it began after", async () => {
    const store = open(make());
    await store.set("ticket", written({ user: "ann" }));
    const early = generate(store, "ticket");
    await store.destroy("ticket");
    const later = generate(store, "ticket");
    early["user"] = "early";
    await store.set("ticket", early);
    expect(await store.get("ticket")).toBeUndefined();
    later["user"] = "later";
    later.cookie.maxAge = 60_000;
    await store.set("ticket", later);
    expect(await store.get("ticket")).toMatchObject({ user: "later" });
    // The mark that it has replaced would have lasted longer.
    advance(60_000);
    expect(await store.get("ticket")).toBeUndefined();
  });

  test.each([0, 600_000, -600_000])(
    "the same when another process has destroyed it, whose clock is off by %i ms",
    async (skew) => {
      const inner = make();
      const here = open(inner);
      const there = open(inner, { clock: { now: () => Date.now() + skew } });
      await here.set("ticket", written({ user: "ann" }));
      const early = generate(here, "ticket");
      await there.destroy("ticket");
      // Which of the two came first cannot be told here, so nothing is lost without a word.
      await expect(here.set("ticket", Object.assign(early, { user: "early" }))).rejects.toBeInstanceOf(RevokedError);
      await expect(here.set("ticket", early)).rejects.toBeInstanceOf(RevokedError);
      const later = generate(here, "ticket");
      await here.set("ticket", Object.assign(later, { user: "later" }));
      expect(await here.get("ticket")).toMatchObject({ user: "later" });
      await there.destroy("ticket");
      // A request that still has its cookie has met the mark.
      expect(await here.get("ticket")).toBeUndefined();
      await here.set("ticket", Object.assign(generate(here, "ticket"), { user: "again" }));
      expect(await here.get("ticket")).toMatchObject({ user: "again" });
    },
  );

  test("a generated session that was destroyed before it was stored stays away", async () => {
    const store = open(make());
    const generated = generate(store, "123");
    await store.destroy("123");
    generated["late"] = true;
    await store.set("123", generated);
    expect(await store.get("123")).toBeUndefined();
  });

  test("destroying what was never there keeps nothing out", async () => {
    const inner = make();
    const store = open(inner);
    await store.destroy("123");
    expect(await inner.count(Date.now())).toBe(0);
    await store.set("123", written({ user: "ann" }));
    expect(await store.get("123")).toMatchObject({ user: "ann" });
  });
});
