/**
 * What a session costs over HTTP: `npm run bench:http [-- --json]`.
 *
 * `GET /sessions/:token` against a route of Hono's, in the same server, that answers the same bytes without a look at a
 * store; and the same request through Hono, on another port. The server is a process of its own, so that the load does not
 * slow it down. The three take short turns. A ratio is the median of those of single rounds: what else the machine does
 * in a round befalls all three. Rates say little on a machine that is busy; the time of the server's thread says more.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import autocannon from "autocannon";
import { ensure, median, report, times, type Row } from "./measure.ts";

const SECONDS = 1;
const ROUNDS = 11;
/** For the compiler. */
const ROUNDS_BEFORE = 2;

/** What a request took, in microseconds. */
interface Cost {
  readonly time: number;
  /** Of the processor, in the server's thread. */
  readonly cpu: number;
}

const NAMES = ["empty", "ours", "hono"] as const;
type Name = (typeof NAMES)[number];

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send("cpu");
  const [{ user, system }] = (await once(server, "message")) as [NodeJS.CpuUsage];
  return user + system;
}

async function load(server: ChildProcess, url: string): Promise<Cost> {
  const cpu = await cpuOf(server);
  const { non2xx, errors, requests, duration } = await autocannon({ url, connections: 64, duration: SECONDS });
  ensure(non2xx === 0 && errors === 0, "every answer was 2xx");
  return { time: (1e6 * duration) / requests.total, cpu: ((await cpuOf(server)) - cpu) / requests.total };
}

async function measure(store: string, aim: string): Promise<Row[]> {
  const server = fork(new URL("http-server.ts", import.meta.url), [store], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [{ url, honoUrl, token }] = (await once(server, "message")) as [Record<"url" | "honoUrl" | "token", string>];
  const path = `/sessions/${token}`;
  ensure((await (await fetch(url + path)).text()) === '"u_42"', "the session resolves");
  const urls: Record<Name, string> = { empty: `${honoUrl}/empty/${token}`, ours: url + path, hono: honoUrl + path };
  const costs: Record<Name, Cost[]> = { empty: [], ours: [], hono: [] };
  for (let round = 0; round < ROUNDS + ROUNDS_BEFORE; round++) {
    for (const name of NAMES) {
      const cost = await load(server, urls[name]);
      if (round >= ROUNDS_BEFORE) costs[name].push(cost);
    }
  }
  server.kill();
  const row = (name: Name, of: keyof Cost, what: string, rowAim: string): Row => {
    const middle = (whose: Name): string => `${median(costs[whose].map((cost) => cost[of])).toFixed(1)} µs`;
    const ratios = costs.empty.map((empty, round) => empty[of] / (costs[name][round] as Cost)[of]);
    return {
      what,
      ours: middle(name),
      against: `an empty route: ${middle("empty")}`,
      ratio: times(median(ratios)),
      aim: rowAim,
    };
  };
  return [
    row("ours", "cpu", `GET /sessions/:token, ${store}, processor time of the server`, aim),
    row("ours", "time", "… time between two answers", aim),
    row("hono", "cpu", "… through Hono, processor time of the server", "–"),
    row("hono", "time", "… through Hono, time between two answers", "–"),
  ];
}

report("HTTP", [...(await measure("memory:", "at least 1.0")), ...(await measure("sqlite:", "at least 0.8"))]);
