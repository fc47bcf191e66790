/** Workers in the real workerd, with Durable Objects that are kept in a folder. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, type V4MiniflareOptions } from "miniflare";

/** What `wrangler.jsonc` says of every Worker here. */
const COMPATIBILITY = { compatibilityDate: "2026-11-01", compatibilityFlags: ["nodejs_compat"] };

/** A Worker, and which of its Durable Object classes, or another Worker's, it has as bindings. */
export interface WorkerUnderTest {
  readonly name: string;
  readonly script: string;
  readonly durableObjects?: Readonly<
    Record<string, { readonly className: string; readonly scriptName?: string; readonly useSQLite?: boolean }>
  >;
  readonly kvNamespaces?: readonly string[];
  readonly bindings?: Readonly<Record<string, string>>;
}

/** A workerd that runs. */
export interface Workerd {
  /** The answer of a Worker, by default of the first one. @throws Error with the answer if it is not a 2xx */
  ask(path: string, worker?: string): Promise<string>;
  fetch(path: string, init?: RequestInit, worker?: string): Promise<Response>;
  /** Where the first Worker listens, such as `http://127.0.0.1:8787`. */
  url(): Promise<string>;
  /** Lets go of an object's memory, as the platform does with objects that nobody asks. */
  evict(worker: string, className: string, name: string): Promise<void>;
  /** Ends the process with SIGKILL, only where there is /proc. How many processes that were. */
  kill(): number;
  stop(): Promise<void>;
}

export function startWorkerd(workers: readonly WorkerUnderTest[], folder: string): Workerd {
  const before = children();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      resourcePersistencePath: folder,
      telemetry: { enabled: false },
      workers: workers.map((worker) => ({ ...COMPATIBILITY, ...worker, modules: true })),
    } as unknown as V4MiniflareOptions),
  );
  const fetch: Workerd["fetch"] = async (path, init, worker) => {
    if (worker === undefined) {
      return (await miniflare.dispatchFetch(`http://localhost${path}`, init as never)) as unknown as Response;
    }
    const { fetch: ask } = await miniflare.getWorker(worker);
    return (await ask(`http://localhost${path}`, init as never)) as unknown as Response;
  };
  return {
    fetch,
    async ask(path, worker) {
      const response = await fetch(path, undefined, worker);
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return text;
    },
    url: async () => (await miniflare.ready).origin,
    evict: async (worker, className, name) => miniflare.unsafeEvictDurableObject(worker, className, { name }),
    kill() {
      const own = children().filter((pid) => !before.includes(pid) && commandOf(pid).includes("workerd"));
      for (const pid of own) process.kill(pid, "SIGKILL");
      return own.length;
    },
    stop: async () => miniflare.dispose(),
  };
}

/** The processes that this one has started. */
function children(): readonly number[] {
  const file = `/proc/${process.pid}/task/${process.pid}/children`;
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split(" ").filter(Boolean).map(Number);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}

/**
 * A folder of its own, and how to remove it.
 *
 * @param options.volatile in memory where the system has such a place: each write of an object waits for a disk
 */
export function temporaryFolder(options: { readonly volatile?: boolean } = {}): {
  readonly folder: string;
  readonly remove: () => void;
} {
  const parent = options.volatile === true && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = mkdtempSync(join(parent, "sojourn-workerd-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
