/** The session as what refreshes access tokens: for many tabs at once, and against thieves. */
import { describe, expect, test } from "vitest";
import { handleOf, loggedIn, modes } from "./support/auths.ts";

describe.each(modes)("refreshing: %s", (_, open) => {
  test("a new pair, the same session, with its whole ttl", async () => {
    const { auth, clock, session, pair } = await loggedIn(open);
    clock.advance("15m");
    const next = await auth.refreshToken(pair.refreshToken, { scope: "read" });
    expect(next?.refreshToken).not.toBe(pair.refreshToken);
    expect(next?.accessToken).not.toBe(pair.accessToken);
    expect(await auth.verifyToken(next?.accessToken, { checkSession: true })).toMatchObject({
      sub: "user-42",
      sid: handleOf(session.id),
      scope: "read",
    });
    expect(await auth.getSession(next?.refreshToken)).toMatchObject({
      createdAt: session.createdAt,
      expiresAt: clock.now() + 3_600_000,
      data: session.data,
    });
    expect(await auth.sessions.count()).toBe(1);
  });

  test("a client that refreshes whenever its token expires stays logged in, to the absolute lifetime", async () => {
    const { auth, clock, session, pair } = await loggedIn(open, { sessionAbsoluteTtl: 86_400 });
    let refreshToken: string = pair.refreshToken;
    for (;;) {
      clock.advance("15m");
      const next = await auth.refreshToken(refreshToken);
      if (next === null) break;
      refreshToken = next.refreshToken;
    }
    expect(clock.now()).toBe(session.createdAt + 86_400_000);
  });

  test("64 tabs at once: one successor, and none is logged out", async () => {
    const { auth, pair, ends } = await loggedIn(open);
    const pairs = await Promise.all(Array.from({ length: 64 }, async () => auth.refreshToken(pair.refreshToken)));
    expect(new Set(pairs.map((next) => next?.refreshToken)).size).toBe(1);
    for (const next of pairs) {
      expect(await auth.verifyToken(next?.accessToken, { checkSession: true })).not.toBeNull();
      expect(await auth.getSession(next?.refreshToken)).not.toBeNull();
    }
    expect(await auth.sessions.count()).toBe(1);
    expect(ends).toEqual([]);
  });

  test("a tab that comes late, within the grace, gets the same successor", async () => {
    const { auth, clock, pair } = await loggedIn(open, { rotationGrace: 30 });
    const first = await auth.refreshToken(pair.refreshToken);
    clock.advance(29_999);
    expect((await auth.refreshToken(pair.refreshToken))?.refreshToken).toBe(first?.refreshToken);
  });

  test("a stolen old token after the grace: the session is gone, and one event says so", async () => {
    const { auth, clock, session, pair, ends } = await loggedIn(open, { rotationGrace: 30 });
    const next = await auth.refreshToken(pair.refreshToken);
    clock.advance("30s");
    expect(await auth.refreshToken(pair.refreshToken)).toBeNull();
    expect(await auth.refreshToken(pair.refreshToken)).toBeNull();
    expect(await auth.refreshToken(next?.refreshToken)).toBeNull();
    expect(await auth.getSession(next?.refreshToken)).toBeNull();
    expect(await auth.verifyToken(next?.accessToken)).not.toBeNull();
    expect(await auth.explainToken(next?.accessToken, { checkSession: true })).toEqual({
      valid: false,
      reason: "session-ended",
    });
    expect(ends).toEqual([`${handleOf(session.id)} reuse`]);
  });

  test("the thief first, the owner second: the owner's old token ends it for both", async () => {
    const { auth, clock, pair, ends } = await loggedIn(open);
    const stolen = await auth.refreshToken(pair.refreshToken);
    clock.advance("10s");
    expect(await auth.getSession(pair.refreshToken)).toBeNull();
    expect(await auth.refreshToken(stolen?.refreshToken)).toBeNull();
    expect(ends).toHaveLength(1);
  });

  test("64 uses of the stolen token at once are one event", async () => {
    const { auth, clock, pair, ends } = await loggedIn(open);
    await auth.refreshToken(pair.refreshToken);
    clock.advance("10s");
    const pairs = await Promise.all(Array.from({ length: 64 }, async () => auth.refreshToken(pair.refreshToken)));
    expect(pairs.every((next) => next === null)).toBe(true);
    expect(ends).toHaveLength(1);
  });

  test("nothing but the session's token refreshes", async () => {
    const { auth, session, pair, ends } = await loggedIn(open);
    const handle = handleOf(session.id);
    const wrong = handle + "A".repeat(43);
    for (const text of [handle, wrong, pair.accessToken, "sess_abc123", "", null, undefined]) {
      expect(await auth.refreshToken(text)).toBeNull();
    }
    expect(await auth.getSession(session.id)).not.toBeNull();
    expect(ends).toEqual([]);
  });

  test("after logout there is nothing to refresh", async () => {
    const { auth, pair } = await loggedIn(open);
    await auth.destroySession(pair.refreshToken);
    expect(await auth.refreshToken(pair.refreshToken)).toBeNull();
  });
});
