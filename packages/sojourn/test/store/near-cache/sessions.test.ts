/** Sessions on two nodes, each with a near cache: what a logout waits for, and what an older copy may not decide. */
import { describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../../src/sessions/options.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { nearCache, type NearCacheOptions } from "../../../src/store/near-cache/near-cache.ts";
import { manualClock, manualTimer } from "../../../src/testing/index.ts";
import type { HeldLink } from "./support/held-link.ts";
import { SharedStore } from "./support/shared-store.ts";

interface Data {
  readonly n?: number;
}
type Manager = Sessions<Data, "async">;
type Options = Partial<Omit<SessionsOptions<Data, "async">, "store" | "clock">>;

interface Node {
  readonly sessions: Manager;
  readonly link: HeldLink;
  gets(): number;
}

async function world(options: Options = {}, near: NearCacheOptions = {}) {
  const space = new SharedStore();
  const clock = manualClock();
  const timer = manualTimer();
  const node = (): Node => {
    const { store, link, gets } = space.node();
    const cached = nearCache(store, { ...near, timer, clock });
    return { sessions: createSessions<Data>({ ...options, store: cached, clock }), link, gets };
  };
  async function pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left--) {
      timer.advance(1);
      clock.advance(1);
      await turn();
    }
  }
  /** How long a call takes, in milliseconds; and what it answers. */
  async function timed<T>(call: Promise<T>): Promise<{ readonly answer: T | Error; readonly waited: number }> {
    const start = timer.elapsed();
    const ends: number[] = [];
    const made = call
      .catch((error: unknown) => error as Error)
      .then((answer) => {
        ends.push(timer.elapsed());
        return answer;
      });
    await turn();
    while (ends.length === 0) await pass(1);
    return { answer: await made, waited: Math.ceil((ends[0] ?? start) - start) };
  }
  const [a, b] = [node(), node()];
  // Once something was asked for, the heart beats, and copies are served.
  for (const { sessions } of [a, b]) await sessions.authenticate("nobody");
  await turn();
  return { a, b, clock, pass, timed };
}

/** Everything that is on its way arrives. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** 200 ms, and a thousandth for clocks of different speed. */
const PROPAGATED = 201;

describe("strict: a call that ends a session resolves when no other node lets it in", () => {
  const endings: Readonly<
    Record<
      string,
      { options?: Options; token?: string; end: (node: Manager, id: string, token: string) => Promise<unknown> }
    >
  > = {
    destroy: { end: async (node, id) => node.destroy(id) },
    destroyByUser: { end: async (node) => node.destroyByUser("ann") },
    rotate: { options: { rotationGrace: 0 }, end: async (node, _, token) => node.rotate(token) },
    "a login that replaces it": {
      token: "adopted",
      end: async (node) => node.create("bob", {}, { token: "adopted" }),
    },
    "a login beyond the limit": {
      options: { maxPerUser: { limit: 1, onLimit: "evict-oldest" } },
      end: async (node) => node.create("ann"),
    },
  };

  test.each(Object.entries(endings))("%s", async (_, { options, token: adopted, end }) => {
    const { a, b, timed, clock } = await world(options);
    const events: string[] = [];
    for (const type of ["ended", "rotated"] as const) b.sessions.on(type, ({ at }) => events.push(`${type} ${at}`));
    const { id, token } = await a.sessions.create("ann", {}, adopted === undefined ? {} : { token: adopted });
    await a.sessions.authenticate(token);
    const start = clock.now();
    a.link.hold();
    const call = timed(end(b.sessions, id, token));
    await turn();
    expect(events.length).toBe(1);
    expect(events[0]).toMatch(`${start}`);
    // The change is not known here yet.
    expect(await a.sessions.authenticate(token)).toMatchObject({ userId: "ann" });
    const { waited } = await call;
    expect(waited).toBe(PROPAGATED);
    // A token that was replaced ends its session, which takes its time as well.
    expect((await timed(a.sessions.authenticate(token))).answer).toSatisfy(
      (answer: { readonly userId?: string } | undefined) => answer?.userId !== "ann",
    );
  });

  test("the use of a replaced token after its grace, which ends the session", async () => {
    const { a, b, timed, pass } = await world({ rotationGrace: "1s" });
    const { token } = await a.sessions.create("ann");
    const rotated = await timed(a.sessions.rotate(token));
    const next = (rotated.answer as { readonly token: string }).token;
    await pass(1_000);
    await b.sessions.authenticate(next);
    b.link.hold();
    const { answer, waited } = await timed(a.sessions.authenticate(token));
    expect(answer).toBeUndefined();
    expect(waited).toBe(PROPAGATED);
    expect(await b.sessions.authenticate(next)).toBeUndefined();
  });

  test("a login that is refused at the limit, when somebody may have used it", async () => {
    const { a, b, timed } = await world({ maxPerUser: { limit: 1, onLimit: "reject" } });
    const [one, two] = await Promise.all([
      timed(a.sessions.create("ann", {}, { token: "one" })),
      timed(b.sessions.create("ann", {}, { token: "two" })),
    ]);
    const refused = [one, two].filter(({ answer }) => answer instanceof Error);
    expect(refused.length).toBeGreaterThan(0);
    for (const { waited } of refused) expect(waited).toBeGreaterThanOrEqual(PROPAGATED);
  });

  test("also a call that finds nothing: it may repeat one whose reply was lost, or come beside another", async () => {
    const { a, b, timed } = await world();
    const { id, token } = await a.sessions.create("ann");
    await b.sessions.authenticate(token);
    b.link.hold();
    const [first, second] = await Promise.all([timed(a.sessions.destroy(id)), timed(a.sessions.destroy(id))]);
    expect([first.answer, second.answer]).toEqual([true, false]);
    expect(second.waited).toBeGreaterThanOrEqual(PROPAGATED);
    expect(await b.sessions.authenticate(token)).toBeUndefined();
    expect((await timed(a.sessions.destroyByUser("ann"))).waited).toBe(PROPAGATED);
  });

  test("a repeated rotation, whose new token must be known everywhere", async () => {
    const { a, b, timed } = await world();
    const { token } = await a.sessions.create("ann");
    await timed(a.sessions.rotate(token));
    expect((await timed(b.sessions.rotate(token))).waited).toBe(PROPAGATED);
  });

  test("nothing else waits", async () => {
    const { a, timed } = await world({ maxPerUser: { limit: 3, onLimit: "evict-oldest" } });
    const { id, token } = await a.sessions.create("ann", { n: 1 });
    const calls: readonly (() => Promise<unknown>)[] = [
      async () => a.sessions.create("ann"),
      async () => a.sessions.authenticate(token),
      async () => a.sessions.authenticate("unknown"),
      async () => a.sessions.rotate("unknown"),
      async () => a.sessions.get(id),
      async () => a.sessions.refresh(id),
      async () => a.sessions.update(id, { n: 2 }),
      async () => a.sessions.reauthenticate(id),
      async () => a.sessions.destroy("no id"),
      async () => a.sessions.listByUser("ann"),
      async () => a.sessions.cleanup(),
    ];
    for (const call of calls) expect((await timed(call())).waited).toBe(0);
  });

  test("without strict nothing waits, and a session is let in elsewhere for less than maxStale", async () => {
    const { a, b, timed, pass } = await world({}, { strict: false });
    const { id, token } = await a.sessions.create("ann");
    await b.sessions.authenticate(token);
    b.link.hold();
    expect(await timed(a.sessions.destroy(id))).toEqual({ answer: true, waited: 0 });
    expect(await b.sessions.authenticate(token)).toBeDefined();
    await pass(200);
    expect(await b.sessions.authenticate(token)).toBeUndefined();
  });
});

describe("an older copy turns nobody away", () => {
  test("a new token is known where the copy has only the one before", async () => {
    const { a, b } = await world({}, { strict: false });
    const { token } = await a.sessions.create("ann");
    await b.sessions.authenticate(token);
    b.link.hold();
    const rotated = await a.sessions.rotate(token);
    expect(await b.sessions.authenticate(rotated?.token)).toBeDefined();
    b.link.release();
    await b.sessions.authenticate(rotated?.token);
    b.link.hold();
    const again = await a.sessions.rotate(rotated?.token);
    expect(await b.sessions.rotate(again?.token)).toBeDefined();
  });

  test("a change that the copy does not allow is made of what is there", async () => {
    const { a, b } = await world({}, { strict: false });
    const { id, token } = await a.sessions.create("ann", { n: 1 });
    await b.sessions.authenticate(token);
    b.link.hold();
    await a.sessions.update(id, { n: 2 });
    const seen: unknown[] = [];
    const conflicts: unknown[] = [];
    b.sessions.on("conflicted", (event) => conflicts.push(event));
    const changed = await b.sessions.update(id, (data) => {
      const { n } = data as { readonly n: number };
      seen.push(n);
      if (n === 1) throw new RangeError("too little");
      return { n: n + 1 };
    });
    expect(seen).toEqual([1, 2]);
    expect(changed?.data).toEqual({ n: 3 });
    // One from an old copy that only loses its turn is no conflict of two at once.
    await a.sessions.update(id, { n: 7 });
    await b.sessions.authenticate(token);
    await a.sessions.update(id, { n: 8 });
    const last = await b.sessions.update(id, (data) => ({ n: (data as { readonly n: number }).n + 1 }));
    expect(last?.data).toEqual({ n: 9 });
    expect(conflicts).toEqual([]);
  });

  test("a session that was unlocked, or used, elsewhere is not locked", async () => {
    const { a, b, clock } = await world({ lockAfter: "5m" }, { strict: false });
    const { id, token } = await a.sessions.create("ann");
    await b.sessions.authenticate(token);
    b.link.hold();
    clock.advance("4m");
    await a.sessions.authenticate(token);
    clock.advance("2m");
    expect(await b.sessions.authenticate(token)).toBeDefined();
    clock.advance("10m");
    expect(await a.sessions.authenticate(token)).toBeUndefined();
    await a.sessions.reauthenticate(id);
    expect(await b.sessions.authenticate(token)).toBeDefined();
    expect(await b.sessions.refresh(id)).toBeDefined();
  });

  test("nor does it end what has begun anew under its id", async () => {
    const { a, b, clock } = await world({ rotationGrace: "1ms" }, { strict: false });
    await a.sessions.create("ann", {}, { token: "adopted" });
    await a.sessions.rotate("adopted");
    await b.sessions.authenticate("adopted");
    b.link.hold();
    await a.sessions.create("bob", {}, { token: "adopted" });
    clock.advance(1);
    expect(await b.sessions.authenticate("adopted")).toMatchObject({ userId: "bob" });
  });

  test("a wrong secret costs one look at the store, and stays wrong", async () => {
    const { a } = await world();
    const { id, token } = await a.sessions.create("ann");
    await a.sessions.authenticate(token);
    const before = a.gets();
    expect(await a.sessions.authenticate(id + "A".repeat(43))).toBeUndefined();
    expect(a.gets()).toBe(before + 1);
  });
});

test("no update is lost to an older copy that looks as if nothing were to do", async () => {
  const { a, b } = await world();
  const { id } = await a.sessions.create("ann", { n: 1 });
  await b.sessions.get(id);
  b.link.hold();
  await a.sessions.update(id, { n: 2 });
  expect(await b.sessions.update(id, { n: 1 })).toMatchObject({ data: { n: 1 }, version: 3 });
  expect(await a.sessions.get(id)).toMatchObject({ data: { n: 1 }, version: 3 });
});

test("a repeated authentication asks nothing and parses nothing", async () => {
  const { a, pass } = await world();
  const { token } = await a.sessions.create("ann", { n: 1 });
  await a.sessions.authenticate(token);
  await pass(1);
  const session = await a.sessions.authenticate(token);
  const before = a.gets();
  for (let turn = 0; turn < 100; turn++) expect(await a.sessions.authenticate(token)).toBe(session);
  expect(a.gets()).toBe(before);
});

test("the extension of a session is seen by the node that made it: one write in a refresh window", async () => {
  const { a, clock } = await world();
  const { token, expiresAt } = await a.sessions.create("ann");
  const extended: number[] = [];
  a.sessions.on("refreshed", ({ session }) => extended.push(session.expiresAt));
  await a.sessions.authenticate(token);
  clock.advance("10m");
  for (let turn = 0; turn < 100; turn++) await a.sessions.authenticate(token);
  expect(extended).toEqual([expiresAt + 600_000]);
});

test("who requires answers that are never old is told at the start", () => {
  const near = nearCache(new SharedStore().node().store);
  expect(() => createSessions({ store: near, require: { staleMs: 0 } })).toThrow("answers at most 0 ms old");
  expect(createSessions({ store: near, require: { staleMs: 200 } }).guarantees.staleMs).toBe(200);
});
