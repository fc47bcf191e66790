/**
 * What calls on the memory store cost here and in another build of the library, in turns in one process:
 * `npm run --silent build && node bench/calls.ts <folder of the other build's dist> [--json]`.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as sojourn from "sojourn";
import { ensure, fresh, median, medians, ns, report, times } from "./measure.ts";

type Library = typeof sojourn;
const SESSIONS = 10_000;
const CALLS = 2_000;
const ROUNDS = 151;
const DATA = { role: "admin", theme: "dark" };
const here = fileURLToPath(new URL("../packages/sojourn/dist", import.meta.url));

function each<T>(use: (item: T) => unknown, items: readonly T[]): number {
  for (const item of items) use(item);
  return items.length;
}

/** The calls of one build; each answers how many operations it made. */
function calls({ createSessions, memoryStore }: Library): Readonly<Record<string, () => number>> {
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
    get: () => each((id) => sessions.get(id), some(ids)),
    authenticate: () => each((token) => sessions.authenticate(token), fresh(some(tokens))),
    "authenticate, extending": () => {
      instant += 1;
      return each((token) => sessions.authenticate(token), fresh(some(tokens)));
    },
  };
}

const other = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
if (other === undefined) throw new Error("Expected the folder of another build's dist");
const load = async (folder: string): Promise<Library> =>
  (await import(pathToFileURL(join(folder, "index.js")).href)) as Library;
const builds = { ours: calls(await load(here)), other: calls(await load(other)) };
const rows = Object.keys(builds.ours).map((what) => {
  const result = medians({ ours: builds.ours[what]!, other: builds.other[what]!, again: builds.ours[what]! }, ROUNDS);
  const ours = median([result.ours, result.again]);
  return { what, ours: ns(ours), against: ns(result.other), ratio: times(ours / result.other), aim: "–" };
});
report("Calls on the memory store, against another build", rows);
