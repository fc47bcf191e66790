import { memoryStore } from "sojourn";
import { describe, expect, test } from "vitest";
import { said, testApp } from "../../support/test-app.ts";

const LOGIN = { token: "t1", user: "u_42" };

describe("the four routes", () => {
  test("log in, resolve, count, log out, resolve again, count", async () => {
    const { get, post } = testApp();
    expect(await said(post("/sessions", LOGIN))).toBe('201 "ok"');
    expect(await said(get("/sessions/t1"))).toBe('200 "u_42"');
    expect(await said(get("/sessions"))).toBe("200 1");
    expect(await said(post("/sessions/t1/logout"))).toBe("204 ");
    expect(await said(get("/sessions/t1"))).toBe("404 ");
    expect(await said(get("/sessions"))).toBe("200 0");
  });

  test("logging out is idempotent", async () => {
    const { post } = testApp();
    expect(await said(post("/sessions/never/logout"))).toBe("204 ");
    await post("/sessions", LOGIN);
    expect(await said(post("/sessions/t1/logout"))).toBe("204 ");
    expect(await said(post("/sessions/t1/logout"))).toBe("204 ");
  });

  test.each([
    ["has ended", "t1"],
    ["never was", "t2"],
    ["was minted, with another secret", "sess_"],
  ])("a logout waits for the other processes also where its session %s", async (_, path) => {
    const told: string[] = [];
    const store = { ...memoryStore(), propagated: () => void told.push("propagated") };
    const { post, sessions } = testApp({ store });
    await post("/sessions", LOGIN);
    const minted = await sessions.create("u_42");
    await post("/sessions/t1/logout");
    expect(told).toEqual(["propagated"]);
    const token = path === "sess_" ? `${minted.id}${"A".repeat(43)}` : path;
    expect(await said(post(`/sessions/${token}/logout`))).toBe("204 ");
    expect(told).toEqual(["propagated", "propagated"]);
    // It ended nobody else's.
    expect(await sessions.authenticate(minted.token)).toBeDefined();
  });

  test("a session expires at its ttl, although it was read, and is not counted, with no sweep", async () => {
    const { get, post, advance, calls } = testApp({ ttl: "2s" });
    await post("/sessions", LOGIN);
    advance(1_999);
    expect(await said(get("/sessions/t1"))).toBe('200 "u_42"');
    advance(1);
    expect(await said(get("/sessions/t1"))).toBe("404 ");
    expect(await said(get("/sessions"))).toBe("200 0");
    expect(calls).not.toContain("sweep");
  });

  test("a login with the same token restarts the clock, for the new user", async () => {
    const { get, post, advance } = testApp({ ttl: "2s" });
    await post("/sessions", LOGIN);
    advance(1_500);
    expect(await said(post("/sessions", { token: "t1", user: "u_43" }))).toBe('201 "ok"');
    advance(1_500);
    expect(await said(get("/sessions/t1"))).toBe('200 "u_43"');
    expect(await said(get("/sessions"))).toBe("200 1");
  });

  test("reading writes nothing", async () => {
    const { get, post, calls, advance } = testApp();
    await post("/sessions", LOGIN);
    calls.length = 0;
    advance(29 * 60_000);
    await get("/sessions/t1");
    expect(calls).toEqual(["get"]);
  });

  test.each([
    ["a slash, a question mark and a hash", "a/b?c#d"],
    ["a percent sign and a plus", "100%25 + 1"],
    ["128 characters of two units each", "🔑".repeat(128)],
    ["something like a path", "../x/./logout"],
    ["control characters and a backslash", "\u0001\n\\"],
    ["an accent as one character, and as two", "é\u0065\u0301"],
  ])("a token may hold %s", async (_, token) => {
    const { get, post } = testApp();
    const path = `/sessions/${encodeURIComponent(token)}`;
    expect(await said(post("/sessions", { token, user: "u_42" }))).toBe('201 "ok"');
    expect(await said(get(path))).toBe('200 "u_42"');
    expect(await said(get(`${path}?#b`))).toBe('200 "u_42"');
    expect(await said(post(`${path}/logout`))).toBe("204 ");
    expect(await said(get(path))).toBe("404 ");
  });

  test("a user id comes back as it was sent", async () => {
    const { get, post } = testApp();
    const user = 'ü "\\\u2028🙂';
    await post("/sessions", { token: "t1", user });
    expect(await (await get("/sessions/t1")).json()).toBe(user);
  });

  test("a token that the library minted resolves and logs out as well", async () => {
    const { get, post, sessions } = testApp();
    const { token } = await sessions.create("u_42");
    expect(await said(get(`/sessions/${token}`))).toBe('200 "u_42"');
    expect(await said(post(`/sessions/${token}/logout`))).toBe("204 ");
    expect(await said(get(`/sessions/${token}`))).toBe("404 ");
  });

  test("an anonymous session is nobody's", async () => {
    const { get, sessions } = testApp();
    const { token } = await sessions.create(null);
    expect(await said(get(`/sessions/${token}`))).toBe("404 ");
  });
});
