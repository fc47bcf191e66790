/**
 * A world of workers, servers and a network between them, in which logins race with revocations: everything that can be
 * late, paused, asleep, off or replaced. The workers decide with the store's own code; the servers do what the scripts
 * of Redis and a Durable Object do. What really happened when, which nobody in that world can see, is written down.
 */
import { setImmediate } from "node:timers/promises";
import { revocationOrder, type Refused, type RevocationOrder } from "../../../src/store/revocation-order.ts";
import { random } from "../../linearizability/random.ts";

/** What may go wrong. Spans are in milliseconds, chances from 0 to 1. */
export interface Profile {
  readonly name: string;
  /** How long a message takes at least, one way, by worker: between these two. */
  readonly distance: readonly [number, number];
  /** How much longer as a rule, and how likely it is that it stalls for up to 0.9 s. */
  readonly jitter: number;
  readonly stall: number;
  /** By how much dates differ, between two workers and between a worker and a server. */
  readonly skew: number;
  /** How likely a worker stands still for a while, and how likely its whole machine sleeps. */
  readonly pause: number;
  readonly sleep: number;
  /** How likely the date of a worker, and that of a server, is set by up to a day. */
  readonly workerStep: number;
  readonly serverStep: number;
  /** How likely another server takes over, with a clock of its own. */
  readonly failover: number;
  readonly shards: number;
}

/** What came of the logins of a world. */
export interface Tally {
  logins: number;
  stored: number;
  /** Began before a revocation was called, arrived after it had run, and was stored. */
  survived: number;
  /** Was refused although all revocations had resolved before it began. */
  lockedOut: number;
  /** The same three times in a row. */
  stuck: number;
}

interface Login {
  readonly shard: number;
  readonly beganAt: number;
  arrivedAt: number;
  removed: boolean;
}

interface Revocation {
  readonly calledAt: number;
  readonly ranAt: number[];
  resolvedAt: number;
}

interface Machine {
  readonly skew: number;
  readonly drift: number;
  readonly steps: readonly { readonly at: number; readonly by: number }[];
}

interface Worker extends Machine {
  readonly distance: number;
  readonly share: number;
  readonly still?: { readonly at: number; readonly till: number; readonly asleep: boolean };
  order: RevocationOrder;
}

interface Server extends Machine {
  readonly replacedAt: number;
  revoked?: { readonly number: number; readonly at: number; readonly run: number };
}

const WORKERS = 3;
const DAY = 86_400_000;
/** When the first revocation is called. */
const START = 1_000;

export async function play(profile: Profile, seed: number, makeOrder: typeof revocationOrder): Promise<Tally> {
  const chance = random(seed);
  const unit = (): number => chance.under(1_000_000_007) / 1_000_000_007;
  const between = (from: number, till: number): number => from + (till - from) * unit();
  const about = (mean: number): number => -mean * Math.log(1 - unit());
  const happens = (likely: number): boolean => unit() < likely;

  let now = 0;
  const queue: { readonly at: number; readonly run: () => void }[] = [];
  function later(at: number, run: () => void): void {
    const place = queue.findIndex((each) => each.at > at);
    queue.splice(place < 0 ? queue.length : place, 0, { at, run });
  }

  const date = ({ skew, steps }: Machine): number =>
    now + skew + steps.reduce((sum, { at, by }) => (at <= now ? sum + by : sum), 0);
  const awake = ({ still }: Worker, at: number): number =>
    still && at >= still.at && at < still.till ? still.till : at;
  function elapsed({ still, drift }: Worker): number {
    const slept = still?.asleep === true && now > still.at ? Math.min(now, still.till) - still.at : 0;
    return (now - slept) * (1 + drift);
  }

  function machine(skew: number, step: number, reach: readonly [number, number]): Machine {
    const by = between(-1, 1) * (happens(0.5) ? 500 : DAY);
    const steps = happens(step) ? [{ at: between(...reach), by }] : [];
    return { skew: between(-skew, skew) / 2, drift: between(-2e-4, 2e-4), steps };
  }

  const servers: Server[] = Array.from({ length: profile.shards }, () => {
    const replacedAt = happens(profile.failover) ? between(START - 5, START + 200) : Number.POSITIVE_INFINITY;
    return { ...machine(profile.skew, profile.serverStep, [START - 5, START + 200]), replacedAt };
  });
  const workers = Array.from({ length: WORKERS }, (): Worker => {
    const asleep = happens(profile.sleep);
    const at = between(START - 50, START + 500);
    const still = { at, till: at + (asleep ? between(100, 5_000) : about(40)), asleep };
    const place = { distance: between(...profile.distance), share: between(0.5, 1.5) };
    const base = { ...machine(profile.skew, profile.workerStep, [START - 100, START + 600]), ...place };
    const worker = { ...base, ...((asleep || happens(profile.pause)) && { still }) } as Worker;
    const timer = {
      elapsed: () => elapsed(worker),
      after(delay: number, run: () => void) {
        later(awake(worker, now + delay), run);
        return () => undefined;
      },
    };
    const clock = { now: () => Math.floor(date(worker)) };
    worker.order = makeOrder({ shards: profile.shards, timer, clock, deadline: 1_000 });
    return worker;
  });

  const runOf = ({ replacedAt }: Server): number => Number(now >= replacedAt);
  /** A server that takes over has a clock of its own. */
  const clockOf = (server: Server): number => date(server) * (1 + server.drift) + runOf(server) * server.skew;

  /** Sends to a shard, and comes back with what it answers. */
  function ask<T>(worker: Worker, answer: () => T): Promise<T> {
    const stall = (): number => (happens(profile.stall) ? between(0, 900) : 0);
    const there = worker.distance * worker.share + about(profile.jitter) + stall();
    const back = worker.distance * (2 - worker.share) + about(profile.jitter) + stall();
    return new Promise((resolve) => {
      later(now + there, () => {
        const reply = answer();
        later(now + back, () => later(awake(worker, now), () => resolve(reply)));
      });
    });
  }

  const logins: Login[] = [];
  const revocations: Revocation[] = [];
  const tally: Tally = { logins: 0, stored: 0, survived: 0, lockedOut: 0, stuck: 0 };

  function put(server: Server, login: Login, seen: number): { outcome: "stored"; removed: [] } | Refused {
    const { revoked } = server;
    if (revoked === undefined || seen >= revoked.number) {
      login.arrivedAt = now;
      return { outcome: "stored", removed: [] };
    }
    const ago = revoked.run === runOf(server) ? clockOf(server) - revoked.at : undefined;
    return { outcome: "refused", number: revoked.number, ago };
  }

  async function logIn(worker: Worker, shard: number, attempt = 1): Promise<void> {
    const login: Login = { shard, beganAt: now, arrivedAt: Number.NaN, removed: false };
    logins.push(login);
    const begun = worker.order.begin();
    // What a password costs.
    if (happens(0.5)) await new Promise<void>((resolve) => later(awake(worker, now + about(3)), resolve));
    const server = servers[shard]!;
    const { outcome } = await worker.order.put(shard, begun, async (seen) =>
      ask(worker, () => put(server, login, seen)),
    );
    tally.logins++;
    if (outcome === "stored") {
      tally.stored++;
      const outlived = revocations.some(({ calledAt, ranAt }) => {
        return calledAt > login.beganAt && (ranAt[shard] ?? Number.POSITIVE_INFINITY) < login.arrivedAt;
      });
      if (outlived && !login.removed) tally.survived++;
      return;
    }
    const called = revocations.filter(({ calledAt }) => calledAt < now);
    if (called.some(({ resolvedAt }) => !(resolvedAt < login.beganAt))) return;
    tally.lockedOut++;
    if (attempt === 3) tally.stuck++;
    else later(awake(worker, now + about(20)), () => void logIn(worker, shard, attempt + 1));
  }

  async function revoke(worker: Worker): Promise<void> {
    const revocation: Revocation = { calledAt: now, ranAt: [], resolvedAt: Number.POSITIVE_INFINITY };
    revocations.push(revocation);
    await worker.order.revoke(async () => {
      const numbers = await Promise.all(
        servers.map(async (server, shard) =>
          ask(worker, () => {
            revocation.ranAt[shard] = now;
            for (const login of logins) if (login.shard === shard && login.arrivedAt <= now) login.removed = true;
            const number = Math.max((server.revoked?.number ?? 0) + 1, Math.floor(clockOf(server) * 1_000));
            server.revoked = { number, at: clockOf(server), run: runOf(server) };
            return number;
          }),
        ),
      );
      return { numbers, answer: undefined };
    });
    revocation.resolvedAt = now;
    // Word of it gets around: at once in the same process, over the network as fast as that is.
    for (let count = 0; count < 3; count++) {
      const other = workers[chance.under(WORKERS)]!;
      const word = other === worker ? 0 : Math.abs(other.distance - worker.distance) + about(happens(0.5) ? 2 : 60);
      later(awake(other, now + word), () => void logIn(other, chance.under(profile.shards)));
    }
  }

  for (let count = happens(0.3) ? 2 : 1; count > 0; count--) {
    const worker = workers[chance.under(WORKERS)]!;
    later(awake(worker, START + (count === 1 ? 0 : about(30))), () => void revoke(worker));
  }
  for (let count = 0; count < 3; count++) {
    const worker = workers[chance.under(WORKERS)]!;
    const ahead = chance.pick([about(1), about(200), -about(3)]);
    later(awake(worker, START - ahead), () => void logIn(worker, chance.under(profile.shards)));
  }
  for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
    now = event.at;
    event.run();
    // All that follows from it at the same instant.
    await setImmediate();
  }
  return tally;
}
