/** Who is told of credentials that let nobody in, and may refuse to look at them. */
import { describe, expect, test } from "vitest";
import { StoreError, TooManyAttemptsError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { faultyStore } from "../../../src/testing/faulty-store.ts";
import type { LookupFailure } from "../../../src/web/cookies/index.ts";
import { setUp, visitor, type Setup } from "../support/visitor.ts";

function watched(): Setup & { readonly failures: LookupFailure[]; readonly asked: (string | undefined)[] } {
  const failures: LookupFailure[] = [];
  const asked: (string | undefined)[] = [];
  const on = setUp({
    bearer: true,
    guard: {
      admits(address) {
        asked.push(address);
        const count = failures.filter((failure) => failure.address === address).length;
        return count < 3 || { retryAfter: 60 };
      },
      failed: (failure) => failures.push(failure),
    },
  });
  return { ...on, failures, asked };
}

describe("a guard", () => {
  test("is told of each credential that let nobody in, without the credential", async () => {
    const on = watched();
    const ann = visitor(on.web);
    await ann.visit((session) => session.login("ann"));
    const cookie = ann.cookie ?? "";
    const forged = `${cookie.slice(0, -4)}AAAA`;
    await ann.visit((session) => session.logout());
    for (const [value, address] of [
      ["__Host-session=x", "a"],
      [forged, "b"],
      [cookie, "c"],
      [`${cookie};${cookie}`, "d"],
    ] as const) {
      const session = await on.web.start({ headers: { cookie: value } }, { address });
      expect(session.userId).toBeNull();
    }
    await on.web.start({ headers: { authorization: "Bearer x" } }, { address: "e" });
    const at = on.clock.now();
    expect(on.failures).toEqual([
      { reason: "malformed", carrier: "cookie", address: "a", at },
      { reason: "forged", carrier: "cookie", address: "b", at },
      { reason: "not-live", carrier: "cookie", address: "c", at },
      { reason: "malformed", carrier: "cookie", address: "d", at },
      { reason: "malformed", carrier: "bearer", address: "e", at },
    ]);
  });

  test("refuses before the store is asked, and not those who present nothing", async () => {
    const on = watched();
    const ann = visitor(on.web);
    await ann.visit((session) => session.login("ann"));
    for (let guesses = 0; guesses < 3; guesses++) {
      await on.web.start({ headers: { cookie: `__Host-session=${guesses}` } }, { address: "6.6.6.6" });
    }
    on.calls.length = 0;
    const headers = { cookie: ann.cookie };
    await expect(async () => on.web.start({ headers }, { address: "6.6.6.6" })).rejects.toMatchObject({
      code: "too_many_attempts",
      status: 429,
      retryAfter: 60,
    });
    expect(on.calls).toEqual([]);
    expect((await on.web.start({ headers: {} }, { address: "6.6.6.6" })).userId).toBeNull();
    expect((await on.web.start({ headers }, { address: "7.7.7.7" })).userId).toBe("ann");
  });

  test("knows the address that Node knows", async () => {
    const on = watched();
    const request = { headers: { cookie: "__Host-session=x" }, socket: { remoteAddress: "10.0.0.1" } };
    await on.web.start(request);
    await on.web.start(request, { address: "10.0.0.2" });
    expect(on.asked).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  test("may refuse without a time, or only listen", async () => {
    const refusing = setUp({ guard: { admits: () => false } });
    await expect(async () => refusing.web.start({ headers: { cookie: "__Host-session=x" } })).rejects.toThrow(
      TooManyAttemptsError,
    );
    const listening = setUp({ guard: { failed: () => {} } });
    expect((await listening.web.start({ headers: { cookie: "__Host-session=x" } })).userId).toBeNull();
  });

  test("hears nothing of a store that is down: that is no guess", async () => {
    const inner = memoryStore();
    const ann = visitor(setUp({ store: inner }).web);
    await ann.visit((session) => session.login("ann"));
    const failures: LookupFailure[] = [];
    const store = faultyStore(inner, [{ call: "get", fault: "fail" }]);
    const down = setUp({ store, guard: { failed: (failure) => failures.push(failure) } });
    await expect(async () => visitor(down.web, ann.cookie).visit()).rejects.toThrow(StoreError);
    expect(failures).toEqual([]);
  });
});
