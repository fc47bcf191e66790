/** A real Postgres server for a test: on a free port of loopback, in a folder of its own, gone with the test run. */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { besidePostgres } from "./postgres-binary.ts";
import { forget, reap, reapedFolder } from "./redis-reaper.ts";
import { freePort } from "./redis-server.ts";
import { until } from "./redis-until.ts";

/** How to start a server. */
export interface PostgresOptions {
  /** Settings, such as `{ synchronous_commit: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Follows this server, from a copy of its data that is made now. */
  readonly follows?: PostgresServer;
}

/** A server that answers. */
export interface PostgresServer {
  readonly port: number;
  /** `postgres://postgres@127.0.0.1:port/postgres` */
  readonly url: string;
  /** The folder that it keeps its data in. */
  readonly data: string;
  readonly running: boolean;
  /** `kill -9` of all its processes; resolves when they are gone. */
  kill(): Promise<void>;
  /** `kill -9` of one process that serves a connection, after which the server starts all others anew, and not itself. */
  crash(): Promise<void>;
  /** `SIGSTOP` of all its processes: it keeps its connections, and answers nothing. */
  pause(): void;
  /** `SIGCONT`. */
  resume(): void;
  /** Ends it as a restart does: connections are told, and closed. */
  shutDown(): Promise<void>;
  /** Kills it if it runs, and starts it again on its port, in its folder. Resolves when it takes connections. */
  restart(): Promise<void>;
  /** Makes a standby the server that takes writes. */
  promote(): Promise<void>;
  /** One statement, on a connection of its own. */
  ask(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Kills it if it runs, and removes its folder. */
  stop(): Promise<void>;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "80",
  shared_buffers: "32MB",
  max_wal_senders: "4",
  wal_level: "replica",
  hot_standby: "on",
  autovacuum_naptime: "5s",
  logging_collector: "off",
};

/** The server refuses to run as root. */
const USER: { readonly uid: number; readonly gid: number } | undefined =
  process.getuid?.() === 0 ? (userOf("postgres") ?? userOf("nobody")) : undefined;

function userOf(name: string): { readonly uid: number; readonly gid: number } | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** A folder that the server can write to. */
export function serverFolder(name: string): string {
  const folder = reapedFolder(name);
  chmodSync(dirname(folder), 0o755);
  if (USER !== undefined) chownSync(folder, USER.uid, USER.gid);
  return folder;
}

/** How a program of the server's is run, by whom it may be. */
export const AS_USER: object = { ...USER, env: { ...process.env, LC_ALL: "C", HOME: "/" } };

const run = promisify(execFile);

/** Starts a server. Resolves when it takes connections. */
export async function startPostgres({ settings = {}, follows }: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = serverFolder("postgres");
  const data = join(folder, "data");
  if (follows === undefined) {
    const args = ["-D", data, "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8", "--wal-segsize=1"];
    await run(besidePostgres("initdb"), args, { ...AS_USER, cwd: folder });
  } else {
    const from = ["-h", "127.0.0.1", "-p", `${follows.port}`, "-U", "postgres"];
    await run(besidePostgres("pg_basebackup"), ["-D", data, ...from, "-R", "-X", "stream", "-c", "fast", "--no-sync"], {
      ...AS_USER,
      cwd: folder,
    });
  }
  const port = await freePort();
  const args = Object.entries({ ...SETTINGS, ...settings, port: `${port}` }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  return serverOf({ port, folder, data, commandLine: ["-D", data, ...args] });
}

interface Place {
  readonly port: number;
  readonly folder: string;
  readonly data: string;
  readonly commandLine: readonly string[];
}

async function serverOf({ port, folder, data, commandLine }: Place): Promise<PostgresServer> {
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let child = await launch(url, commandLine);
  const kill = async (): Promise<void> => {
    if (!isRunning(child)) return;
    const gone = once(child, "exit");
    // The first one first, so that it starts no others.
    child.kill("SIGSTOP");
    for (const pid of childrenOf(child.pid as number)) signal(pid, "SIGKILL");
    child.kill("SIGKILL");
    await gone;
  };
  const signalAll = (name: NodeJS.Signals): void => {
    for (const pid of childrenOf(child.pid as number)) signal(pid, name);
    child.kill(name);
  };
  return {
    port,
    url,
    data,
    get running() {
      return isRunning(child);
    },
    kill,
    crash: async () => crash(url),
    pause: () => signalAll("SIGSTOP"),
    resume: () => signalAll("SIGCONT"),
    async shutDown() {
      const gone = once(child, "exit");
      child.kill("SIGINT");
      await gone;
    },
    async restart() {
      await kill();
      child = await launch(url, commandLine);
    },
    async promote() {
      await ask(url, "SELECT pg_promote()");
      await until("the promotion", async () => (await ask(url, "SELECT pg_is_in_recovery() AS r"))[0]?.["r"] === false);
    },
    ask: async (text, values) => ask(url, text, values),
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(url: string, commandLine: readonly string[], attempts = 50): Promise<ChildProcess> {
  const child = spawn(besidePostgres("postgres"), commandLine, { ...AS_USER, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed = (printed + text).slice(-4_000)));
  }
  await once(child, "spawn");
  const pid = child.pid as number;
  reap(pid);
  child.once("exit", () => forget(pid));
  await until("the Postgres server", async () => {
    if (!isRunning(child)) return true;
    await ask(url, "SELECT 1");
    return true;
  });
  if (isRunning(child)) return child;
  // Those that were killed before it are gone only when somebody has buried them.
  if (attempts > 1 && /shared memory|lock file/.test(printed)) {
    await pause(100);
    return launch(url, commandLine, attempts - 1);
  }
  throw new Error(`postgres ended instead of answering:\n${printed}`);
}

async function ask(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function crash(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  const broken = new Promise<void>((resolve) => client.on("error", () => resolve()));
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  signal(rows[0]!.pid, "SIGKILL");
  await broken;
  await until("the server to recover", async () => (await ask(url, "SELECT 1")).length === 1);
}

/** The processes that a server has started. They are in groups of their own. */
function childrenOf(pid: number): readonly number[] {
  if (process.platform !== "linux") {
    const printed = execFileSync("pgrep", ["-P", `${pid}`], { encoding: "utf8" });
    return printed.split("\n").filter(Boolean).map(Number);
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return Number.NaN;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
