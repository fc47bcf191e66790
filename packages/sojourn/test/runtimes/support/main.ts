/** The suite in Node, Bun or Deno, each with a server of its own. Prints a report as JSON. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore, type Store } from "sojourn";
import { sqliteStore, type SqliteDatabase } from "sojourn/sqlite";
import { contracts, endReasons, roundTrip, service, type Report, type StoreHere } from "./suite.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

/** A server that listens. */
interface Served {
  readonly port: number;
  stop(): unknown;
}

/** The little that is used of two runtimes' globals. */
interface Globals {
  readonly Bun?: { serve(options: { port: number; hostname: string; fetch: Fetch }): Served };
  readonly Deno?: {
    serve(
      options: { port: number; hostname: string; onListen(): void },
      fetch: Fetch,
    ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  };
}
const { Bun, Deno } = globalThis as unknown as Globals;

async function serve(fetch: Fetch): Promise<Served> {
  const address = { port: 0, hostname: "127.0.0.1" };
  if (Bun !== undefined) return Bun.serve({ ...address, fetch });
  if (Deno !== undefined) {
    const server = Deno.serve({ ...address, onListen() {} }, fetch);
    return { port: server.addr.port, stop: async () => server.shutdown() };
  }
  const { serve } = await import("@hono/node-server");
  const server = serve({ ...address, fetch });
  await new Promise<void>((resolve) => {
    server.once("listening", resolve);
  });
  const bound = server.address();
  return { port: typeof bound === "object" ? (bound?.port ?? 0) : 0, stop: () => server.close() };
}

async function builtIn(name: string): Promise<boolean> {
  return import(name).then(
    () => true,
    () => false,
  );
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-runtime-"));
const stores: Record<string, StoreHere> = { memory: { open: () => memoryStore(), twoStores: false } };
let kept: Store = memoryStore();
if (await builtIn("node:sqlite")) {
  stores["node:sqlite"] = { open: () => sqliteStore({ path: ":memory:" }), twoStores: false };
  stores["node:sqlite, a file"] = {
    open: ({ namespace }) => sqliteStore({ path: join(folder, "each.db"), namespace }),
    twoStores: true,
    every: 8,
  };
  stores["node:sqlite, grouped commits"] = {
    open: ({ namespace }) => sqliteStore({ path: join(folder, "grouped.db"), namespace, commit: "grouped" }),
    twoStores: true,
    every: 8,
  };
  kept = sqliteStore({ path: join(folder, "service.db") });
}
if (Bun !== undefined) {
  const name = "bun:sqlite";
  const { Database } = (await import(name)) as {
    Database: new (path: string) => SqliteDatabase & { run(sql: string): void };
  };
  const database = new Database(join(folder, "bun.db"));
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = NORMAL");
  stores[name] = { open: ({ namespace }) => sqliteStore({ database, namespace }), twoStores: true };
  kept = sqliteStore({ database, namespace: "service" });
}

const server = await serve(service(kept));
const report: Report = {
  runtime: Bun === undefined ? (Deno === undefined ? "node" : "deno") : "bun",
  answers: await roundTrip(async (path, init) => fetch(`http://127.0.0.1:${server.port}${path}`, init)),
  contracts: await contracts(stores),
  ends: await endReasons(),
};
await server.stop();
await kept.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
rmSync(folder, { recursive: true, force: true });
process.exit(0);
