/** What every runtime runs, over what is published: the store contract, and the service over HTTP. */
import { createSessions, SessionEndedError, type Store } from "sojourn";
import { createApp } from "sojourn-server";
import { storeContract, type OpenStore } from "sojourn/testing";

/** What came of it. */
export interface Report {
  readonly runtime: string;
  /** How many cases of the contract each store has passed, and what the others said. */
  readonly contracts: Readonly<Record<string, { readonly passed: number; readonly failures: readonly string[] }>>;
  /** The answers of the service. */
  readonly answers: readonly string[];
  /** The reasons for which signals were aborted. */
  readonly ends: readonly string[];
}

/** A store of one runtime. */
export interface StoreHere {
  readonly open: OpenStore;
  /** Whether a namespace opened again is a second store on the same entries. */
  readonly twoStores: boolean;
  /** Every how manieth case is run: fewer where each write waits for a disk. @default 1 */
  readonly every?: number;
}

export async function contracts(stores: Readonly<Record<string, StoreHere>>): Promise<Report["contracts"]> {
  const reports: Record<string, Report["contracts"][string]> = {};
  for (const [name, { open, twoStores, every = 1 }] of Object.entries(stores)) {
    const failures: string[] = [];
    let passed = 0;
    for (const [index, { run, needs }] of storeContract.entries()) {
      if (index % every !== 0 || (needs === "two stores" && !twoStores)) continue;
      try {
        await run(open);
        passed++;
      } catch (error) {
        failures.push(String(error));
      }
    }
    reports[name] = { passed, failures };
  }
  return reports;
}

/** What a signal of a session tells, and what `AbortSignal.any` makes of one that nobody else holds. */
export async function endReasons(): Promise<string[]> {
  const sessions = createSessions();
  const reasons: string[] = [];
  const { id } = sessions.create("ann");
  const hear = (signal: AbortSignal): void =>
    signal.addEventListener("abort", () => {
      const { reason } = signal as { readonly reason: unknown };
      reasons.push(reason instanceof SessionEndedError ? reason.reason : String(reason));
    });
  hear(sessions.signal(id));
  hear(AbortSignal.any([sessions.signal(id), new AbortController().signal]));
  sessions.watch(id, ({ reason }) => reasons.push(`watch ${reason}`));
  // A collector has its chance.
  await new Promise((resolve) => setTimeout(resolve, 10));
  if (sessions.ends.isCurrent(id)) sessions.destroy(id);
  sessions.ends.close();
  return reasons;
}

const KEY = "correct-horse-battery-staple-42!";

/** The service over a store. */
export function service(store: Store): (request: Request) => Response | Promise<Response> {
  const app = createApp({ sessions: createSessions({ store, refreshThreshold: 0 }), apiKey: KEY });
  return (request) => app.fetch(request);
}

/** Logs in, asks, logs out and asks again. */
export async function roundTrip(ask: (path: string, init: RequestInit) => Promise<Response>): Promise<string[]> {
  const answers: string[] = [];
  const say = async (method: string, path: string, body?: object, key: string = KEY): Promise<void> => {
    const headers = { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) };
    const response = await ask(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    answers.push(`${response.status} ${await response.text()}`.trim());
  };
  await say("GET", "/sessions/t1", undefined, `${KEY}x`);
  await say("POST", "/sessions", { token: "t1", user: "u_42" });
  await say("GET", "/sessions/t1");
  await say("GET", "/sessions");
  await say("POST", "/sessions/t1/logout");
  await say("GET", "/sessions/t1");
  await say("GET", "/sessions");
  await say("POST", "/sessions", { token: "", user: "u_42" });
  return answers;
}
