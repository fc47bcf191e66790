import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { nextSessions, type NextSessions } from "../../../src/web/next.ts";
import { NextVisitor } from "../support/next-headers.ts";
import { KEY, type Data } from "../support/visitor.ts";

const KEPT = Symbol.for("sojourn.next.sessions");
const forget = (): void => void delete (globalThis as { [KEPT]?: unknown })[KEPT];
beforeEach(forget);
afterEach(() => {
  forget();
  vi.unstubAllEnvs();
});

const visitor = new NextVisitor();
const look = async (on: Pick<NextSessions<Data, "sync">, "getSession">): Promise<string | null> =>
  (await visitor.render(on.getSession)).userId;

describe("a function", () => {
  test("is not called at import, and once for all copies of the module", async () => {
    const make = vi.fn<() => Sessions<Data, "sync">>(() => createSessions<Data>());
    // As Next does it: the same module, evaluated for the proxy, for pages and for Route Handlers.
    const copies = [1, 2, 3].map(() => nextSessions({ sessions: make, keys: [KEY] }));
    expect(make).not.toHaveBeenCalled();
    const [proxy, pages, routes] = copies as [
      NextSessions<Data, "sync">,
      NextSessions<Data, "sync">,
      NextSessions<Data, "sync">,
    ];
    await Promise.all([look(proxy), look(pages)]);
    await visitor.act(async () => routes.withSession((session) => session.login("ann")));
    expect(await look(pages)).toBe("ann");
    expect(make).toHaveBeenCalledTimes(1);
  });

  test("has one manager for each name of a cookie", async () => {
    const make = vi.fn<() => Sessions<Data, "sync">>(() => createSessions<Data>());
    await look(nextSessions({ sessions: make, keys: [KEY] }));
    await look(nextSessions({ sessions: make, keys: [KEY], cookie: { name: "admin" } }));
    expect(make).toHaveBeenCalledTimes(2);
  });

  test("one that fails is a store that is down, and is called again by the next request", async () => {
    const cause = new Error("connect ECONNREFUSED");
    const make = vi
      .fn<() => Promise<Sessions<Data, "sync">>>()
      .mockRejectedValueOnce(cause)
      .mockImplementation(async () => createSessions<Data>());
    const on = nextSessions({ sessions: make, keys: [KEY] });
    await expect(look(on)).rejects.toMatchObject({
      code: "store_unavailable",
      digest: "sojourn:store_unavailable",
      cause,
    });
    expect(await look(on)).toBeNull();
  });
});

describe("what next build evaluates", () => {
  test("needs no key", async () => {
    const on = nextSessions({ sessions: () => createSessions<Data>(), keys: [undefined as never] });
    await expect(look(on)).rejects.toThrow("Expected `keys[0]` to be a string of at least 32 bytes");
  });

  test("names an option that is not known, and what is no manager", () => {
    expect(() => nextSessions({ sessions: () => createSessions(), key: [KEY] } as never)).toThrow("such as `keys`");
    expect(() => nextSessions({ sessions: {}, keys: [KEY] } as never)).toThrow(
      "Expected `sessions` to be a session manager, or a function that makes one, got an object",
    );
  });
});

test("within Next, a second manager of a memory store is refused: a login would be unknown to the pages", async () => {
  const copies = [1, 2].map(() => nextSessions({ sessions: createSessions<Data>(), keys: [KEY] }));
  for (const copy of copies) await look(copy);
  vi.stubEnv("NEXT_RUNTIME", "nodejs");
  const [first, second] = [1, 2].map(() => nextSessions({ sessions: createSessions<Data>(), keys: [KEY] }));
  await look(first as NextSessions<Data, "sync">);
  await expect(look(second as NextSessions<Data, "sync">)).rejects.toThrow("Expected `sessions` to be a function");
});
