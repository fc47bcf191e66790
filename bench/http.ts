/**
 * What a session costs over HTTP: `npm run bench:http [-- --json]`.
 *
 * `GET /sessions/:token` against a route of the same server that answers the same text without a look at a store. The
 * server is a process of its own, so that the load does not slow it down; the two routes take turns.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import autocannon from "autocannon";
import { ensure, median, report, type Row } from "./measure.ts";

const SECONDS = 4;
const ROUNDS = 5;

async function requestsPerSecond(url: string): Promise<number> {
  const result = await autocannon({ url, connections: 64, duration: SECONDS });
  ensure(result.non2xx === 0 && result.errors === 0, `every answer of ${url.replace(/[^/]+$/, "…")} was 2xx`);
  return result.requests.average;
}

async function measure(store: string, aim: string): Promise<Row> {
  const server = fork(new URL("http-server.ts", import.meta.url), [store], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [{ url, token }] = (await once(server, "message")) as [{ url: string; token: string }];
  ensure((await (await fetch(`${url}/sessions/${token}`)).text()) === '"u_42"', "the session resolves");
  const ours: number[] = [];
  const empty: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    empty.push(await requestsPerSecond(`${url}/empty/${token}`));
    ours.push(await requestsPerSecond(`${url}/sessions/${token}`));
  }
  server.kill();
  const ratio = median(ours) / median(empty);
  return {
    what: `GET /sessions/:token, ${store}`,
    ours: `${Math.round(median(ours)).toLocaleString("en")}/s`,
    against: `an empty route: ${Math.round(median(empty)).toLocaleString("en")}/s`,
    ratio: ratio.toFixed(2),
    aim,
  };
}

report("HTTP", [await measure("memory:", "at least 0.85"), await measure("sqlite:", "at least 0.75")]);
