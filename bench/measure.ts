/**
 * How things are measured here: what is compared runs in one process, in turns, many times, and the medians count.
 * A machine that is busy then slows both alike, and the ratio stays.
 */

/** Something to be timed: it returns how many operations it did. */
export type Load = () => number;

/** Nanoseconds an operation took, the median over the rounds, for each load. */
export function medians<Name extends string>(
  loads: Readonly<Record<Name, Load>>,
  rounds: number,
): Record<Name, number> {
  const entries = Object.entries<Load>(loads);
  const times = new Map<string, number[]>(entries.map(([name]) => [name, []]));
  for (let round = 0; round < rounds + 2; round++) {
    for (const [name, load] of entries) {
      const start = process.hrtime.bigint();
      const operations = load();
      const elapsed = Number(process.hrtime.bigint() - start);
      // The first two rounds are for the compiler.
      if (round >= 2) times.get(name)?.push(elapsed / operations);
    }
  }
  return Object.fromEntries(entries.map(([name]) => [name, median(times.get(name) ?? [])])) as Record<Name, number>;
}

/**
 * Nanoseconds of the processor that an operation took, for each load: whatever else the machine does is not in it. The
 * whole of many short turns counts, and not their median, since the clock of a thread may go in steps of milliseconds.
 */
export function processorTimes<Name extends string>(
  loads: Readonly<Record<Name, Load>>,
  rounds: number,
): Record<Name, number> {
  const entries = Object.entries<Load>(loads).map(([name, load]) => ({ name, load, spent: 0, operations: 0 }));
  for (let round = 0; round < rounds + 2; round++) {
    for (const entry of entries) {
      const start = process.threadCpuUsage();
      const operations = entry.load();
      const { user, system } = process.threadCpuUsage(start);
      if (round < 2) continue;
      entry.spent += 1_000 * (user + system);
      entry.operations += operations;
    }
  }
  return Object.fromEntries(entries.map(({ name, spent, operations }) => [name, spent / operations])) as Record<
    Name,
    number
  >;
}

/** As `medians`, for what answers later. */
export async function mediansAsync<Name extends string>(
  loads: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
): Promise<Record<Name, number>> {
  const entries = Object.entries<() => Promise<number>>(loads);
  const times = new Map<string, number[]>(entries.map(([name]) => [name, []]));
  for (let round = 0; round < rounds + 1; round++) {
    for (const [name, load] of entries) {
      const start = process.hrtime.bigint();
      const operations = await load();
      const elapsed = Number(process.hrtime.bigint() - start);
      if (round >= 1) times.get(name)?.push(elapsed / operations);
    }
  }
  return Object.fromEntries(entries.map(([name]) => [name, median(times.get(name) ?? [])])) as Record<Name, number>;
}

/** Runs something so many times, with so many under way at once. */
export async function inFlight(
  count: number,
  total: number,
  run: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < total) await run(next++);
  };
  await Promise.all(Array.from({ length: count }, lane));
  return total;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The same text in a string of its own, whose hash is not known yet: as a server has it from a socket. */
export function fresh(texts: readonly string[]): string[] {
  return texts.map((text) => Buffer.from(text, "latin1").toString("latin1"));
}

/** @throws Error if something that must hold before it is timed does not */
export function ensure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`Not correct, so not measured: ${what}`);
}

/** One line of the results. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly against: string;
  /** Ours by theirs, or what the aim is about. */
  readonly ratio: string;
  readonly aim: string;
}

/** Prints the rows as JSON, if asked for with `--json`, and as a table in Markdown. */
export function report(title: string, rows: readonly Row[]): void {
  if (process.argv.includes("--json")) console.log(JSON.stringify({ title, node: process.version, rows }));
  console.log(`\n${title} (Node ${process.version})\n`);
  console.log("| what | ours | against | ratio | aim |\n| --- | --- | --- | --- | --- |");
  for (const row of rows) console.log(`| ${row.what} | ${row.ours} | ${row.against} | ${row.ratio} | ${row.aim} |`);
}

export const ns = (value: number): string => `${Math.round(value).toLocaleString("en")} ns`;
export const perSecond = (nsEach: number): string => `${Math.round(1e9 / nsEach).toLocaleString("en")}/s`;
export const times = (value: number): string => value.toFixed(2);
