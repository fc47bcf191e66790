/**
 * The cache beside its peers: `npm run bench:cache`. Sizes can be named, `npm run bench:cache -- 10000`; `--json` prints
 * the figures as JSON as well. Each size runs in a process of its own, with all caches in turn.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

type Column = Readonly<Record<string, number>>;
interface Run {
  readonly size: number;
  readonly result: Readonly<Record<"get" | "mix" | "fresh" | "churn" | "expired" | "purge" | "bytes", Column>>;
}
interface Pauses {
  readonly results: Readonly<Record<string, { readonly call: number; readonly withCollection: number }>>;
}

const COLUMNS = {
  get: "get, ns",
  mix: "95/5, ns",
  fresh: "95/5 fresh keys, ns",
  churn: "churn, ns",
  expired: "expired get, ns",
  purge: "purge, ns an entry",
  bytes: "bytes an entry",
} as const;
const NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const OURS = "sojourn MemoryCache";
const LRU = "lru-cache, ttl";
const SEED = "@humanspeak/memory-cache";

function child(file: string, ...args: string[]): unknown {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const options = ["--expose-gc", "--max-old-space-size=12000", path, ...args];
  const text = execFileSync(process.execPath, options, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(text);
}

function figure(value: number | undefined): string {
  return value === undefined ? "–" : Math.round(value).toLocaleString("en");
}

function printSize({ size, result }: Run): void {
  console.log(`\n### ${size.toLocaleString("en")} entries\n`);
  console.log(`| cache | ${NAMES.map((name) => COLUMNS[name]).join(" | ")} |`);
  console.log(`| --- |${" ---: |".repeat(NAMES.length)}`);
  for (const cache of Object.keys(result.mix)) {
    console.log(`| ${cache} | ${NAMES.map((name) => figure(result[name][cache])).join(" | ")} |`);
  }
}

function row(aim: string, size: number, wanted: string, measured: number): void {
  console.log(`| ${aim} | ${size.toLocaleString("en")} | ${wanted} | ${measured.toFixed(2)} |`);
}

function printAims(runs: readonly Run[]): void {
  console.log("\n### Aims\n\n| aim | entries | wanted | measured |\n| --- | ---: | ---: | ---: |");
  for (const { size, result } of runs) {
    const times = (name: keyof Run["result"], peer: string): number => result[name][peer]! / result[name][OURS]!;
    row("95/5, rate by lru-cache's with ttl", size, size > 10_000 ? "≥ 1.2" : "≥ 1.4", times("mix", LRU));
    row("the same with fresh key strings", size, "–", times("fresh", LRU));
    row("95/5, rate by @humanspeak/memory-cache's", size, "≥ 20", times("mix", SEED));
    row("churn, rate by lru-cache's", size, "≥ 1", times("churn", LRU));
    row("bytes an entry, by lru-cache's", size, "≤ 1.1", 1 / times("bytes", LRU));
  }
}

function printPauses({ results }: Pauses): void {
  console.log(
    "\n### The longest single call, 1,000,000 entries, ms\n\n| what | a call | with a garbage collection in it |",
  );
  console.log("| --- | ---: | ---: |");
  for (const [what, { call, withCollection }] of Object.entries(results)) {
    console.log(`| ${what} | ${call.toFixed(1)} | ${withCollection.toFixed(1)} |`);
  }
}

function versionOf(name: string): string {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${(JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version}`;
}

const asked = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const sizes = asked.length > 0 ? asked : ["10000", "100000", "1000000"];
const peers = ["lru-cache", "@isaacs/ttlcache", "quick-lru", "tiny-lru", "toad-cache", "@humanspeak/memory-cache"];
console.log(`Node ${process.version}; ${peers.map(versionOf).join(", ")}; ${new Date().toISOString().slice(0, 10)}`);
const runs = sizes.map((size) => child("size.ts", size) as Run);
const pauses = child("pause.ts") as Pauses;
for (const run of runs) printSize(run);
printAims(runs);
printPauses(pauses);
if (process.argv.includes("--json")) console.log(JSON.stringify({ runs, pauses }));
