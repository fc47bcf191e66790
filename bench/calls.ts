/**
 * What calls on the memory store cost here and in another build of the library, in turns in one process, in
 * time of the processor: `npm run --silent build && node bench/calls.ts <folder of the other build's dist> [--json]`.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as sojourn from "sojourn";
import type * as cookies from "sojourn/cookies";
import { ensure, fresh, ns, processorTimes, report, times } from "./measure.ts";

type Library = typeof sojourn & typeof cookies;
const SESSIONS = 10_000;
const CALLS = 1_000;
const ROUNDS = 400;
const DATA = { role: "admin", theme: "dark" };
const here = fileURLToPath(new URL("../packages/sojourn/dist", import.meta.url));

function each<T>(use: (item: T) => unknown, items: readonly T[]): number {
  for (const item of items) use(item);
  return items.length;
}

/** Requests that each set one field, of as many visitors with a session. */
function requests({ createSessions, memoryStore, cookieSessions }: Library): () => number {
  const web = cookieSessions({
    sessions: createSessions({ store: memoryStore(), clock: { now: () => 1e12 } }),
    keys: ["a key of a benchmark, of more than thirty-two bytes"],
  });
  const started = Array.from({ length: CALLS }, (_, n) => {
    const session = web.start({ headers: {} });
    session.login(`user-${n}`, DATA);
    const headers = new Headers();
    session.commit(headers);
    return { headers: { cookie: headers.getSetCookie()[0]?.split(";")[0] } };
  });
  const response = { statusCode: 200, getHeader: () => undefined, setHeader: () => undefined };
  let count = 0;
  const visit = (request: (typeof started)[number]): boolean => {
    const session = web.start(request);
    session.set("n", count++);
    return session.commit(response);
  };
  ensure(
    started.every((request) => visit(request)),
    "what a request sets is kept",
  );
  ensure(web.start(started[0]!).get("n") === 0, "the next request reads it");
  return () => each(visit, started);
}

/** The calls of one build; each answers how many operations it made. */
function calls(library: Library): Readonly<Record<string, () => number>> {
  const { createSessions, memoryStore } = library;
  let instant = 1e12;
  const sessions = createSessions({
    store: memoryStore({ maxEntries: 2 * SESSIONS }),
    clock: { now: () => instant },
    refreshThreshold: "30m",
  });
  const made = Array.from({ length: SESSIONS }, (_, n) => sessions.create(`user-${n}`, DATA));
  const tokens = made.map(({ token }) => token);
  const ids = made.map(({ id }) => id);
  ensure(sessions.authenticate(tokens[0])?.data["role"] === "admin", "a token authenticates");
  let count = 0;
  let turn = 0;
  const some = <T>(all: readonly T[]): readonly T[] => {
    const from = (turn++ * CALLS) % SESSIONS;
    return all.slice(from, from + CALLS);
  };
  return {
    "create and destroy": () => each((id) => sessions.destroy(sessions.create(`one-${id}`, DATA).id), some(ids)),
    update: () => each((id) => sessions.update(id, { n: count++ }), some(ids)),
    refresh: () => {
      instant += 1;
      return each((id) => sessions.refresh(id), some(ids));
    },
    get: () => each((id) => sessions.get(id), some(ids)),
    authenticate: () => each((token) => sessions.authenticate(token), fresh(some(tokens))),
    "authenticate, extending": () => {
      instant += 1;
      return each((token) => sessions.authenticate(token), fresh(some(tokens)));
    },
    "a request that sets a field": requests(library),
  };
}

const otherBuild = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
if (otherBuild === undefined) throw new Error("Expected the folder of another build's dist");
const part = async (folder: string, name: string): Promise<object> =>
  (await import(pathToFileURL(join(folder, name)).href)) as object;
const load = async (folder: string): Promise<Library> =>
  ({ ...(await part(folder, "index.js")), ...(await part(folder, "web/cookies/index.js")) }) as Library;
const builds = { ours: calls(await load(here)), other: calls(await load(otherBuild)) };
const rows = Object.keys(builds.ours).map((what) => {
  const { ours, other } = processorTimes({ ours: builds.ours[what]!, other: builds.other[what]! }, ROUNDS);
  return { what, ours: ns(ours), against: ns(other), ratio: times(ours / other), aim: "–" };
});
report("Calls on the memory store, against another build", rows);
