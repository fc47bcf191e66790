/** One request and its answer, whatever framework answers. */
import { describe, expect, test } from "vitest";
import { TooManyAttemptsError, StoreError } from "../../../src/errors.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { exchange, faultResponse } from "../../../src/web/fetch/exchange.ts";
import { setUp, stores, type Data, type Setup } from "../support/visitor.ts";

const request = (): Request => new Request("https://app.test/", { method: "POST" });
const refuse = (error: unknown): Response => new Response(String(error), { status: 599 });

type Answer = Parameters<typeof exchange<Data, Mode>>[1];

async function answered(on: Setup, answer: Answer): Promise<Response> {
  return exchange<Data, Mode>(() => on.web.start(request()), answer, refuse);
}

describe.each(stores)("an exchange, on %s", (_, open) => {
  test("commits to the response, also to one whose headers cannot be changed", async () => {
    const on = setUp({ store: open() });
    const own = new Response("ok", { headers: { "Set-Cookie": "theme=dark" } });
    expect(await answered(on, async (session) => (await session.login("ann"), own))).toBe(own);
    expect(own.headers.getSetCookie()).toEqual(["theme=dark", expect.stringMatching(/^__Host-session=/)]);
    const moved = await answered(on, async (session) => {
      await session.login("ann");
      return Response.redirect("https://app.test/home", 303);
    });
    expect(moved.status).toBe(303);
    expect(moved.headers.get("location")).toBe("https://app.test/home");
    expect(moved.headers.getSetCookie()).toHaveLength(1);
  });

  test("where nothing is answered, a session that began ends, and what was thrown is thrown", async () => {
    const on = setUp({ store: open() });
    const thrown = new Error("on purpose");
    const answer = answered(on, async (session) => {
      await session.login("ann");
      throw thrown;
    });
    await expect(answer).rejects.toBe(thrown);
    expect(await on.sessions.count()).toBe(0);
  });

  test("where the commit fails, the body's source ends, and the request is refused", async () => {
    const on = setUp({ store: open(), manager: { maxDataLength: 50 } });
    let ended: unknown;
    const body = new ReadableStream({
      cancel(reason) {
        ended = reason;
        throw new Error("of no interest");
      },
    });
    const answer = await answered(on, (session) => (session.set("n", "x".repeat(100)), new Response(body)));
    expect(answer.status).toBe(599);
    expect(ended).toMatchObject({ code: "invalid_data" });
    expect(await on.sessions.count()).toBe(0);
  });
});

describe("a fault's response", () => {
  test("shows a message that is the client's business, and no other", async () => {
    const fault = faultResponse(new StoreError("store_unavailable", "redis://10.0.0.7 is gone"));
    expect(fault.status).toBe(503);
    expect(fault.headers.get("cache-control")).toBe("no-store");
    expect(await fault.text()).toBe("The session cannot be read or saved now. Please try again.");
    const guess = faultResponse(new TooManyAttemptsError("Too many", 30));
    expect([guess.status, guess.headers.get("retry-after"), await guess.text()]).toEqual([429, "30", "Too many"]);
  });

  test("is made by the fields: a bundle may hold another copy of the classes", () => {
    expect(faultResponse({ code: "store_unavailable", status: 503, expose: false, message: "" }).status).toBe(503);
  });

  test.each([new TypeError("a mistake"), undefined, null, "text", { status: 503 }])(
    "%s is thrown as it is",
    (error) => {
      let thrown: unknown = "nothing";
      try {
        faultResponse(error);
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown).toBe(error);
    },
  );
});
