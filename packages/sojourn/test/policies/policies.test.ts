import { describe, expect, test } from "vitest";
import { doctor } from "../../src/policies/doctor.ts";
import { nistAal1, nistAal2, nistAal3, owasp } from "../../src/policies/policies.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe.each([
  { name: "owasp", preset: owasp, ttl: 30 * MINUTE, absoluteTtl: 8 * HOUR, lockAfter: undefined },
  { name: "nistAal1", preset: nistAal1, ttl: 30 * DAY, absoluteTtl: 30 * DAY, lockAfter: undefined },
  { name: "nistAal2", preset: nistAal2, ttl: DAY, absoluteTtl: DAY, lockAfter: HOUR },
  { name: "nistAal3", preset: nistAal3, ttl: 15 * MINUTE, absoluteTtl: 12 * HOUR, lockAfter: undefined },
] as const)("$name", ({ name, preset, ...numbers }) => {
  test("has the numbers of its paragraphs, and cannot be changed", () => {
    expect(createSessions({ ...preset }).policy).toMatchObject(numbers);
    expect(Object.isFrozen(preset)).toBe(true);
  });

  test("violates none of the lifetimes that the doctor holds it against", () => {
    const lifetimes = /NIST 800-63B-4 (2\.|5\.2)|ASVS 7\.3|Session Expiration/;
    const findings = doctor(createSessions({ ...preset }), { against: [name] });
    expect(findings.filter(({ requirement }) => lifetimes.test(requirement))).toEqual([]);
  });

  test("keeps a session that is used until its absolute lifetime, and no longer", () => {
    const clock = manualClock();
    const sessions = createSessions({ ...preset, clock });
    const { token, createdAt } = sessions.create("u");
    const step = (numbers.lockAfter ?? numbers.ttl) / 3;
    for (let at = createdAt + step; at < createdAt + numbers.absoluteTtl; at += step) {
      clock.set(at);
      expect(sessions.authenticate(token)).toBeDefined();
    }
    clock.set(createdAt + numbers.absoluteTtl - 1);
    expect(sessions.authenticate(token)).toBeDefined();
    clock.advance(1);
    expect(sessions.authenticate(token)).toBeUndefined();
  });

  test("lets nobody in who was away for its inactivity timeout", () => {
    const clock = manualClock();
    const sessions = createSessions({ ...preset, clock });
    const { token } = sessions.create("u");
    clock.advance((numbers.lockAfter ?? numbers.ttl) - 1);
    expect(sessions.authenticate(token, { extend: false })).toBeDefined();
    clock.advance(1);
    expect(sessions.authenticate(token)).toBeUndefined();
  });
});

test("at AAL2 an hour's absence locks, and one factor with the session secret brings the user back", () => {
  const clock = manualClock();
  const sessions = createSessions({ ...nistAal2, clock });
  const { token, id } = sessions.create("u");
  clock.advance("1h");
  expect(sessions.authenticate(token)).toBeUndefined();
  expect(sessions.authenticate(token, { allowLocked: true })).toMatchObject({ id, locked: true });
  sessions.reauthenticate(id);
  expect(sessions.authenticate(token)).toMatchObject({ id });
});
