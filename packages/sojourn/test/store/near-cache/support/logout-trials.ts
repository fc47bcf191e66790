/** A logout on one of several processes, and for how long the others still let the session in. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startProxy, type RedisProxy } from "../../support/redis-proxy.ts";
import type { Order, Report } from "./logout-node.ts";

/** What is done to the lines on which the processes are told of changes, just before the logout. */
export type Disturbance = "none" | "cut" | "held" | "late";

/** One logout, in milliseconds. */
export interface Trial {
  /** From the removal to the last answer that let the session in; below 0 if there was none after it. */
  readonly lastAnswer: number;
  /** The same for the moment at which that call began: what `maxStale` bounds. */
  readonly lastCall: number;
  /** From the removal until `destroy` resolved. */
  readonly settling: number;
  /** Whether a call that began after `destroy` had resolved was let in. */
  readonly isViolated: boolean;
  /** Whether a call that began before that was let in and came back after it: its process had to wait for a processor. */
  readonly isLate: boolean;
  /** How many answers there were, and how many of them were asked of the store. */
  readonly answers: number;
  readonly gets: number;
}

/** How much later the lines deliver when they are late, in milliseconds. */
const LATE = 150;

/** What the processes share. */
export interface LogoutServer {
  readonly on: "redis" | "postgres";
  readonly port: number;
}

/** Several processes on one server, each with a near cache, and each told of changes over a line of its own. */
export class LogoutTrials {
  readonly #nodes: readonly Node[];
  readonly #proxies: readonly RedisProxy[];

  private constructor(nodes: readonly Node[], proxies: readonly RedisProxy[]) {
    this.#nodes = nodes;
    this.#proxies = proxies;
  }

  static async start(
    { on, port }: LogoutServer,
    { processes = 4, maxStale = 200, strict = true }: { processes?: number; maxStale?: number; strict?: boolean } = {},
  ): Promise<LogoutTrials> {
    const proxies = await Promise.all(Array.from({ length: processes }, async () => startProxy(port)));
    const nodes = proxies.map(() => new Node());
    for (const [index, { port: linkPort }] of proxies.entries()) {
      await nodes[index]?.ask({ do: "open", on, port, linkPort, maxStale, strict }, "open");
    }
    return new LogoutTrials(nodes, proxies);
  }

  /** Makes one trial. @param wait how long after the disturbance the logout is, in milliseconds */
  async run(disturbance: Disturbance, wait: number): Promise<Trial> {
    const [first] = this.#nodes as readonly [Node];
    const { id, token } = await first.ask({ do: "create" }, "created");
    const ends = this.#nodes.map(async (node) => node.next("out"));
    await Promise.all(this.#nodes.map(async (node) => node.ask({ do: "authenticate", token }, "warm")));
    for (const proxy of this.#proxies) disturb(proxy, disturbance);
    await new Promise((resolve) => setTimeout(resolve, wait));
    const { removedAt, resolvedAt } = await first.ask({ do: "destroy", id }, "destroyed");
    const outs = await Promise.all(ends);
    for (const proxy of this.#proxies) proxy.mend();
    const since = (instants: readonly bigint[]): number =>
      Math.max(...instants.map((at) => Number(at - removedAt) / 1e6));
    return {
      lastAnswer: since(outs.map(({ answeredAt }) => answeredAt)),
      lastCall: since(outs.map(({ beganAt }) => beganAt)),
      settling: since([resolvedAt]),
      isViolated: outs.some(({ beganAt }) => beganAt > resolvedAt),
      isLate: outs.some(({ beganAt, answeredAt }) => beganAt <= resolvedAt && answeredAt > resolvedAt),
      answers: outs.reduce((sum, { answers }) => sum + answers, 0),
      gets: outs.reduce((sum, { gets }) => sum + gets, 0),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => node.stop()));
    await Promise.all(this.#proxies.map(async (proxy) => proxy.stop()));
  }
}

function disturb(proxy: RedisProxy, how: Disturbance): void {
  if (how === "cut") proxy.cut();
  else if (how === "held") proxy.hold();
  else if (how === "late") proxy.delay(LATE);
}

type Told = Report["told"];

/** A process of `logout-node.ts`. */
class Node {
  readonly #process: ChildProcess = fork(fileURLToPath(new URL("logout-node.ts", import.meta.url)), {
    // BigInts pass as they are.
    serialization: "advanced",
    execArgv: [],
  });

  async ask<T extends Told>(order: Order, told: T): Promise<Extract<Report, { told: T }>> {
    const answer = this.next(told);
    this.#process.send(order);
    return answer;
  }

  /** The next report of a kind. */
  async next<T extends Told>(told: T): Promise<Extract<Report, { told: T }>> {
    return new Promise((resolve, reject) => {
      const hear = (report: Report): void => {
        if (report.told !== told) return;
        this.#process.off("message", hear);
        this.#process.off("exit", fail);
        resolve(report as Extract<Report, { told: T }>);
      };
      const fail = (code: number | null): void => reject(new Error(`The process ended with ${code}`));
      this.#process.on("message", hear);
      this.#process.once("exit", fail);
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.ask({ do: "stop" }, "stopped");
    await ended;
  }
}
