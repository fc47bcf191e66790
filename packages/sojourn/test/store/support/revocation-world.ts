/**
 * A world of workers, servers and a network between them, in which logins race with revocations: everything that can be
 * late, paused, asleep, off or replaced. The workers decide with the stores' own code; the servers do what the scripts
 * of Redis and a Durable Object do. What really happened when, which nobody in that world can see, is written down.
 */
import { setImmediate } from "node:timers/promises";
import type { Refused, RevocationOrder, RevocationOrderOptions } from "../../../src/store/revocation-order.ts";
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

export type MakeOrder = (options: RevocationOrderOptions) => RevocationOrder;

interface Login {
  readonly shard: number;
  readonly beganAt: number;
  arrivedAt: number;
  isRemoved: boolean;
}

interface Revocation {
  readonly calledAt: number;
  readonly ranAt: number[];
  resolvedAt: number;
}

/** Something with a clock. */
interface Machine {
  readonly skew: number;
  readonly drift: number;
  readonly steps: readonly { readonly at: number; readonly by: number }[];
}

interface Worker extends Machine {
  readonly distance: number;
  /** Which part of the way there and back is the way there, of 2. */
  readonly share: number;
  readonly still: { readonly at: number; readonly till: number; readonly isAsleep: boolean } | undefined;
}

interface Server extends Machine {
  readonly replacedAt: number;
  revoked?: { readonly number: number; readonly at: number; readonly run: number };
}

const WORKERS = 3;
const DAY = 86_400_000;
/** When the first revocation is called. */
const START = 1_000;
const ATTEMPTS = 3;

/** Plays a world to its end. The same seed is the same world, whatever its workers decide by. */
export async function play(profile: Profile, seed: number, makeOrder: MakeOrder): Promise<Tally> {
  return new World(profile, seed, makeOrder).play();
}

class World {
  readonly #profile: Profile;
  readonly #chance: ReturnType<typeof random>;
  readonly #servers: readonly Server[];
  readonly #workers: readonly Worker[];
  readonly #orders: ReadonlyMap<Worker, RevocationOrder>;
  readonly #queue: { readonly at: number; readonly run: () => void }[] = [];
  readonly #logins: Login[] = [];
  readonly #revocations: Revocation[] = [];
  readonly #tally: Tally = { logins: 0, stored: 0, survived: 0, lockedOut: 0, stuck: 0 };
  #now = 0;

  constructor(profile: Profile, seed: number, makeOrder: MakeOrder) {
    this.#profile = profile;
    this.#chance = random(seed);
    this.#servers = Array.from({ length: profile.shards }, () => this.#makeServer());
    this.#workers = Array.from({ length: WORKERS }, () => this.#makeWorker());
    this.#orders = new Map(this.#workers.map((worker) => [worker, makeOrder(this.#optionsOf(worker))]));
  }

  async play(): Promise<Tally> {
    const second = this.#happens(0.3) ? [this.#about(30)] : [];
    for (const after of [0, ...second]) this.#wake(this.#someWorker(), START + after, (worker) => this.#revoke(worker));
    for (let count = 0; count < 3; count++) {
      const ahead = this.#chance.pick([this.#about(1), this.#about(200), -this.#about(3)]);
      this.#wake(this.#someWorker(), START - ahead, (worker) => this.#logIn(worker));
    }
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      this.#now = event.at;
      event.run();
      // All that follows from it at the same instant.
      await setImmediate();
    }
    return this.#tally;
  }

  async #logIn(worker: Worker, attempt = 1): Promise<void> {
    const shard = this.#chance.under(this.#servers.length);
    const login: Login = { shard, beganAt: this.#now, arrivedAt: Number.NaN, isRemoved: false };
    this.#logins.push(login);
    const order = this.#orders.get(worker)!;
    const begun = order.begin();
    if (this.#happens(0.5)) await this.#pause(worker, this.#about(3));
    const { outcome } = await order.put(shard, begun, async (seen) =>
      this.#ask(worker, () => this.#put(this.#servers[shard]!, login, seen)),
    );
    this.#tally.logins++;
    if (outcome === "stored") this.#noteStored(login);
    else if (this.#isLockedOut(login)) {
      this.#tally.lockedOut++;
      if (attempt === ATTEMPTS) this.#tally.stuck++;
      else this.#wake(worker, this.#now + this.#about(20), () => this.#logIn(worker, attempt + 1));
    }
  }

  #noteStored(login: Login): void {
    this.#tally.stored++;
    const hasOutlived = this.#revocations.some(({ calledAt, ranAt }) => {
      return calledAt > login.beganAt && (ranAt[login.shard] ?? Number.POSITIVE_INFINITY) < login.arrivedAt;
    });
    if (hasOutlived && !login.isRemoved) this.#tally.survived++;
  }

  #isLockedOut(login: Login): boolean {
    const called = this.#revocations.filter(({ calledAt }) => calledAt < this.#now);
    return called.every(({ resolvedAt }) => resolvedAt < login.beganAt);
  }

  async #revoke(worker: Worker): Promise<void> {
    const revocation: Revocation = { calledAt: this.#now, ranAt: [], resolvedAt: Number.POSITIVE_INFINITY };
    this.#revocations.push(revocation);
    await this.#orders.get(worker)!.revoke(async () => {
      const everywhere = this.#servers.map(async (server, shard) =>
        this.#ask(worker, () => this.#runRevocation(revocation, server, shard)),
      );
      return { numbers: await Promise.all(everywhere), answer: undefined };
    });
    revocation.resolvedAt = this.#now;
    // Word of it gets around: at once in the same process, else as fast as the network is.
    for (let count = 0; count < 3; count++) {
      const other = this.#someWorker();
      const way = Math.abs(other.distance - worker.distance) + this.#about(this.#happens(0.5) ? 2 : 60);
      this.#wake(other, this.#now + (other === worker ? 0 : way), () => this.#logIn(other));
    }
  }

  /** What a server does with a put. */
  #put(server: Server, login: Login, seen: number): { outcome: "stored"; removed: [] } | Refused {
    const { revoked } = server;
    if (revoked === undefined || seen >= revoked.number) {
      login.arrivedAt = this.#now;
      return { outcome: "stored", removed: [] };
    }
    const ago = revoked.run === this.#runOf(server) ? this.#clockOf(server) - revoked.at : undefined;
    return { outcome: "refused", number: revoked.number, ago };
  }

  /** What a server does with a revocation. */
  #runRevocation(revocation: Revocation, server: Server, shard: number): number {
    revocation.ranAt[shard] = this.#now;
    for (const login of this.#logins) if (login.shard === shard && login.arrivedAt <= this.#now) login.isRemoved = true;
    const at = this.#clockOf(server);
    const number = Math.max((server.revoked?.number ?? 0) + 1, Math.floor(at * 1_000));
    server.revoked = { number, at, run: this.#runOf(server) };
    return number;
  }

  /** Sends to a server, and comes back with what it answers. */
  async #ask<T>(worker: Worker, answer: () => T): Promise<T> {
    const { stall, jitter } = this.#profile;
    const late = (): number => this.#about(jitter) + (this.#happens(stall) ? this.#between(0, 900) : 0);
    const there = worker.distance * worker.share + late();
    const back = worker.distance * (2 - worker.share) + late();
    return new Promise((resolve) => {
      this.#later(this.#now + there, () => {
        const reply = answer();
        this.#later(this.#now + back, () => this.#wake(worker, this.#now, () => resolve(reply)));
      });
    });
  }

  async #pause(worker: Worker, ms: number): Promise<void> {
    return new Promise((resolve) => this.#wake(worker, this.#now + ms, () => resolve()));
  }

  #later(at: number, run: () => void): void {
    const place = this.#queue.findIndex((each) => each.at > at);
    this.#queue.splice(place < 0 ? this.#queue.length : place, 0, { at, run });
  }

  /** Lets a worker do something, once it is neither paused nor asleep. */
  #wake(worker: Worker, at: number, run: (worker: Worker) => unknown): void {
    const { still } = worker;
    this.#later(still !== undefined && at >= still.at && at < still.till ? still.till : at, () => void run(worker));
  }

  #makeMachine(step: number, reach: readonly [number, number]): Machine {
    const { skew } = this.#profile;
    const by = this.#between(-1, 1) * (this.#happens(0.5) ? 500 : DAY);
    const steps = this.#happens(step) ? [{ at: this.#between(...reach), by }] : [];
    return { skew: this.#between(-skew, skew) / 2, drift: this.#between(-2e-4, 2e-4), steps };
  }

  #makeServer(): Server {
    const { failover, serverStep } = this.#profile;
    const during = [START - 5, START + 200] as const;
    const replacedAt = this.#happens(failover) ? this.#between(...during) : Number.POSITIVE_INFINITY;
    return { ...this.#makeMachine(serverStep, during), replacedAt };
  }

  #makeWorker(): Worker {
    const { distance, pause, sleep, workerStep } = this.#profile;
    const isAsleep = this.#happens(sleep);
    const at = this.#between(START - 50, START + 500);
    const till = at + (isAsleep ? this.#between(100, 5_000) : this.#about(40));
    return {
      ...this.#makeMachine(workerStep, [START - 100, START + 600]),
      distance: this.#between(...distance),
      share: this.#between(0.5, 1.5),
      still: isAsleep || this.#happens(pause) ? { at, till, isAsleep } : undefined,
    };
  }

  #optionsOf(worker: Worker): RevocationOrderOptions {
    const timer = {
      elapsed: () => this.#elapsed(worker),
      after: (delay: number, run: () => void) => {
        this.#wake(worker, this.#now + delay, run);
        return () => undefined;
      },
    };
    const clock = { now: () => Math.floor(this.#dateOf(worker)) };
    return { shards: this.#servers.length, timer, clock, deadline: 1_000 };
  }

  #elapsed({ still, drift }: Worker): number {
    const slept = still?.isAsleep === true ? Math.max(0, Math.min(this.#now, still.till) - still.at) : 0;
    return (this.#now - slept) * (1 + drift);
  }

  #dateOf({ skew, steps }: Machine): number {
    return steps.reduce((date, { at, by }) => (at <= this.#now ? date + by : date), this.#now + skew);
  }

  #runOf({ replacedAt }: Server): number {
    return Number(this.#now >= replacedAt);
  }

  /** A server that takes over has a clock of its own. */
  #clockOf(server: Server): number {
    return this.#dateOf(server) * (1 + server.drift) - 2 * this.#runOf(server) * server.skew;
  }

  #someWorker(): Worker {
    return this.#workers[this.#chance.under(WORKERS)]!;
  }

  #unit(): number {
    return this.#chance.under(1_000_000_007) / 1_000_000_007;
  }

  #between(from: number, till: number): number {
    return from + (till - from) * this.#unit();
  }

  #about(mean: number): number {
    return -mean * Math.log(1 - this.#unit());
  }

  #happens(likely: number): boolean {
    return this.#unit() < likely;
  }
}
