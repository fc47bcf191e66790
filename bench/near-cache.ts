/**
 * For how long a session outlives its logout: `node bench/near-cache.ts [trials, by default 200] [--postgres] [--json]`.
 *
 * Four processes on one Redis, or Postgres, authenticate one session, over and over, through their near caches; one of them destroys
 * it. The processes are told of changes over lines of their own, which are cut, dead or slow when the logout comes. All
 * instants are of one monotonic clock, which the processes of a machine share.
 */
import {
  LogoutTrials,
  type Disturbance,
  type Trial,
} from "../packages/sojourn/test/store/near-cache/support/logout-trials.ts";
import pg from "pg";
import { postgresStore } from "sojourn/postgres";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { median } from "./measure.ts";

const MAX_STALE = 200;
const count = Number(process.argv[2] ?? 200);
const isPostgres = process.argv.includes("--postgres");
const server = isPostgres ? await startPostgres() : await startRedis();
if (isPostgres) {
  const pool = new pg.Pool({ connectionString: server.url });
  await postgresStore.migrate(pool);
  await pool.end();
}

interface Row {
  readonly mode: string;
  readonly lines: Disturbance;
  readonly trials: readonly Trial[];
}

async function trialsOf(strict: boolean, lines: Disturbance): Promise<Row> {
  const processes = await LogoutTrials.start(
    { on: isPostgres ? "postgres" : "redis", port: server.port },
    { maxStale: MAX_STALE, strict },
  );
  const trials: Trial[] = [];
  // At any place between two heartbeats.
  for (let trial = 0; trial < count; trial++) trials.push(await processes.run(lines, (trial * 7) % 70));
  await processes.stop();
  return { mode: strict ? "strict" : "not strict", lines, trials };
}

const rows: Row[] = [];
for (const lines of ["none", "cut", "held", "late"] as const) rows.push(await trialsOf(true, lines));
rows.push(await trialsOf(false, "none"));
await server.stop();

const ms = (value: number): string => (value < 0 ? "none" : `${value.toFixed(1)} ms`);
console.log(
  `\nA logout that four processes see, ${count} trials each, maxStale ${MAX_STALE} ms (Node ${process.version})\n`,
);
console.log(
  "| | lines | last call let in after the removal: median | max | last answer: max | destroy took: median | " +
    "calls let in that began after destroy had resolved | that began before, and came back after it | answers from copies |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
for (const { mode, lines, trials } of rows) {
  const calls = trials.map(({ lastCall }) => lastCall);
  const answers = trials.reduce((sum, each) => sum + each.answers, 0);
  const gets = trials.reduce((sum, each) => sum + each.gets, 0);
  const cells = [
    mode,
    lines === "none" ? "undisturbed" : lines,
    ms(median(calls)),
    ms(Math.max(...calls)),
    ms(Math.max(...trials.map(({ lastAnswer }) => lastAnswer))),
    ms(median(trials.map(({ settling }) => settling))),
    `in ${trials.filter(({ isViolated }) => isViolated).length} of ${trials.length}`,
    `in ${trials.filter(({ isLate }) => isLate).length} of ${trials.length}`,
    `${((1 - gets / answers) * 100).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
if (process.argv.includes("--json")) console.log(JSON.stringify(rows));
process.exit();
