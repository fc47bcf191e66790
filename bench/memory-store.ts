/**
 * What a session in memory costs, here and in another build of the library:
 * `node bench/memory-store.ts [folder of the other build's dist]`.
 *
 * Each build is measured in a process of its own, since what is measured is memory and the engine's state as well; the
 * processes take turns, and the medians count.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as sojourn from "sojourn";
import { median } from "./measure.ts";

type Library = typeof sojourn;
const COUNT = 1_000_000;
const here = fileURLToPath(new URL("../packages/sojourn/dist", import.meta.url));

/** All figures of one build, in nanoseconds but where the name says otherwise. */
function figures({ createSessions, memoryStore }: Library): Record<string, number> {
  let now = Date.UTC(2026, 0, 1);
  const sessions = createSessions({ store: memoryStore({ maxEntries: 2 * COUNT }), clock: { now: () => now } });
  const each = (name: string, count: number, use: (n: number) => unknown): void => {
    const start = process.hrtime.bigint();
    for (let n = 0; n < count; n++) use(n);
    found[name] = Number(process.hrtime.bigint() - start) / count;
  };
  const found: Record<string, number> = {};
  const tokens: string[] = [];
  const ids: string[] = [];
  for (let n = 0; n < 20_000; n++) sessions.destroy(sessions.create("warm", { n }).id);

  each(
    "one user logs in and out, 10,000 sessions there",
    10_000,
    (n) => sessions.create(`first-${n}`, {}) && undefined,
  );
  each("one user logs in and out, 10,000 sessions there", 5_000, () => sessions.destroy(sessions.create("one", {}).id));

  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  let longest = 0;
  each(`create, up to ${COUNT}`, COUNT, (n) => {
    const start = performance.now();
    const { token, id } = sessions.create(`user-${n}`, { role: "admin" });
    longest = Math.max(longest, performance.now() - start);
    if (n % 100 === 0) {
      tokens.push(token);
      ids.push(id);
    }
  });
  globalThis.gc?.();
  found["bytes a session, never read"] =
    (process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before) / COUNT;
  found["longest create, ms"] = longest;
  each("authenticate, cold", tokens.length, (n) => sessions.authenticate(tokens[n]));
  each("authenticate, warm", tokens.length, (n) => sessions.authenticate(tokens[n]));
  now += 120_000;
  each("authenticate with a refresh", tokens.length, (n) => sessions.authenticate(tokens[n]));
  each("listByUser", tokens.length, (n) => sessions.listByUser(`user-${n * 100}`));
  each("destroy", ids.length, (n) => sessions.destroy(ids[n] as string));
  each("count, none expired", 1_000, () => sessions.count());
  now += 86_400_000;
  each("count, all expired", 5, () => sessions.count());
  let slice = 0;
  for (let removed = -1; removed !== 0;) {
    const start = performance.now();
    removed = sessions.cleanup();
    slice = Math.max(slice, performance.now() - start);
  }
  found["longest slice of a cleanup, ms"] = slice;
  return found;
}

if (process.argv[2] === "--measure") {
  const library = (await import(pathToFileURL(join(process.argv[3] ?? here, "index.js")).href)) as Library;
  console.log(JSON.stringify(figures(library)));
} else {
  const builds = [here, ...process.argv.slice(2)];
  const runs = builds.map((): Record<string, number>[] => []);
  for (let round = 0; round < 3; round++) {
    for (const [index, build] of builds.entries()) {
      const printed = execFileSync(
        process.execPath,
        ["--expose-gc", "--max-old-space-size=8192", fileURLToPath(import.meta.url), "--measure", build],
        { encoding: "utf8" },
      );
      runs[index]?.push(JSON.parse(printed) as Record<string, number>);
    }
  }
  console.log(`\nThe memory store (Node ${process.version})\n`);
  console.log(
    `| figure | here |${builds.length > 1 ? " the other build |" : ""}\n| --- | --- |${builds.length > 1 ? " --- |" : ""}`,
  );
  for (const name of Object.keys(runs[0]?.[0] ?? {})) {
    const values = runs.map((run) => median(run.map((found) => found[name] ?? Number.NaN)));
    console.log(`| ${name} | ${values.map((value) => value.toFixed(value < 100 ? 1 : 0)).join(" | ")} |`);
  }
}
