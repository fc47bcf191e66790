/** The apps: what `app.json` says of each, how they are built and started. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { forget, reap } from "../../packages/sojourn/test/store/support/redis-reaper.ts";
import { freePort } from "../../packages/sojourn/test/store/support/redis-server.ts";
import type { Check } from "./checks.ts";
import { environmentOf, runCommand } from "./command.ts";
import { frameworks } from "./paths.ts";
import type { Runtime, RuntimeName } from "./runtimes.ts";

/** `app.json` */
export interface Manifest {
  /** The folder's name. */
  readonly name: string;
  /** The command that builds the app; `null` if there is nothing to build. */
  readonly build: readonly string[] | null;
  /** The command that starts it. `node` is the runtime's. */
  readonly start: readonly string[];
  /** Other commands that start it, by runtime. */
  readonly startOn?: Readonly<Partial<Record<RuntimeName, readonly string[]>>>;
  /** What else is in its environment; `$PORT` stands for the port. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs besides this repository's Node. */
  readonly runtimes: readonly RuntimeName[];
  /** The path that another site's form is sent to. */
  readonly noteUrl: string;
  /** The name of the session's cookie. @default the one whose value is a token */
  readonly cookie?: string;
  /** The checks that do not apply, and why. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** The apps of some names, or all. @throws Error for a name that no app has */
export function readApps(names: readonly string[]): readonly Manifest[] {
  const apps = globSync("*/app.json", { cwd: frameworks })
    .toSorted()
    .map((file) => ({
      ...(JSON.parse(readFileSync(join(frameworks, file), "utf8")) as Manifest),
      name: dirname(file),
    }));
  const known = apps.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`Expected names of ${known.join(", ")}, got ${unknown.join(", ")}`);
  return names.length === 0 ? apps : apps.filter(({ name }) => names.includes(name));
}

/** What an app has to do besides: the `checks` of its `checks.ts`, if there is one. */
export async function ownChecks({ name }: Manifest): Promise<readonly Check[]> {
  const file = join(frameworks, name, "checks.ts");
  if (!existsSync(file)) return [];
  const { checks } = (await import(file)) as { readonly checks: readonly Check[] };
  return checks;
}

/** Builds an app. */
export async function build({ name, build: command }: Manifest): Promise<void> {
  if (command !== null) await runCommand(["nice", ...command], { cwd: join(frameworks, name), env: PRODUCTION });
}

/** An app that runs. */
export interface RunningApp {
  readonly manifest: Manifest;
  readonly origin: string;
  /** All that it has printed. */
  printed(): string;
  /** Kills it, and what it has started. */
  stop(): Promise<void>;
}

/** Where an app runs, and with what. */
export interface StartOptions {
  readonly runtime: Runtime;
  /** What `STORE` says. */
  readonly store: string;
  /** How long its sessions live unused, in seconds. @default half an hour */
  readonly ttl?: number;
}

const PRODUCTION = { NODE_ENV: "production" };
/** How long an app may take to start, in milliseconds. */
const START_LIMIT = 60_000;

/** Starts an app on a free port. Resolves when it answers. @throws Error with what it printed if it does not */
export async function start(manifest: Manifest, { runtime, store, ttl }: StartOptions): Promise<RunningApp> {
  const port = String(await freePort());
  const cwd = join(frameworks, manifest.name);
  const [program = "", ...args] = manifest.startOn?.[runtime.name] ?? manifest.start;
  const own = Object.entries(manifest.env ?? {}).map(([name, value]) => [name, value.replaceAll("$PORT", port)]);
  const child = spawn(program === "node" ? runtime.program : program, args, {
    cwd,
    env: {
      ...environmentOf(cwd, [dirname(runtime.program)]),
      ...PRODUCTION,
      PORT: port,
      STORE: store,
      SESSION_KEY: "a key that only the driver of the apps knows",
      ...(ttl !== undefined && { SESSION_TTL_SECONDS: String(ttl) }),
      ...Object.fromEntries(own),
    },
    stdio: ["ignore", "pipe", "pipe"],
    // In a group of its own, so that what it starts ends with it.
    detached: true,
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
  }
  await once(child, "spawn");
  const group = -(child.pid as number);
  reap(group);
  child.once("exit", () => forget(group));
  const app = { manifest, origin: `http://localhost:${port}`, printed: () => printed, stop: async () => kill(child) };
  try {
    await answers(app, child);
  } catch (error) {
    await app.stop();
    throw error;
  }
  return app;
}

async function answers({ manifest, origin, printed }: RunningApp, child: ChildProcess): Promise<void> {
  const end = performance.now() + START_LIMIT;
  for (;;) {
    // Whatever it answers: what it is worth is for the checks.
    const answered = await fetch(origin, { redirect: "manual" }).then(
      async (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    );
    if (answered) return;
    const reason = hasEnded(child) ? "ended instead of answering" : "does not answer";
    if (hasEnded(child) || performance.now() > end) throw new Error(`${manifest.name} ${reason}:\n${printed()}`);
    await pause(25);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = hasEnded(child) ? undefined : once(child, "exit");
  try {
    process.kill(-(child.pid as number), "SIGKILL");
  } catch {
    // The group is gone.
  }
  await gone;
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
