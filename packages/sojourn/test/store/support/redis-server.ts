/** A real Redis server for a test: on a free port of loopback, in a folder of its own, gone with the test run. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { ask } from "./redis-ask.ts";
import { redisBinary } from "./redis-binary.ts";
import { forget, reap, reapedFolder } from "./redis-reaper.ts";

/** How to start a server. */
export interface RedisOptions {
  /** Arguments of `redis-server`, such as `["--appendonly", "yes"]`; the last of two that say the same counts. */
  readonly args?: readonly string[];
  /** The port, if it must be a certain one. @default a free one */
  readonly port?: number;
  /** A file with settings, which come before `args`. */
  readonly config?: string;
}

/** A server that answers. */
export interface RedisServer {
  readonly port: number;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** The folder that it keeps its files in. */
  readonly folder: string;
  /** The process that runs now, or ran last. */
  readonly pid: number;
  /** Whether it runs, paused or not. */
  readonly running: boolean;
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
  /** `SIGSTOP`: it keeps its connections, and answers nothing. */
  pause(): void;
  /** `SIGCONT`. */
  resume(): void;
  /** Kills it if it runs, and starts it again on its port, in its folder. Resolves when it answers. */
  restart(): Promise<void>;
  /** Kills it if it runs, and removes its folder. */
  stop(): Promise<void>;
}

/** How long a server may take to start, in milliseconds: loading a large file counts. */
const START_LIMIT = 20_000;
/** How often a start is tried again because another process took the port meanwhile. */
const ATTEMPTS = 5;

/**
 * Starts a server, without persistence unless `args` say so. Resolves when it answers.
 *
 * @throws Error with what the server printed if it does not start
 */
export async function startRedis({ args = [], port, config }: RedisOptions = {}): Promise<RedisServer> {
  const folder = reapedFolder("server");
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await freePort());
    const own = ["--port", `${chosen}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const commandLine = [...(config === undefined ? [] : [config]), ...own, ...args];
    try {
      return serverOf(await launch(chosen, commandLine), { port: chosen, folder, commandLine });
    } catch (error) {
      if (port !== undefined || attempt === ATTEMPTS || !/already in use/i.test(String(error))) throw error;
    }
  }
}

interface Place {
  readonly port: number;
  readonly folder: string;
  readonly commandLine: readonly string[];
}

function serverOf(launched: ChildProcess, { port, folder, commandLine }: Place): RedisServer {
  let child = launched;
  const kill = async (): Promise<void> => {
    if (!isRunning(child)) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  return {
    port,
    folder,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child.pid as number;
    },
    get running() {
      return isRunning(child);
    },
    kill,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async restart() {
      await kill();
      child = await launch(port, commandLine);
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts the process, and waits until it answers. */
async function launch(port: number, commandLine: readonly string[]): Promise<ChildProcess> {
  const binary = redisBinary();
  if (binary === undefined) throw new Error("There is no redis-server: ask `noRedis` first");
  const child = spawn(binary, commandLine, { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed = (printed + text).slice(-4_000)));
  }
  const closed = once(child, "close");
  await once(child, "spawn");
  const pid = child.pid as number;
  reap(pid);
  child.once("exit", () => forget(pid));

  const end = performance.now() + START_LIMIT;
  while (!(await answers(port, pid))) {
    if (!isRunning(child)) {
      await closed;
      throw new Error(`${binary} ended instead of answering:\n${printed}`);
    }
    if (performance.now() > end) {
      child.kill("SIGKILL");
      throw new Error(`${binary} does not answer after ${START_LIMIT} ms:\n${printed}`);
    }
    await pause(2);
  }
  return child;
}

/** Whether this very process answers at the port, and has loaded its data. One that wants a password is there, too. */
async function answers(port: number, pid: number): Promise<boolean> {
  return ask(port, "INFO").then(
    (info) => String(info).includes(`process_id:${pid}\r`) && !/^loading:1/m.test(String(info)),
    (error: unknown) => String(error).startsWith("Error: NOAUTH"),
  );
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/**
 * A port that nobody listens on, below those that systems give to outgoing connections, so that it is still free when
 * a server comes back to it; and so that the port of a Cluster's bus, 10,000 above, is one as well.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
