/**
 * What a session costs a web app: `npm run bench:web [-- --json] [framework]`.
 *
 * An authenticated GET, from the signed cookie to the session's user, against the same app without sessions and
 * against the peers on their own framework. Every app is a process of its own, loaded over 64 connections with the
 * cookies of a hundred users; all take turns in many short rounds, and the medians count. Before that, each app has to
 * answer every cookie with its user. Processor time is the server's own, and beside its median stands
 * that of its best round, which a busy machine disturbs least. Requests per second are bounded by the client's process
 * as well, where the server is faster than that.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import autocannon from "autocannon";
import { startRedis } from "../../packages/sojourn/test/store/support/redis-server.ts";
import { ensure, median, report, times, type Row } from "../measure.ts";
import { apps } from "./apps.ts";

const SECONDS = 1;
const ROUNDS = 11;
const USERS = 100;

interface Subject {
  readonly name: string;
  readonly server: ChildProcess;
  readonly url: string;
  /** The `Cookie` headers of the users that are logged in. */
  readonly cookies: string[];
  readonly rates: number[];
  /** Microseconds of the server's processor time, a request. */
  readonly costs: number[];
}

/** What is compared with what: ours, the other one, and the aim. */
const COMPARISONS: readonly (readonly [ours: string, against: string, aim: number | undefined])[] = [
  ["node:http, sojourn", "node:http", 0.93],
  ["node:http, sojourn's middleware", "node:http", undefined],
  ["Fastify, sojourn", "Fastify", 0.88],
  ["Hono, sojourn", "Hono", 0.83],
  ["Hono, sojourn around the app", "Hono", 0.83],
  ["Express, sojourn", "Express", 0.8],
  ["Express, sojourn", "Express, express-session", 1.6],
  ["Express, sojourn on Redis", "Express, express-session on connect-redis", 1.6],
  ["Express, sojourn on Redis, near cache", "Express, express-session on connect-redis", 1.6],
  ["Fastify, sojourn", "Fastify, @fastify/session", 3.5],
  ["Fastify, sojourn", "Fastify, @fastify/session, rolling: false", undefined],
  ["Hono, sojourn", "Hono, hono-sessions", 3.5],
  ["node:http, sojourn", "node:http, iron-session", 8],
];

async function start(name: string, redisUrl: string): Promise<Subject> {
  const server = fork(new URL("server.ts", import.meta.url), [name, redisUrl], {
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = (await once(server, "message")) as [number];
  const url = `http://127.0.0.1:${port}`;
  const cookies = name.includes(",") ? await logIn(url) : ["session=none"];
  for (const [index, cookie] of cookies.entries()) {
    const body: unknown = await (await fetch(url, { headers: { cookie } })).json();
    ensure((body as { user: string }).user === userOf(index), `${name} answers the user of each cookie`);
  }
  return { name, server, url, cookies, rates: [], costs: [] };
}

const userOf = (index: number): string => `user-${String(index).padStart(4, "0")}`;

async function logIn(url: string): Promise<string[]> {
  const cookies: string[] = [];
  for (let index = 0; index < USERS; index++) {
    const response = await fetch(`${url}/login?user=${userOf(index)}`, { method: "POST" });
    ensure(response.ok, "a login is answered");
    const cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const stranger: unknown = await (await fetch(url)).json();
    ensure((stranger as { user?: string }).user !== userOf(index), "who has no cookie is nobody");
    cookies.push(cookie);
  }
  return cookies;
}

async function cpuOf({ server }: Subject): Promise<number> {
  server.send("cpu");
  const [{ user, system }] = (await once(server, "message")) as [NodeJS.CpuUsage];
  return user + system;
}

/** Takes the cookies that were renewed, as a browser does: with one that is behind, each request would renew it again. */
async function takeRenewed({ url, cookies }: Subject): Promise<void> {
  for (const [index, cookie] of cookies.entries()) {
    const response = await fetch(url, { headers: { cookie } });
    await response.arrayBuffer();
    const renewed = response.headers.getSetCookie()[0]?.split(";")[0];
    if (renewed !== undefined) cookies[index] = renewed;
  }
}

async function load(subject: Subject, counts: boolean): Promise<void> {
  await takeRenewed(subject);
  const { name, url, cookies, rates, costs } = subject;
  const requests = cookies.map((cookie) => ({ headers: { cookie } }));
  const before = await cpuOf(subject);
  const { non2xx, errors, requests: done } = await autocannon({ url, connections: 64, duration: SECONDS, requests });
  ensure(non2xx === 0 && errors === 0, `every answer of ${name} was 2xx`);
  if (!counts) return;
  rates.push(done.average);
  costs.push(((await cpuOf(subject)) - before) / done.total);
}

const wanted = process.argv[2]?.startsWith("-") === false ? process.argv[2] : "";
const names = Object.keys(apps).filter((name) => name.startsWith(wanted));
const redis = await startRedis();
const subjects: Subject[] = [];
try {
  for (const name of names) subjects.push(await start(name, redis.url));
  for (const subject of subjects) await load(subject, false);
  for (let round = 0; round < ROUNDS; round++) for (const subject of subjects) await load(subject, true);
} finally {
  for (const { server } of subjects) server.kill();
  await redis.stop();
}

const rate = (subject: Subject): number => median(subject.rates);
const cost = (subject: Subject): number => median(subject.costs);
const best = (subject: Subject): number => Math.min(...subject.costs);
const shown = (subject: Subject): string =>
  `${Math.round(rate(subject)).toLocaleString("en")}/s, ${cost(subject).toFixed(1)} µs (${best(subject).toFixed(1)})`;

const rows = COMPARISONS.flatMap(([oursName, againstName, aim]): Row[] => {
  const ours = subjects.find(({ name }) => name === oursName);
  const against = subjects.find(({ name }) => name === againstName);
  if (ours === undefined || against === undefined) return [];
  return [
    {
      what: oursName,
      ours: shown(ours),
      against: `${againstName}: ${shown(against)}`,
      ratio: `${times(rate(ours) / rate(against))}, by processor time ${times(cost(against) / cost(ours))} (${times(best(against) / best(ours))})`,
      aim: aim === undefined ? "–" : `at least ${aim}`,
    },
  ];
});
report("An authenticated GET: requests a second, and the server's processor time for one", rows);
