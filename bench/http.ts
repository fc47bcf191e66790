/**
 * What a session costs over HTTP: `npm run bench:http [-- --json]`.
 *
 * `GET /sessions/:token` against a route of the same server that answers the same text without a look at a store. The
 * server is a process of its own, so that the load does not slow it down; the two routes take turns.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import autocannon from "autocannon";
import { ensure, median, report, times, type Row } from "./measure.ts";

const SECONDS = 4;
const ROUNDS = 5;

interface Rate {
  readonly perSecond: number;
  /** What the server's process spent on a request, in microseconds of processor time. */
  readonly cpu: number;
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send("cpu");
  const [{ user, system }] = (await once(server, "message")) as [NodeJS.CpuUsage];
  return user + system;
}

async function load(server: ChildProcess, url: string): Promise<Rate> {
  const before = await cpuOf(server);
  const result = await autocannon({ url, connections: 64, duration: SECONDS });
  ensure(result.non2xx === 0 && result.errors === 0, "every answer was 2xx");
  return { perSecond: result.requests.average, cpu: ((await cpuOf(server)) - before) / result.requests.total };
}

async function measure(store: string, aim: string): Promise<Row[]> {
  const server = fork(new URL("http-server.ts", import.meta.url), [store], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [{ url, token }] = (await once(server, "message")) as [{ url: string; token: string }];
  ensure((await (await fetch(`${url}/sessions/${token}`)).text()) === '"u_42"', "the session resolves");
  const ours: Rate[] = [];
  const empty: Rate[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    empty.push(await load(server, `${url}/empty/${token}`));
    ours.push(await load(server, `${url}/sessions/${token}`));
  }
  server.kill();
  const middle = (rates: readonly Rate[], of: keyof Rate): number => median(rates.map((rate) => rate[of]));
  const rate = (rates: readonly Rate[]): string => `${Math.round(middle(rates, "perSecond")).toLocaleString("en")}/s`;
  const cpu = (rates: readonly Rate[]): string => `${middle(rates, "cpu").toFixed(1)} µs`;
  return [
    {
      what: `GET /sessions/:token, ${store}`,
      ours: rate(ours),
      against: `an empty route: ${rate(empty)}`,
      ratio: times(middle(ours, "perSecond") / middle(empty, "perSecond")),
      aim,
    },
    {
      what: "… processor time of the server, a request",
      ours: cpu(ours),
      against: `an empty route: ${cpu(empty)}`,
      ratio: times(middle(empty, "cpu") / middle(ours, "cpu")),
      aim: "–",
    },
  ];
}

report("HTTP", [...(await measure("memory:", "at least 0.85")), ...(await measure("sqlite:", "at least 0.75"))]);
