/** Sessions that end in one of several processes, and when the others feel it. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { EndsOptions } from "../../../../src/sessions/ends/ends-options.ts";
import { startProxy, type RedisProxy } from "../../../store/support/redis-proxy.ts";
import type { ClientCalls } from "./ends-clients.ts";
import type { EndsCalls, Ended, Felt, Made, Place } from "./ends-process.ts";

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

/** A process of a file beside this one, whose calls are asked for. */
class Process<Calls extends { [Call in keyof Calls]: (...given: never[]) => Promise<unknown> }> {
  readonly child: ChildProcess;
  #calls = 0;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();

  constructor(file: string) {
    // BigInts pass as they are.
    this.child = fork(fileURLToPath(new URL(file, import.meta.url)), { serialization: "advanced", execArgv: [] });
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

  async ask<Call extends keyof Calls & string>(
    call: Call,
    ...given: Parameters<Calls[Call]>
  ): Promise<Awaited<ReturnType<Calls[Call]>>> {
    const number = ++this.#calls;
    const answer = new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
    this.child.send({ number, call, given });
    return (await answer) as Awaited<ReturnType<Calls[Call]>>;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    await this.ask("stop" as never, ...([] as never));
    await ended;
  }
}

/** A process of `ends-process.ts`. */
type Node = Process<EndsCalls & { start(place: Place, ends: EndsOptions): Promise<void> }>;

export interface TrialsOptions {
  readonly place: { readonly port: number } | { readonly path: string };
  readonly processes: number;
  /** How many sessions each process holds something of. */
  readonly sessions: number;
  readonly ends?: EndsOptions;
  /** Whether that is a WebSocket, from one more process; else a signal. @default false */
  readonly sockets?: boolean;
}

const ms = (since: bigint, until: bigint): number => Number(until - since) / 1e6;
const pause = async (delay: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delay));

export class EndsTrials {
  readonly #processes: readonly Node[];
  readonly #proxies: readonly RedisProxy[];
  readonly #clients: Process<ClientCalls> | undefined;
  readonly #ports: readonly number[];
  #trials = 0;

  private constructor(
    processes: readonly Node[],
    proxies: readonly RedisProxy[],
    clients: Process<ClientCalls> | undefined,
    ports: readonly number[],
  ) {
    this.#processes = processes;
    this.#proxies = proxies;
    this.#clients = clients;
    this.#ports = ports;
  }

  static async start({ place, processes, sessions, ends = {}, sockets = false }: TrialsOptions): Promise<EndsTrials> {
    const all = Array.from({ length: processes }, (): Node => new Process("ends-process.ts"));
    const proxies: RedisProxy[] = [];
    for (const process of all) {
      if ("path" in place) {
        await process.ask("start", place, ends);
        continue;
      }
      const proxy = await startProxy(place.port);
      proxies.push(proxy);
      await process.ask("start", { port: place.port, linkPort: proxy.port }, ends);
    }
    const ports = sockets ? await Promise.all(all.map(async (process) => process.ask("serve"))) : [];
    const clients = sockets ? new Process<ClientCalls>("ends-clients.ts") : undefined;
    const trials = new EndsTrials(all, proxies, clients, ports);
    const made: Made[] = [];
    for (let user = 0; made.length < sessions; user++) {
      made.push(...(await all[0]!.ask("create", `stays ${user}`, Math.min(50, sessions - made.length))));
    }
    await trials.#hold(made);
    return trials;
  }

  /** Has every process hold something of each session. */
  async #hold(made: readonly Made[], processes: readonly Node[] = this.#processes): Promise<void> {
    const ids = made.map(({ id }) => id);
    if (this.#clients === undefined) await Promise.all(processes.map(async (process) => process.ask("watch", ids)));
    else await this.#clients.ask("connect", this.#ports, made);
  }

  /** Makes one trial. @param settle for how long ends are waited for, in milliseconds */
  async run(kind: Kind, disturbance: Disturbance, settle: number): Promise<Trial> {
    const first = this.#processes[0]!;
    const user = `trial ${++this.#trials}`;
    // So that an eviction hits the oldest, which are those.
    const count = kind === "eviction" ? 60 : AT_ONCE;
    const made = await first.ask("create", user, count, kind === "expiry" ? 1_000 : undefined);
    const chosen = made.slice(0, AT_ONCE);
    const ids = chosen.map(({ id }) => id);
    await this.#hold(chosen);
    const before = await this.#open();
    const last = ids.at(-1)!;
    const through = this.#processes.map(async (process) => process.ask("letThrough", last));
    for (const proxy of this.#proxies) disturb(proxy, disturbance);
    await pause(this.#trials % 70);
    const ended = await this.#end(kind, user, chosen);
    await pause(settle);
    for (const proxy of this.#proxies) proxy.mend();
    const lasts = await within(Promise.all(through), 20_000, "a session that has ended is not felt");
    const felt = await this.#felt(this.#processes.length * ids.length);
    const after = await this.#open();
    return judge(kind, { chosen, ended, felt, lasts: lasts.map(({ lastAt }) => lastAt), before, after });
  }

  /** Stops a process for a while; sessions end meanwhile. How long after it goes on it feels that, and the last message. */
  async stopped(duration: number): Promise<Trial> {
    const first = this.#processes[0]!;
    const stopped = this.#processes.at(-1)!;
    const made = await first.ask("create", `trial ${++this.#trials}`, AT_ONCE);
    const ids = made.map(({ id }) => id);
    await this.#hold(made, [stopped]);
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
    const felt = await this.#felt(this.#clients === undefined ? ids.length : this.#processes.length * ids.length);
    const ended: Ended[] = [{ ids, resolvedAt: goesOnAt }];
    const after = await this.#open();
    const others = felt.slice(0, -1).reduce((sum, each) => sum + each.length, 0);
    const seen = { chosen: made, ended, felt: felt.slice(-1), lasts: [lastAt], before: before - others, after };
    return judge("destroy", seen);
  }

  async stop(): Promise<void> {
    for (const each of this.#processes) await each.stop();
    await this.#clients?.stop();
    for (const proxy of this.#proxies) await proxy.stop();
  }

  async #end(kind: Kind, user: string, chosen: readonly Made[]): Promise<readonly Ended[]> {
    const first = this.#processes[0]!;
    const ids = chosen.map(({ id }) => id);
    if (kind === "destroy") return first.ask("destroy", ids);
    if (kind === "destroyByUser") return first.ask("destroyByUser", user, ids);
    if (kind === "eviction") return first.ask("evict", user, ids);
    if (kind === "reuse") return first.ask("reuse", chosen);
    const end = Math.max(...chosen.map(({ expiresAt }) => expiresAt));
    await pause(end - Date.now());
    return [];
  }

  /** What was felt: all that is expected, and what comes in the time after that, or at least what came in ten seconds. */
  async #felt(expected: number): Promise<readonly (readonly Felt[])[]> {
    let felt: readonly (readonly Felt[])[] = this.#processes.map(() => []);
    const gather = async (): Promise<void> => {
      const more =
        (await this.#clients?.ask("felt")) ??
        (await Promise.all(this.#processes.map(async (each) => each.ask("felt"))));
      felt = felt.map((before, process) => [...before, ...(more[process] ?? [])]);
    };
    for (const end = Date.now() + 10_000; felt.flat().length < expected && Date.now() < end;) {
      await gather();
      await pause(50);
    }
    await pause(200);
    await gather();
    return felt;
  }

  async #open(): Promise<number> {
    if (this.#clients !== undefined) return this.#clients.ask("open");
    const open = await Promise.all(this.#processes.map(async (process) => process.ask("open")));
    return open.reduce((sum, each) => sum + each, 0);
  }
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
