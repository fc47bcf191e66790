/** Clients that log in, come back and log out without a pause, and a ledger of what they were told. */
import { setTimeout as pause } from "node:timers/promises";
import { StoreError } from "../../../src/errors.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { random, type Random } from "../../linearizability/random.ts";
import { until } from "./redis-until.ts";

type Manager = Sessions<Record<string, never>, "async">;

/** A session as its client knows it. */
export interface Known {
  readonly id: string;
  readonly token: string;
}

/** What the clients were told. */
export interface Ledger {
  /** How many calls there were. */
  calls: number;
  /** How many calls ended with each code of a `StoreError`. */
  readonly faults: Map<string, number>;
  /** What was thrown that is no `StoreError`. */
  readonly strange: unknown[];
  /** How long the longest call took, in milliseconds. */
  slowest: number;
  /** Sessions from before the load that were said not to be there. */
  readonly absent: Set<string>;
  /** Sessions of the load whose create was acknowledged, and that were then said not to be there. */
  readonly lost: Set<string>;
  /** Sessions whose destroy was acknowledged. */
  readonly destroyed: Map<string, Known>;
  /** Those of them that were seen again. */
  readonly revived: Set<string>;
}

export interface Load {
  readonly ledger: Ledger;
  /** Resolves when each client has had so many more answers that are no faults. */
  progress(answers: number): Promise<void>;
  /** Resolves when there have been so many more calls. */
  calls(more: number): Promise<void>;
  /** Lets the clients finish what they are at. */
  stop(): Promise<void>;
}

export const LOAD_CLIENTS = 32;

/** Starts the clients, on the managers in turn. `base` is there before and is to stay. */
export function startLoad(managers: readonly Manager[], base: readonly Known[]): Load {
  const ledger: Ledger = {
    calls: 0,
    faults: new Map(),
    strange: [],
    slowest: 0,
    absent: new Set(),
    lost: new Set(),
    destroyed: new Map(),
    revived: new Set(),
  };
  const answers = Array.from({ length: LOAD_CLIENTS }, () => 0);
  const state = { isOver: false };
  const clients = answers.map(async (_, index) => {
    const client = clientOn(managers[index % managers.length] as Manager, { ledger, base, random: random(index) });
    while (!state.isOver) {
      if (await timed(ledger, client)) answers[index] = (answers[index] ?? 0) + 1;
      // A server that is away refuses at once: without a pause, the clients would do nothing but ask.
      else await pause(50);
    }
  });
  return {
    ledger,
    async progress(more) {
      const goals = answers.map((count) => count + more);
      await until("all clients to go on", async () => goals.every((goal, index) => (answers[index] ?? 0) >= goal));
    },
    async calls(more) {
      const goal = ledger.calls + more;
      await until("more calls", async () => ledger.calls >= goal);
    },
    async stop() {
      state.isOver = true;
      await Promise.all(clients);
    },
  };
}

/** Makes one call. Whether it was answered. */
async function timed(ledger: Ledger, call: () => Promise<void>): Promise<boolean> {
  const start = performance.now();
  ledger.calls++;
  try {
    await call();
    return true;
  } catch (error) {
    if (error instanceof StoreError) ledger.faults.set(error.code, (ledger.faults.get(error.code) ?? 0) + 1);
    else ledger.strange.push(error);
    return false;
  } finally {
    ledger.slowest = Math.max(ledger.slowest, performance.now() - start);
  }
}

interface Part {
  readonly ledger: Ledger;
  readonly base: readonly Known[];
  readonly random: Random;
}

/** What a client does next, one call at a time. */
function clientOn(manager: Manager, { ledger, base, random }: Part): () => Promise<void> {
  const live: Known[] = [];
  const gone: Known[] = [];
  const take = (from: Known[]): Known | undefined => from.splice(random.under(Math.max(1, from.length)), 1)[0];

  async function create(): Promise<void> {
    const { id, token } = await manager.create("ann");
    live.push({ id, token });
  }
  async function authenticate(): Promise<void> {
    const known = live[random.under(Math.max(1, live.length))];
    if (known === undefined) return create();
    if ((await manager.authenticate(known.token)) === undefined) {
      live.splice(live.indexOf(known), 1);
      ledger.lost.add(known.id);
    }
  }
  async function authenticateBase(): Promise<void> {
    const known = base[random.under(base.length)] as Known;
    if ((await manager.authenticate(known.token)) === undefined) ledger.absent.add(known.id);
  }
  async function destroy(): Promise<void> {
    // One that fails is neither here nor there from then on, and is left alone.
    const known = take(live);
    if (known === undefined) return create();
    await manager.destroy(known.id);
    ledger.destroyed.set(known.id, known);
    gone.push(known);
  }
  async function authenticateGone(): Promise<void> {
    const known = gone[random.under(Math.max(1, gone.length))];
    if (known === undefined) return create();
    if ((await manager.authenticate(known.token)) !== undefined) ledger.revived.add(known.id);
  }
  return async () => random.pick([create, authenticate, authenticateBase, destroy, authenticateGone])();
}
