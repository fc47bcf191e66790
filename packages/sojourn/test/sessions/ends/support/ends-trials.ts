/** Sessions that end in one of several processes, and when the others feel it. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { EndsOptions } from "../../../../src/sessions/ends/ends-options.ts";
import { startProxy, type RedisProxy } from "../../../store/support/redis-proxy.ts";
import type { EndsCalls, Ended, Felt, Place } from "./ends-process.ts";

/** What is done to the lines on which the processes are told, just before sessions end. */
export type Disturbance = "none" | "cut" | "held" | "late";

/** How sessions end. */
export const kinds = ["destroy", "destroyByUser", "expiry", "eviction", "reuse"] as const;
export type Kind = (typeof kinds)[number];
const REASONS = {
  destroy: "logout",
  destroyByUser: "revoked",
  expiry: "expired-idle",
  eviction: "evicted",
  reuse: "reuse",
} as const;

/** One trial: some of the sessions that every process holds something of end. All instants in milliseconds. */
export interface Trial {
  /** For each process and session: how long after the call had resolved, or its time was up, its signal aborted. */
  readonly delays: readonly number[];
  /** For each process: how long after that a message was last let through on one of them; below 0 if not at all. */
  readonly lastThrough: readonly number[];
  /** The reasons that were told of them, each once. */
  readonly reasons: readonly string[];
  /** Signals of ended sessions that were not aborted, of others that were, and those that told another reason. */
  readonly missing: number;
  readonly wrongly: number;
  readonly otherReason: number;
}

/** How much later the lines deliver when they are late, in milliseconds. */
const LATE = 150;
/** How many sessions end in one trial. */
const AT_ONCE = 20;

/** A process of `ends-process.ts`. */
class Process {
  readonly child: ChildProcess = fork(fileURLToPath(new URL("ends-process.ts", import.meta.url)), {
    // BigInts pass as they are.
    serialization: "advanced",
    execArgv: [],
  });
  #calls = 0;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();

  constructor() {
    this.child.on("message", ({ number, value, error }: { number: number; value?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.child.once("exit", (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`The process ended with ${code}`));
    });
  }

  async ask<Call extends keyof EndsCalls>(
    call: Call,
    ...given: Parameters<EndsCalls[Call]>
  ): Promise<Awaited<ReturnType<EndsCalls[Call]>>> {
    return (await this.#send(call, given)) as Awaited<ReturnType<EndsCalls[Call]>>;
  }

  async start(place: Place, ends: EndsOptions): Promise<void> {
    await this.#send("start", [place, ends]);
  }

  async #send(call: string, given: readonly unknown[]): Promise<unknown> {
    const number = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.child.send({ number, call, given });
    });
  }
}

export interface TrialsOptions {
  readonly place: { readonly port: number } | { readonly path: string };
  readonly processes: number;
  /** How many sessions each process holds something of. */
  readonly sessions: number;
  readonly ends?: EndsOptions;
}

const ms = (since: bigint, until: bigint): number => Number(until - since) / 1e6;
const pause = async (delay: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delay));

export class EndsTrials {
  readonly #processes: readonly Process[];
  readonly #proxies: readonly RedisProxy[];
  /** The users of the sessions that stay. */
  #trials = 0;

  private constructor(processes: readonly Process[], proxies: readonly RedisProxy[]) {
    this.#processes = processes;
    this.#proxies = proxies;
  }

  static async start({ place, processes, sessions, ends = {} }: TrialsOptions): Promise<EndsTrials> {
    const all = Array.from({ length: processes }, () => new Process());
    const proxies: RedisProxy[] = [];
    for (const process of all) {
      if ("path" in place) {
        await process.start(place, ends);
        continue;
      }
      const proxy = await startProxy(place.port);
      proxies.push(proxy);
      await process.start({ port: place.port, linkPort: proxy.port }, ends);
    }
    const trials = new EndsTrials(all, proxies);
    const [first] = all as [Process];
    const ids: string[] = [];
    for (let user = 0; ids.length < sessions; user++) {
      const made = await first.ask("create", `stays ${user}`, Math.min(50, sessions - ids.length));
      ids.push(...made.map(({ id }) => id));
    }
    await Promise.all(all.map(async (process) => process.ask("watch", ids)));
    return trials;
  }

  /** Makes one trial. @param settle for how long ends are waited for, in milliseconds */
  async run(kind: Kind, disturbance: Disturbance, settle: number): Promise<Trial> {
    const [first] = this.#processes as [Process];
    const user = `trial ${++this.#trials}`;
    // So that an eviction hits the oldest, which are those.
    const count = kind === "eviction" ? 60 : AT_ONCE;
    const made = await first.ask("create", user, count, kind === "expiry" ? 1_000 : undefined);
    const chosen = made.slice(0, AT_ONCE);
    const ids = chosen.map(({ id }) => id);
    await Promise.all(this.#processes.map(async (process) => process.ask("watch", ids)));
    const before = await this.#open();
    const last = ids.at(-1)!;
    const through = this.#processes.map(async (process) => process.ask("letThrough", last));
    for (const proxy of this.#proxies) disturb(proxy, disturbance);
    await pause(this.#trials % 70);
    const ended = await this.#end(kind, user, chosen);
    await pause(settle);
    for (const proxy of this.#proxies) proxy.mend();
    const lasts = await within(Promise.all(through), 20_000, "a session that has ended is not felt");
    const felt = await this.#felt();
    const after = await this.#open();
    return judge(kind, { chosen, ended, felt, lasts: lasts.map(({ lastAt }) => lastAt), before, after });
  }

  /** Stops a process for a while; sessions end meanwhile. How long after it goes on it feels that, and the last message. */
  async stopped(duration: number): Promise<Trial> {
    const [first] = this.#processes as [Process];
    const stopped = this.#processes.at(-1)!;
    const made = await first.ask("create", `trial ${++this.#trials}`, AT_ONCE);
    const ids = made.map(({ id }) => id);
    await stopped.ask("watch", ids);
    const before = await this.#open();
    const through = stopped.ask("letThrough", ids.at(-1)!);
    await pause(100);
    stopped.child.kill("SIGSTOP");
    await pause(100);
    await first.ask("destroy", ids);
    await pause(duration);
    const goesOnAt = process.hrtime.bigint();
    stopped.child.kill("SIGCONT");
    const { lastAt } = await within(through, 20_000, "a session that has ended is not felt");
    await pause(500);
    const felt = await this.#felt();
    const ended: Ended[] = [{ ids, resolvedAt: goesOnAt }];
    const after = await this.#open();
    return judge("destroy", { chosen: made, ended, felt: felt.slice(-1), lasts: [lastAt], before, after });
  }

  async stop(): Promise<void> {
    for (const each of this.#processes) {
      const ended = new Promise((resolve) => each.child.once("exit", resolve));
      await each.ask("stop");
      await ended;
    }
    for (const proxy of this.#proxies) await proxy.stop();
  }

  async #end(kind: Kind, user: string, chosen: readonly Made[]): Promise<readonly Ended[]> {
    const [first] = this.#processes as [Process];
    const ids = chosen.map(({ id }) => id);
    if (kind === "destroy") return first.ask("destroy", ids);
    if (kind === "destroyByUser") return first.ask("destroyByUser", user, ids);
    if (kind === "eviction") return first.ask("evict", user, ids);
    if (kind === "reuse") return first.ask("reuse", chosen);
    const end = Math.max(...chosen.map(({ expiresAt }) => expiresAt));
    await pause(end - Date.now());
    return [];
  }

  async #felt(): Promise<readonly (readonly Felt[])[]> {
    return Promise.all(this.#processes.map(async (process) => process.ask("felt")));
  }

  async #open(): Promise<number> {
    const open = await Promise.all(this.#processes.map(async (process) => process.ask("open")));
    return open.reduce((sum, each) => sum + each, 0);
  }
}

interface Made {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: number;
}

interface Seen {
  readonly chosen: readonly Made[];
  readonly ended: readonly Ended[];
  readonly felt: readonly (readonly Felt[])[];
  readonly lasts: readonly bigint[];
  readonly before: number;
  readonly after: number;
}

function judge(kind: Kind, { chosen, ended, felt, lasts, before, after }: Seen): Trial {
  const resolvedAt = new Map(ended.flatMap(({ ids, resolvedAt: at }) => ids.map((id) => [id, at] as const)));
  const dates = new Map(chosen.map(({ id, expiresAt }) => [id, expiresAt]));
  const own = felt.flat().filter(({ id }) => dates.has(id));
  const delay = ({ id, at, date }: Felt): number =>
    kind === "expiry" ? date - dates.get(id)! : ms(resolvedAt.get(id)!, at);
  const end = chosen.at(-1)!;
  const dateOffset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  const endedAt = resolvedAt.get(end.id) ?? BigInt(end.expiresAt) * 1_000_000n - dateOffset;
  const wrongly = felt.flat().length - own.length;
  return {
    delays: own.map(delay),
    lastThrough: lasts.map((at) => (at === 0n ? Number.NEGATIVE_INFINITY : ms(endedAt, at))),
    reasons: [...new Set(own.map(({ reason }) => reason))],
    missing: felt.length * chosen.length - own.length,
    wrongly: Math.max(wrongly, before - after - own.length),
    otherReason: own.filter(({ reason }) => reason !== REASONS[kind]).length,
  };
}

function disturb(proxy: RedisProxy, how: Disturbance): void {
  if (how === "cut") proxy.cut();
  else if (how === "held") proxy.hold();
  else if (how === "late") proxy.delay(LATE);
}

async function within<T>(reply: Promise<T>, limit: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what)), limit);
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    clearTimeout(timer);
  }
}
