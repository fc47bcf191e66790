/**
 * Random and mutated credentials: nothing throws, nothing is accepted, and no store is asked.
 *
 * The default run tries 250,000; `SOJOURN_FUZZ=1000000` tries a million, `SOJOURN_FUZZ_SEED` other ones.
 */
import { expect, test } from "vitest";
import { authorizationHeader, cookieHeader, random } from "../support/fuzz.ts";
import { setUp, visitor } from "../support/visitor.ts";

const COUNT = Number(process.env["SOJOURN_FUZZ"] ?? 250_000);
const SEED = Number(process.env["SOJOURN_FUZZ_SEED"] ?? 20_261_120);

test(`${COUNT} random and mutated Cookie and Authorization headers`, { timeout: 600_000 }, async () => {
  const reasons = { malformed: 0, forged: 0, "not-live": 0 };
  const on = setUp({ bearer: true, guard: { failed: ({ reason }) => reasons[reason]++ } });
  const browser = visitor(on.web);
  await browser.visit((session) => session.login("ann"));
  const cookie = browser.cookie ?? "";
  const api = await visitor(on.again({ cookie: false })).visit((session) => session.login("ann"));
  const authorization = api.headers.get("Authorization") ?? "";
  const right = [cookie.slice(cookie.indexOf("sess_")), authorization.slice(authorization.indexOf("sess_"))];
  const from = random(SEED);
  let refused = 0;
  let untouched = 0;
  for (let count = 0; count < COUNT; count++) {
    const headers =
      from.below(2) === 0
        ? { cookie: cookieHeader(cookie, from) }
        : { authorization: authorizationHeader(authorization, from) };
    on.calls.length = 0;
    const session = on.web.start({ headers });
    if (session instanceof Promise) throw new TypeError("Expected a synchronous store");
    // A mutation may leave the credential whole, with something around it: then, and only then, may it count.
    const text = Object.values(headers).join();
    if (right.some((credential) => text.includes(credential))) untouched++;
    else {
      refused++;
      if (session.userId !== null || on.calls.length > 0)
        expect.fail(`accepted, or looked up: ${JSON.stringify(headers)}`);
    }
    session.set("a", 1);
    if (session.data["a"] !== 1) expect.fail("a refused credential leaves an empty session");
  }
  expect(refused).toBeGreaterThan(COUNT * 0.75);
  expect(refused + untouched).toBe(COUNT);
  // Enough of them have the shape of a credential, and only their signature is wrong.
  expect(reasons.forged).toBeGreaterThan(COUNT * 0.05);
  expect(reasons.malformed).toBeGreaterThan(COUNT * 0.2);
  expect(reasons["not-live"]).toBe(0);
  expect(await on.sessions.count()).toBe(2);
});
