/**
 * How soon the end of a session is felt in every process: `node bench/ends.ts [trials of each kind, by default 5]
 * [--stop seconds, by default 30] [--signals] [--json]`.
 *
 * Four processes on one Redis, and two on one SQLite file, each hold a socket of 1,000 sessions: a WebSocket that
 * `sojourn/ws` guards, whose client is in a process of its own; with `--signals` a signal. Then sessions end in one of
 * them: 20 at a time, in each way there is. Over Redis the lines on which the processes are told are cut, dead or slow
 * when that happens, and mended a second and a half later. All instants are of one monotonic clock, which the processes of
 * a machine share.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  EndsTrials,
  kinds,
  type Disturbance,
  type Kind,
  type Trial,
} from "../packages/sojourn/test/sessions/ends/support/ends-trials.ts";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";

const { values, positionals } = parseArgs({
  options: {
    stop: { type: "string", default: "30" },
    signals: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const count = Number(positionals[0] ?? 5);
const stopFor = Number(values.stop) * 1_000;
const sockets = !values.signals;
const SESSIONS = 1_000;
const MAX_STALE = 500;

interface Row {
  readonly place: string;
  readonly lines: Disturbance | `process stopped for ${number} s`;
  readonly onLost: "abort" | "recheck";
  readonly kind: Kind;
  readonly trials: readonly Trial[];
}
const rows: Row[] = [];

async function measure(place: string, trials: EndsTrials, lines: Disturbance, onLost: Row["onLost"]): Promise<void> {
  for (const kind of lines === "none" ? kinds : (["destroy"] as const)) {
    const made: Trial[] = [];
    // What is lost is lost for good.
    const times = onLost === "abort" && lines !== "none" ? 1 : count;
    for (let trial = 0; trial < times; trial++)
      made.push(await trials.run(kind, lines, lines === "none" ? 300 : 1_500));
    rows.push({ place, lines, onLost, kind, trials: made });
  }
}

const server = await startRedis();
const place = "Redis, 4 processes";
const runs = [
  ["abort", "none"],
  ["recheck", "late"],
  ["recheck", "held"],
  ["recheck", "cut"],
  ["abort", "held"],
] as const;
for (const [onLost, lines] of runs) {
  const ends = { maxStale: MAX_STALE, onLost };
  const options = { place: { port: server.port }, processes: 4, sessions: SESSIONS, ends, sockets };
  const trials = await EndsTrials.start(options);
  await measure(place, trials, lines, onLost);
  if (lines === "none" && stopFor > 0) {
    const stopped = [await trials.stopped(stopFor)];
    rows.push({ place, lines: `process stopped for ${stopFor / 1_000} s`, onLost, kind: "destroy", trials: stopped });
  }
  await trials.stop();
}
await server.stop();

const folder = mkdtempSync(join(tmpdir(), "sojourn-ends-"));
const ends = { maxStale: MAX_STALE };
const onFile = await EndsTrials.start({
  place: { path: join(folder, "sessions.db") },
  processes: 2,
  sessions: SESSIONS,
  ends,
  sockets,
});
await measure("SQLite, 2 processes", onFile, "none", "abort");
await onFile.stop();
rmSync(folder, { recursive: true });

function quantile(values: readonly number[], part: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return value === undefined ? "-" : value.toFixed(1);
}

console.log(
  `\n${SESSIONS} ${sockets ? "sockets" : "signals"} of each process, maxStale ${MAX_STALE} ms, ${count} trials of 20 ends (Node ${process.version})\n`,
);
console.log(
  "| | lines | how they ended | felt after the call had resolved, ms: median | 99 % | max | last message let through after it: max | not felt | others ended | reasons |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
for (const { place, lines, onLost, kind, trials } of rows) {
  const delays = trials.flatMap((trial) => trial.delays);
  const through = Math.max(...trials.flatMap((trial) => trial.lastThrough));
  const sum = (of: (trial: Trial) => number): number => trials.reduce((total, trial) => total + of(trial), 0);
  const cells = [
    place,
    lines === "none" ? "undisturbed" : lines,
    `${kind}${onLost === "recheck" ? ", recheck" : ""}`,
    quantile(delays, 0.5),
    quantile(delays, 0.99),
    quantile(delays, 1),
    through < 0 ? "none" : `${through.toFixed(1)} ms`,
    sum(({ missing }) => missing),
    sum(({ wrongly }) => wrongly),
    [...new Set(trials.flatMap(({ reasons }) => reasons))].join(", "),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
if (values.json) console.log(JSON.stringify(rows));
process.exit();
