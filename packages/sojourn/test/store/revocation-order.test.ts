import { describe, expect, test, vi } from "vitest";
import { revocationOrder, type Refused, type RevocationOrder } from "../../src/store/revocation-order.ts";
import type { Put } from "../../src/store/store.ts";
import { manualClock, manualTimer, type ManualClock } from "../../src/testing/index.ts";
import { play, type MakeOrder, type Profile, type Tally } from "./support/revocation-world.ts";

/** How many worlds of each kind are played, in thousands: `SOJOURN_TEST_LONG=50 npx vitest run …`. */
const THOUSANDS = Number(process.env["SOJOURN_TEST_LONG"] ?? 1);
vi.setConfig({ testTimeout: 60_000 * THOUSANDS });

const STORED = { outcome: "stored", removed: [] } as const;
const refused = (number: number, ago?: number): Refused => ({ outcome: "refused", number, ago });

/** A worker, whose timer and date move as they are told. */
function bench(options: { readonly lifetime?: number } = {}) {
  const [timer, clock] = [manualTimer(), manualClock()];
  const order = revocationOrder({ shards: 2, timer, clock, deadline: 1_000, ...options });
  const pass = (ms: number): void => {
    timer.advance(ms);
    clock.advance(ms);
  };
  return { order, timer, clock, pass };
}

/** Answers one after the other, and what each was asked with. */
function answers(...script: readonly (() => Put | Refused)[]) {
  const seen: number[] = [];
  const send = async (number: number): Promise<never> => {
    seen.push(number);
    return script[seen.length - 1]!() as never;
  };
  return { send, seen };
}

describe("a put that a revocation stands against", () => {
  test("is made again with its number, if that ran longer ago than the creation began", async () => {
    const { order, pass } = bench();
    const begun = order.begin();
    pass(3);
    const { send, seen } = answers(
      () => refused(7, 5),
      () => STORED,
    );
    expect(await order.put(0, begun, send)).toEqual(STORED);
    expect(seen).toEqual([0, 7]);
  });

  test("is refused at once, if that ran after the creation had begun", async () => {
    const { order, pass } = bench();
    const begun = order.begin();
    pass(5);
    const { send, seen } = answers(() => refused(7, 3));
    expect(await order.put(0, begun, send)).toEqual({ outcome: "revoked" });
    expect(seen).toEqual([0]);
  });

  test("is refused, if it cannot be told how long ago that ran; what begins next is let in", async () => {
    const { order } = bench();
    expect(await order.put(0, order.begin(), answers(() => refused(7)).send)).toEqual({ outcome: "revoked" });
    const { send, seen } = answers(() => STORED);
    await order.put(0, order.begin(), send);
    await order.put(1, order.begin(), send).catch(() => undefined);
    // The other shard has numbers of its own.
    expect(seen).toEqual([7, 0]);
  });

  test("is sent three times, as it was, while slow answers prove nothing", async () => {
    const { order, pass } = bench();
    // It ran 20 ms before the beginning; each put takes 5 ms there, and as a rule 25 ms back.
    let arrives = 5;
    const answer = (back: number) => (): Refused => {
      pass(5 + back);
      const ago = arrives + 20;
      arrives += 5 + back;
      return refused(7, ago);
    };
    const quick = answers(answer(25), answer(25), answer(10), () => STORED);
    expect(await order.put(0, order.begin(), quick.send)).toEqual(STORED);
    expect(quick.seen).toEqual([0, 0, 0, 7]);
    arrives = 5;
    const slow = answers(answer(25), answer(25), answer(25));
    expect(await order.put(1, order.begin(), slow.send)).toEqual({ outcome: "revoked" });
    expect(slow.seen).toEqual([0, 0, 0]);
  });

  test("is not sent again after the deadline", async () => {
    const { order, pass } = bench();
    const { send, seen } = answers(() => {
      pass(1_000);
      return refused(7, 900);
    });
    expect(await order.put(0, order.begin(), send)).toEqual({ outcome: "revoked" });
    expect(seen).toHaveLength(1);
  });

  test.each([
    ["the machine slept, and its timer with it", (clock: ManualClock) => clock.advance(600_000)],
    ["its date was set back", (clock: ManualClock) => clock.set(clock.now() - 600_000)],
  ])("is refused where %s while it was on its way", async (_, disturb) => {
    const { order, clock, pass } = bench();
    const begun = order.begin();
    const answer = (): Refused => {
      pass(1);
      return refused(7, 300_000);
    };
    const { send } = answers(() => (disturb(clock), answer()), answer, answer);
    expect(await order.put(0, begun, send)).toEqual({ outcome: "revoked" });
  });

  test("is not even sent, once its beginning is older than what is remembered", async () => {
    const { order, pass } = bench({ lifetime: 60_000 });
    const begun = order.begin();
    pass(59_999);
    expect(await order.put(0, begun, answers(() => STORED).send)).toEqual(STORED);
    pass(1);
    const { send, seen } = answers();
    expect(await order.put(0, begun, send)).toEqual({ outcome: "revoked" });
    expect(seen).toEqual([]);
  });
});

test.each([
  [0, 5],
  [40, 40],
  [3_000, 100],
])("a revocation that took %i ms resolves %i ms later, and is known from then on", async (took, wait) => {
  const { order, timer, pass } = bench();
  let isOver = false;
  const revoking = order.revoke(async () => {
    pass(took);
    return { numbers: [3, 4], answer: "done" };
  });
  void revoking.then(() => (isOver = true));
  await vi.waitFor(() => expect(timer.elapsed()).toBe(took));
  await new Promise(setImmediate);
  timer.advance(wait - 1);
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  timer.advance(1);
  expect(await revoking).toBe("done");
  expect(order.begin().seen).toEqual([3, 4]);
});

const calm: Profile = {
  name: "one room, right clocks",
  distance: [0.1, 0.3],
  jitter: 0.1,
  stall: 0,
  skew: 0,
  pause: 0,
  sleep: 0,
  workerStep: 0,
  serverStep: 0,
  failover: 0,
  shards: 1,
};
const rough = { jitter: 0.3, stall: 0.05, skew: 1_000, pause: 0.2 };
const profiles: readonly Profile[] = [
  calm,
  { ...calm, ...rough, name: "clocks half a second off, stalls and pauses" },
  { ...calm, ...rough, name: "four shards, each with a clock of its own", shards: 4, distance: [0.1, 2] },
  { ...calm, ...rough, name: "workers far apart", distance: [0.2, 80], jitter: 2 },
  { ...calm, ...rough, name: "dates a day off, and machines that sleep", skew: 90_000_000, sleep: 0.3, stall: 0.2 },
  { ...calm, ...rough, name: "dates a day off, and set while it goes on", skew: 90_000_000, workerStep: 0.3 },
  { ...calm, ...rough, name: "a failover in half of all", failover: 0.5, stall: 0.1 },
];

async function playAll(profile: Profile, makeOrder: MakeOrder = revocationOrder): Promise<Tally> {
  const sum: Tally = { logins: 0, stored: 0, survived: 0, lockedOut: 0, stuck: 0 };
  for (let seed = 1; seed <= 1_000 * THOUSANDS; seed++) {
    const tally = await play(profile, seed, makeOrder);
    for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally[key];
  }
  return sum;
}

/** The workers' code with one thing changed. */
const changed =
  (put: (order: RevocationOrder) => RevocationOrder["put"]): MakeOrder =>
  (options) => {
    const order = revocationOrder(options);
    return { ...order, put: put(order) };
  };

describe("in a world of workers and servers", () => {
  test.each(profiles)("nobody outlives a revocation, and nobody stays locked out: $name", async (profile) => {
    const { logins, stored, survived, lockedOut, stuck } = await playAll(profile);
    expect({ survived, stuck }).toEqual({ survived: 0, stuck: 0 });
    // Enough came of it to mean something: most were let in, and few were refused for nothing.
    expect(stored).toBeGreaterThan(logins / 3);
    expect(lockedOut).toBeLessThan(logins * (profile.failover > 0 ? 0.1 : 0.05));
  });

  test("that world shows a login that is let in for asking again", async () => {
    const trusting = changed((order) => async (shard, _, send) => order.put(shard, order.begin(), send));
    const again = changed((order) => async (shard, begun, send) => {
      const first = await order.put(shard, begun, send);
      return first.outcome === "revoked" ? order.put(shard, order.begin(), send) : first;
    });
    expect((await playAll(calm, again)).survived).toBeGreaterThan(0);
    expect((await playAll(profiles[1]!, trusting)).survived).toBeGreaterThan(0);
  });

  test("that world shows a worker that refuses whatever it has not heard of", async () => {
    const strict = changed(
      (order) => async (shard, begun, send) =>
        order.put(shard, begun, async (seen) => {
          const answer = await send(seen);
          return answer.outcome === "refused" ? { ...answer, ago: undefined } : answer;
        }),
    );
    const [right, wrong] = [await playAll(calm), await playAll(calm, strict)];
    expect(wrong.lockedOut).toBeGreaterThan(10 * (right.lockedOut + 1));
  });
});
