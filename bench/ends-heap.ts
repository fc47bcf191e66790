/**
 * What signals cost: `node --expose-gc bench/ends-heap.ts [--long]`.
 *
 * The heap that a signal takes, the processor time that it adds to an end and to a touch, and the heap over sessions that
 * come and go: 100,000 of them, with `--long` 1,000,000.
 */
import { createSessions } from "../packages/sojourn/src/sessions/create-sessions.ts";
import { memoryStore } from "../packages/sojourn/src/store/memory-store.ts";
import { median } from "./measure.ts";

const SIGNALS = 100_000;
const COMING_AND_GOING = process.argv.includes("--long") ? 1_000_000 : 100_000;
const collect = globalThis.gc;
if (collect === undefined) throw new TypeError("Run it with --expose-gc");

async function heap(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    collect!();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return process.memoryUsage().heapUsed;
}

const cpu = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

const made = (): { sessions: ReturnType<typeof createSessions>; ids: string[]; tokens: string[] } => {
  const sessions = createSessions({ store: memoryStore(), ttl: "30m", refreshThreshold: "30m" });
  const ids: string[] = [];
  const tokens: string[] = [];
  for (let index = 0; index < SIGNALS; index++) {
    const { id, token } = sessions.create(`user ${index}`);
    ids.push(id);
    tokens.push(token);
  }
  return { sessions, ids, tokens };
};

console.log(`\n${SIGNALS} sessions in memory (Node ${process.version})\n`);
console.log("| what is held of each session | heap for each, bytes | after all was let go | to hold it, µs |");
console.log("| --- | --- | --- | --- |");
type Hold = (sessions: ReturnType<typeof createSessions>, id: string) => unknown;
const holds: readonly (readonly [name: string, hold: Hold])[] = [
  ["nothing", () => undefined],
  ["a signal", (sessions, id) => sessions.signal(id)],
  ["a signal with a listener", (sessions, id) => sessions.signal(id).addEventListener("abort", () => undefined)],
  ["a watch", (sessions, id) => sessions.watch(id, () => undefined)],
  [
    "for comparison: an `AbortController`, and what `AbortSignal.any` makes of it",
    () => {
      const controller = new AbortController();
      return [controller, AbortSignal.any([controller.signal])];
    },
  ],
];
for (const [name, hold] of holds) {
  const { sessions, ids } = made();
  const kept: unknown[] = [];
  kept.length = SIGNALS;
  const before = await heap();
  const start = cpu();
  for (let index = 0; index < SIGNALS; index++) kept[index] = hold(sessions, ids[index]!);
  const took = cpu() - start;
  const held = await heap();
  kept.length = 0;
  const left = (await heap()) - before;
  console.log(
    `| ${name} | ${((held - before) / SIGNALS).toFixed(0)} | ${(left / SIGNALS).toFixed(0)} | ${(took / SIGNALS).toFixed(2)} |`,
  );
  sessions.ends.close();
}

/** Processor time of a call in microseconds, with and without signals, in turns. */
function compare(calls: (sessions: ReturnType<typeof createSessions>, id: string, token: string) => unknown): string {
  const rounds = { without: [] as number[], with: [] as number[] };
  for (let round = 0; round < 5; round++) {
    for (const which of ["without", "with"] as const) {
      const { sessions, ids, tokens } = made();
      if (which === "with") for (const id of ids) sessions.signal(id).addEventListener("abort", () => undefined);
      const start = cpu();
      for (let index = 0; index < SIGNALS; index++) calls(sessions, ids[index]!, tokens[index]!);
      rounds[which].push((cpu() - start) / SIGNALS);
      sessions.ends.close();
    }
  }
  return `${median(rounds.without).toFixed(2)} | ${median(rounds.with).toFixed(2)}`;
}
console.log("\n| call | without a signal, µs | with a signal that is listened to, µs |\n| --- | --- | --- |");
console.log(`| an end: \`destroy\` | ${compare((sessions, id) => sessions.destroy(id))} |`);
console.log(
  `| a touch: \`authenticate\` that extends | ${compare((sessions, _, token) => sessions.authenticate(token))} |`,
);

const sessions = createSessions();
const samples: number[] = [];
let told = 0;
for (let index = 0; index < COMING_AND_GOING; index++) {
  const { id } = sessions.create("ann");
  const signal = sessions.signal(id);
  if (index % 2 === 0) signal.addEventListener("abort", () => told++);
  if (index % 3 === 0) sessions.watch(id, () => told++);
  sessions.destroy(id);
  if ((index + 1) % (COMING_AND_GOING / 10) === 0) samples.push((await heap()) / 2 ** 20);
}
console.log(
  `\n${COMING_AND_GOING} sessions that come and go; ${told} listeners were told. The heap after each tenth of them, MiB:`,
);
console.log(samples.map((sample) => sample.toFixed(2)).join(" "));
process.exit();
