/**
 * The order of revocations and creations where the store is across a network, and what a node knows of it may be old.
 *
 * A shard numbers its revocations and keeps the last number of each owner. A creation brings the number that its node
 * knew when it began. If that is the owner's, or a later one, the revocation had run before the creation began, and the
 * put is made. If it is lower, the node may just not have heard yet. So the shard answers how long ago that revocation
 * ran, by its own clock, and the node compares durations:
 *
 *   The revocation ran at r, the put arrived at p ≥ r, its answer came at q ≥ p, the creation began at b. The shard
 *   knows `ago` = p - r, the node knows q - b. If q - b < ago, then p - b < p - r, so r < b: the revocation ran before
 *   the creation began, and the put is made again with the new number. Nothing that began before a revocation was
 *   called is let in by that, whatever was delayed, paused or delivered twice, and no two clocks were compared.
 *
 * An answer that was slow proves nothing. Then the put is made again as it was, since the quickest answer counts, three
 * times in all; after that it stays refused. A revocation resolves a moment late, so that a creation on another node
 * which hears of it has the time that one quick answer takes.
 */
import type { Clock } from "../time/clock.ts";
import { isWithin, moment, type Moment } from "../time/moment.ts";
import type { Timer } from "../time/timer.ts";
import { checkBegun, type Snapshot } from "./begun.ts";
import type { Begun, Put } from "./store.ts";

/** A shard's answer to a put that a revocation stands against. */
export interface Refused {
  readonly outcome: "refused";
  /** The number of that revocation, or a later one of the shard. */
  readonly number: number;
  /** How many milliseconds before the put it ran, by the shard's own clock; `undefined` if that cannot be told. */
  readonly ago: number | undefined;
}

export interface RevocationOrderOptions {
  readonly shards: number;
  readonly timer: Timer;
  readonly clock: Clock;
  /** For how long a put is made again, in milliseconds. */
  readonly deadline: number;
  /**
   * For how long after it began a creation is let in, in milliseconds: less than the shards keep a revocation.
   * @default for ever, where a shard itself refuses what began before what it has forgotten
   */
  readonly lifetime?: number;
}

export interface RevocationOrder {
  /** What is known now. */
  begin(): Begun;
  /** A shard has given this number, or a later one. What begins from now on began after that revocation ran. */
  learn(shard: number, number: number): void;
  /**
   * Makes a put on a shard.
   *
   * @param send sends it with the number that is known; more than once, if it has to
   */
  put(shard: number, begun: Begun, send: (seen: number) => Promise<Exclude<Put, Revoked> | Refused>): Promise<Put>;
  /**
   * Makes a revocation.
   *
   * @param call answers, by shard, with the number that each has given it, beside the answer of the call
   */
  revoke<T>(call: () => Promise<{ readonly numbers: readonly number[]; readonly answer: T }>): Promise<T>;
}

type Revoked = Put & { readonly outcome: "revoked" };

/** How often a put is sent at most without having become more certain. */
const ASKS = 3;
/** Two machines measure the same time differently by less than a thousandth. */
const DRIFT = 0.999;
/** How late a revocation resolves, in milliseconds: as long as it took, within these bounds. */
const LEAST_WAIT = 5;
const LONGEST_WAIT = 100;

export function revocationOrder(options: RevocationOrderOptions): RevocationOrder {
  const { shards, timer, clock, deadline, lifetime = Number.POSITIVE_INFINITY } = options;
  const source = {};
  let seen: readonly number[] = Object.freeze(Array.from({ length: shards }, () => 0));
  const present = (): Moment => moment(timer, clock);

  function learn(shard: number, number: number): void {
    if (number > (seen[shard] ?? 0)) seen = Object.freeze(seen.with(shard, number));
  }

  /**
   * A creation that slept through the lifetime of a revocation could not be told any more that there was one. By the clock
   * that shows the longer time: a date that is set back by a little must not refuse everybody who is logging in.
   */
  function isTooOld(at: Moment): boolean {
    const now = present();
    return Math.max(now.elapsed - at.elapsed, now.at - at.at) >= lifetime;
  }

  return {
    begin: () => Object.freeze({ source, seen, at: present() } satisfies Snapshot),
    learn,

    async put(shard, begun, send) {
      const known = checkBegun(source, begun);
      const at = known.at!;
      const giveUpAt = timer.elapsed() + deadline;
      let number = known.seen[shard] ?? 0;
      for (let asks = ASKS; ;) {
        if (isTooOld(at)) return { outcome: "revoked" };
        const sentAt = timer.elapsed();
        const answer = await send(number);
        if (answer.outcome !== "refused") return answer;
        learn(shard, answer.number);
        const { ago } = answer;
        // Without `ago` nothing can be proved; with one so short, it ran after the creation began.
        const ranAfter = ago === undefined || ago <= sentAt - at.elapsed;
        if (ago !== undefined && isWithin(ago * DRIFT, at, present())) number = answer.number;
        else if (ranAfter || --asks === 0) return { outcome: "revoked" };
        if (timer.elapsed() >= giveUpAt) return { outcome: "revoked" };
      }
    },

    async revoke(call) {
      const calledAt = timer.elapsed();
      const { numbers, answer } = await call();
      for (const [shard, number] of numbers.entries()) learn(shard, number);
      const took = timer.elapsed() - calledAt;
      const wait = Math.min(LONGEST_WAIT, Math.max(LEAST_WAIT, took));
      await new Promise<void>((resolve) => void timer.after(wait, resolve));
      return answer;
    },
  };
}
