/** The laws under every order in which the steps of concurrent calls can fall. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SojournError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../src/sessions/options.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { manualClock, type ManualClock } from "../../src/time/manual-clock.ts";

interface Counter {
  readonly n: number;
}
type Manager = Sessions<Counter, "async">;

const OFF = 600_000;
const increment = ({ n }: Counter): Counter => ({ n: n + 1 });

/** Two managers, as two nodes have them, on one store; each step of each call waits for its turn. */
function nodes(
  s: fc.Scheduler,
  clocks: ManualClock | readonly [ManualClock, ManualClock],
  options: Partial<SessionsOptions<Counter, "async">> = {},
): readonly [Manager, Manager] {
  const shared = memoryStore();
  const [one, two] = "now" in clocks ? [clocks, clocks] : clocks;
  const node = (name: string, clock: ManualClock): Manager => {
    const store = asyncStore(shared, { pause: (point) => s.schedule(Promise.resolve(), `${name} ${point}`) });
    return createSessions<Counter>({ ...options, store, clock });
  };
  return [node("A", one), node("B", two)];
}

/** 1 or -1, as the scheduler chooses. */
async function either(s: fc.Scheduler): Promise<number> {
  return Promise.race([1, -1].map(async (each) => s.schedule(Promise.resolve(each), `${each}`)));
}

async function run<T>(s: fc.Scheduler, work: Promise<T>): Promise<T> {
  await s.waitFor(
    work.then(
      () => undefined,
      () => undefined,
    ),
  );
  return work;
}

const check = (property: (s: fc.Scheduler) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(fc.scheduler(), property), { numRuns: 300 });

describe("in every interleaving", () => {
  test("law 2: once destroy has resolved, no call yields the session, and nothing revives it", async () => {
    await check(async (s) => {
      const clock = manualClock();
      const [a, b] = nodes(s, clock);
      const { token, id } = await run(s, a.create("u", { n: 0 }));
      clock.advance("10m");
      let destroyed = false;
      const late: unknown[] = [];
      const after = async (call: () => Promise<unknown>): Promise<void> => {
        const started = destroyed;
        const answer = await call();
        if (started) late.push(answer);
      };
      const destroy = b.destroy(id).then((ended) => {
        destroyed = true;
        return ended;
      });
      const others = [
        after(async () => a.authenticate(token)).then(async () => after(async () => a.authenticate(token))),
        after(async () => a.update(id, increment)).then(async () => after(async () => b.update(id, increment))),
        after(async () => b.refresh(id)).then(async () => after(async () => a.refresh(id))),
        after(async () => a.rotate(token)).then(async () => after(async () => b.rotate(token))),
      ];
      await run(s, Promise.all([destroy, ...others]));
      expect(await destroy).toBe(true);
      expect(late.every((answer) => answer === undefined)).toBe(true);
      expect(await run(s, Promise.all([a.get(id), b.authenticate(token), a.count()]))).toEqual([
        undefined,
        undefined,
        0,
      ]);
    });
  });

  test("law 3: every update that resolved is in the data, exactly once", async () => {
    await check(async (s) => {
      const clock = manualClock();
      const [a, b] = nodes(s, clock);
      const { id, token } = await run(s, a.create("u", { n: 0 }));
      clock.advance("10m");
      const updates = [a, b, a, b].map(async (node) => node.update(id, increment));
      await run(s, Promise.all([...updates, b.authenticate(token), a.refresh(id), b.rotate(token)]));
      const session = await run(s, a.get(id));
      expect(session).toMatchObject({ data: { n: 4 }, version: 5, expiresAt: clock.now() + 1_800_000 });
    });
  });

  test("law 6: no login that began before destroyByUser resolved outlives it", async () => {
    await check(async (s) => {
      // The clock of the other node is ten minutes ahead, or behind.
      const start = Date.UTC(2030, 0, 2);
      const [a, b] = nodes(s, [manualClock(start), manualClock(start + (await run(s, either(s))) * OFF)]);
      const logins = [a, b, b].map(async (node, n) => node.create("u", { n }).catch((error: unknown) => error));
      const revoked = a.destroyByUser("u");
      const [ended, ...results] = await run(s, Promise.all([revoked, ...logins]));
      const refused = results.filter((result) => result instanceof SojournError).length;
      expect(ended + refused).toBe(3);
      expect(await run(s, a.listByUser("u"))).toEqual([]);
      // What begins after it is let in, on either node.
      await run(s, Promise.all([a.create("u", { n: 3 }), b.create("u", { n: 4 })]));
    });
  });

  test("rotation: all who hold the old token get one and the same successor", async () => {
    await check(async (s) => {
      const clock = manualClock();
      const [a, b] = nodes(s, clock);
      const { token, id } = await run(s, a.create("u", { n: 0 }));
      const rotations = [a, b, a, b].map(async (node) => node.rotate(token));
      const [, ...rotated] = await run(s, Promise.all([a.update(id, increment), ...rotations]));
      const tokens = new Set(rotated.map((session) => session?.token));
      expect(tokens.size).toBe(1);
      expect(await run(s, b.authenticate([...tokens][0]))).toMatchObject({ id, data: { n: 1 } });
    });
  });

  test("rotation: whoever rotates on and on, the first token is theft in the end, and only then", async () => {
    await check(async (s) => {
      const clock = manualClock();
      const [a, b] = nodes(s, clock, { rotationGrace: "10s" });
      const { token: owners, id } = await run(s, a.create("u", { n: 0 }));
      const thief = async (): Promise<string | undefined> => {
        let token: string | undefined = owners;
        for (let n = 0; n < 4; n++) token = (await (n % 2 === 0 ? a : b).rotate(token))?.token;
        return token;
      };
      const meanwhile = async (): Promise<unknown[]> => [
        await b.authenticate(owners),
        await a.update(id, increment),
        await b.authenticate(owners),
      ];
      const [stolen, seen] = await run(s, Promise.all([thief(), meanwhile()]));
      expect(seen.every((session) => session !== undefined)).toBe(true);
      expect(await run(s, a.authenticate(stolen))).toMatchObject({ id, data: { n: 1 } });
      clock.advance("10s");
      const answers = await run(s, Promise.all([a.authenticate(owners), b.rotate(owners)]));
      expect(answers).toEqual([undefined, undefined]);
      expect(await run(s, b.authenticate(stolen))).toBeUndefined();
    });
  });

  test.each(["reject", "evict-oldest"] as const)(
    "maxPerUser, %s: the limit holds once all logins have resolved",
    async (onLimit) => {
      await check(async (s) => {
        const clock = manualClock();
        const [a, b] = nodes(s, clock, { maxPerUser: { limit: 2, onLimit } });
        const logins = [a, b, a, b].map(async (node, n) => node.create("u", { n }).catch((error: unknown) => error));
        const results = await run(s, Promise.all(logins));
        const live = await run(s, a.listByUser("u"));
        expect(live.length).toBeLessThanOrEqual(2);
        const created = results.map((result) => (result as { id?: string }).id).filter((id) => id !== undefined);
        for (const { id } of live) expect(created).toContain(id);
        if (onLimit === "evict-oldest") expect([created.length, live.length]).toEqual([4, 2]);
        // Who was let in stays.
        else expect(live.map(({ id }) => id).toSorted()).toEqual(created.toSorted());
      });
    },
  );
});
