/** The session calls as functions, and their configuration. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { configuredSessions } from "../../src/auth/configured-sessions.ts";
import * as standalone from "../../src/auth/index.ts";
import type { Session } from "../../src/auth/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";
import { handleOf } from "./support/auths.ts";

const opened = () => {
  const clock = manualClock();
  return { clock, ...configuredSessions({ clock }) };
};

describe("the configuration", () => {
  test("its defaults", () => {
    expect(opened().getSessionConfig()).toEqual({
      ttl: 3_600,
      refreshThreshold: 300,
      cookieName: "session_id",
      secure: true,
      sameSite: "Lax",
    });
  });

  test("a field that is not given, or undefined, stays", () => {
    const { setSessionConfig, getSessionConfig } = opened();
    setSessionConfig({ ttl: 7_200 });
    setSessionConfig({ sameSite: "Strict", ttl: undefined });
    expect(getSessionConfig()).toMatchObject({ ttl: 7_200, sameSite: "Strict", refreshThreshold: 300 });
  });

  test("what is handed out cannot be used to change it", () => {
    const { getSessionConfig } = opened();
    expect(() => Object.assign(getSessionConfig(), { ttl: 1 })).toThrow(TypeError);
    expect(getSessionConfig().ttl).toBe(3_600);
  });

  test.each([
    [{ ttl: 0 }, "ttl"],
    [{ ttl: -5 }, "ttl"],
    [{ ttl: Number.NaN }, "ttl"],
    [{ ttl: Number.POSITIVE_INFINITY }, "ttl"],
    [{ ttl: "1h" }, "ttl"],
    [{ ttl: null }, "ttl"],
    [{ refreshThreshold: -1 }, "refreshThreshold"],
    [{ refreshThreshold: "300" }, "refreshThreshold"],
    [{ cookieName: "" }, "cookieName"],
    [{ cookieName: "a b" }, "cookieName"],
    [{ cookieName: "a;b" }, "cookieName"],
    [{ cookieName: 1 }, "cookieName"],
    [{ secure: "yes" }, "secure"],
    [{ sameSite: "lax" }, "sameSite"],
    [{ sameSite: true }, "sameSite"],
    [{ sameSite: "None", secure: false }, "secure"],
    [{ tll: 60 }, "tll"],
    [{ toString: 1 }, "toString"],
    [null, "object"],
    ["text", "object"],
  ])("%j is refused, with its name, and changes nothing", (changes, named) => {
    const { setSessionConfig, getSessionConfig } = opened();
    const before = getSessionConfig();
    const change = (): void => setSessionConfig({ ttl: 60, ...(changes as object) });
    const call = typeof changes === "object" && changes !== null ? change : () => setSessionConfig(changes as never);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(named);
    expect(getSessionConfig()).toBe(before);
  });

  test("a ttl counts for sessions created afterwards; one that exists keeps its own, also when refreshed", () => {
    const { clock, createSession, getSession, refreshSession, setSessionConfig } = opened();
    const old = createSession("user-42");
    setSessionConfig({ ttl: 7_200 });
    const young = createSession("user-42");
    expect(old.expiresAt - clock.now()).toBe(3_600_000);
    expect(young.expiresAt - clock.now()).toBe(7_200_000);
    clock.advance("30m");
    expect(getSession(old.id)?.expiresAt).toBe(old.expiresAt);
    expect((refreshSession(old.id)?.expiresAt ?? 0) - clock.now()).toBe(3_600_000);
    expect((refreshSession(young.id)?.expiresAt ?? 0) - clock.now()).toBe(7_200_000);
  });

  test.each([
    [300_000, 300, false],
    [299_999, 300, true],
    [600_000, 600, false],
    [599_999, 600, true],
    [1, 0, false],
  ])("with %i ms left and a threshold of %i s, getSession extends: %s", (left, refreshThreshold, extended) => {
    const { clock, createSession, getSession, setSessionConfig } = opened();
    const { id, expiresAt } = createSession("user-42");
    // At once, for sessions that exist as well.
    setSessionConfig({ refreshThreshold });
    clock.set(expiresAt - left);
    expect(getSession(id)?.expiresAt).toBe(extended ? clock.now() + 3_600_000 : expiresAt);
  });

  test("a ttl of more than 30 days is an absolute lifetime too", () => {
    const { clock, createSession, refreshSession, setSessionConfig } = opened();
    setSessionConfig({ ttl: 40 * 86_400 });
    const { id, expiresAt } = createSession("user-42");
    expect(expiresAt - clock.now()).toBe(40 * 86_400_000);
    clock.advance("1d");
    expect(refreshSession(id)?.expiresAt).toBe(expiresAt);
  });

  test("a change in between does not make the manager forget its logouts", () => {
    const { createSession, destroyAllUserSessions, setSessionConfig } = opened();
    createSession("user-42");
    destroyAllUserSessions("user-42");
    setSessionConfig({ ttl: 60 });
    expect(createSession("user-42").userId).toBe("user-42");
  });
});

test("expired: absent at its instant, and cleaned up", () => {
  const { clock, ...sessions } = opened();
  const { id, expiresAt } = sessions.createSession("user-42");
  clock.set(expiresAt);
  expect(sessions.getSession(id)).toBeNull();
  expect(sessions.refreshSession(id)).toBeNull();
  expect(sessions.cleanupExpiredSessions()).toBe(1);
});

test("the exported functions share one manager", () => {
  const {
    cleanupExpiredSessions,
    createSession,
    destroyAllUserSessions,
    destroySession,
    getSession,
    getSessionConfig,
    getUserSessions,
    refreshSession,
    setSessionConfig,
    updateSession,
  } = standalone;
  expectTypeOf(createSession).returns.toEqualTypeOf<Session>();
  expectTypeOf(getSession).returns.toEqualTypeOf<Session | null>();
  setSessionConfig({ ttl: 7_200, refreshThreshold: 600, cookieName: "session_id", secure: true, sameSite: "Lax" });
  expect(getSessionConfig()).toMatchObject({ ttl: 7_200, refreshThreshold: 600 });
  const session = createSession("user-42", { role: "admin" });
  expect(session.expiresAt - session.createdAt).toBe(7_200_000);
  expect(getSession(session.id)).toEqual(session);
  expect(refreshSession(session.id)?.id).toBe(session.id);
  expect(updateSession(session.id, { role: "moderator" })?.data.role).toBe("moderator");
  expect(getUserSessions("user-42").map(({ id }) => id)).toEqual([handleOf(session.id)]);
  expect(destroySession(session.id)).toBe(true);
  createSession("user-42");
  expect(destroyAllUserSessions("user-42")).toBe(1);
  expect(cleanupExpiredSessions()).toBe(0);
});
