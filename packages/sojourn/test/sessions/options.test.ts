import { describe, expect, test } from "vitest";
import { createSessions, InvalidDataError, type Sessions } from "../../src/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

describe("unknown options", () => {
  test.each([
    ["createSessions", { rotateGrace: "1m" }, "rotationGrace"],
    ["maxPerUser", { maxPerUser: { limit: 1, onlimit: "reject" } }, "onLimit"],
    ["require", { require: { durabilty: "power" } }, "durability"],
  ])("are refused by name: %s", (name, options, near) => {
    expect(() => createSessions(options as object)).toThrow(`Expected an option of \`${name}\`, such as \`${near}\``);
  });

  test("are refused by name: create", () => {
    const options = { absoluteTTL: "1h" } as object;
    expect(() => createSessions().create("ann", {}, options)).toThrow("such as `absoluteTtl`");
  });
});

test("a misspelt option of an authentication is refused: a look would extend the session", () => {
  const sessions = createSessions();
  const { token } = sessions.create("ann");
  expect(() => sessions.authenticate(token, { extends: false } as object)).toThrow(
    'Expected an option of `authenticate`, such as `extend`, got "extends"',
  );
  expect(() => sessions.authenticate(undefined, { allowlocked: true } as object)).toThrow("such as `allowLocked`");
  for (const options of [null, true, "extend"]) {
    expect(() => sessions.authenticate(token, options as never)).toThrow(
      "the options of `authenticate` to be an object",
    );
  }
});

describe("lifetimes", () => {
  test.each(["ttl", "absoluteTtl", "anonymousTtl"] as const)(
    "%s: 1800 is not half an hour here, and is refused",
    (name) => {
      expect(() => createSessions({ [name]: 1_800 })).toThrow(/"30m".*got 1800/);
    },
  );

  test("lockAfter: 900 is not a quarter of an hour, nor is a step-up for 300 five minutes", () => {
    expect(() => createSessions({ lockAfter: 900 })).toThrow(
      'Expected `lockAfter` to be a string such as "30m", or at least 60000 milliseconds, got 900',
    );
    const sessions = createSessions({ lockAfter: "15m" });
    const { id, token } = sessions.create("ann");
    expect(() => sessions.reauthenticate(id, { for: 300 })).toThrow(/`for`.*"30m".*got 300/);
    expect(() => sessions.reauthenticate(token, { for: 300, rotate: true })).toThrow(/`for`.*"30m".*got 300/);
    expect(sessions.reauthenticate(id, { for: "30s" })).toBeDefined();
  });

  test.each(["rotationGrace", "refreshThreshold"] as const)(
    "%s may be seconds: 10 is refused, and 0, 1000 and any string are not",
    (name) => {
      expect(() => createSessions({ [name]: 10 })).toThrow(
        `Expected \`${name}\` to be a string such as "10s", or at least 1000 milliseconds, got 10`,
      );
      for (const given of [0, 1_000, "10ms"]) expect(createSessions({ [name]: given })).toBeDefined();
    },
  );

  test("and so is the grace of one rotation", () => {
    const sessions = createSessions();
    const { token } = sessions.create("ann");
    expect(() => sessions.rotate(token, { grace: 30 })).toThrow(/`grace`.*"10s".*got 30/);
    expect(sessions.rotate(token, { grace: 0 })).toBeDefined();
  });

  test("and so it is for one session", () => {
    const sessions = createSessions();
    expect(() => sessions.create("ann", {}, { ttl: 1_800 })).toThrow(/`ttl`.*"30m".*got 1800/);
    expect(() => sessions.create("ann", {}, { absoluteTtl: 1_800 })).toThrow(/`absoluteTtl`.*"30m".*got 1800/);
  });

  test("an absolute lifetime without an end is kept as a safe integer, and re-authentication keeps it one", () => {
    const sessions = createSessions({ absoluteTtl: Number.POSITIVE_INFINITY });
    const { id, absoluteExpiresAt } = sessions.create("ann");
    expect(Number.isSafeInteger(absoluteExpiresAt)).toBe(true);
    expect(absoluteExpiresAt - Date.now()).toBeGreaterThan(999 * 365 * 86_400_000);
    sessions.reauthenticate(id);
    expect(Number.isSafeInteger(sessions.get(id)?.absoluteExpiresAt)).toBe(true);
  });
});

/** For how many milliseconds a session lives if it is not used. */
function lasts(sessions: Sessions<Record<string, unknown>, "sync">, user: string | null): number {
  const { createdAt, expiresAt } = sessions.create(user);
  return expiresAt - createdAt;
}

describe("sessions without a user", () => {
  test("live an hour by default, and no longer than others", () => {
    expect(lasts(createSessions({ ttl: "12h" }), null)).toBe(3_600_000);
    expect(lasts(createSessions({ ttl: "12h" }), "ann")).toBe(43_200_000);
    expect(lasts(createSessions({ ttl: "10m" }), null)).toBe(600_000);
    expect(lasts(createSessions({ ttl: "12h", anonymousTtl: "5m" }), null)).toBe(300_000);
    expect(() => createSessions({ ttl: "10m", anonymousTtl: "11m" })).toThrow(/`anonymousTtl` to be at most `ttl`/);
  });

  test("are extended by their own lifetime", () => {
    const clock = manualClock();
    const sessions = createSessions({ ttl: "12h", clock });
    const { token } = sessions.create(null);
    clock.advance("59m");
    expect(sessions.authenticate(token)?.expiresAt).toBe(clock.now() + 3_600_000);
  });

  test("hold less data, when they start and when they change", () => {
    const sessions = createSessions();
    const large = { text: "x".repeat(16_384) };
    const { id } = sessions.create(null, { text: "x" });
    expect(() => sessions.create(null, large)).toThrow(/at most 16384 characters/);
    expect(() => sessions.update(id, large)).toThrow(InvalidDataError);
    expect(sessions.create("ann", large).data).toEqual(large);
    expect(createSessions({ maxAnonymousDataLength: 20_000 }).create(null, large).data).toEqual(large);
    expect(() => createSessions({ maxAnonymousDataLength: 1 })).toThrow(/`maxAnonymousDataLength`/);
  });
});

test("a misspelt option of a listing or a cleanup is refused: its loop would never end", () => {
  const sessions = createSessions();
  expect(() => sessions.list({ afer: "a" } as object)).toThrow("Expected an option of `list`, such as `after`");
  expect(() => sessions.listByUser("u", { afer: "a" } as object)).toThrow(
    "Expected an option of `listByUser`, such as `after`",
  );
  expect(() => sessions.cleanup({ limits: 1 } as object)).toThrow("Expected an option of `cleanup`, such as `limit`");
});
