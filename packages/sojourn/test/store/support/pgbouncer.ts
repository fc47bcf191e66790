/** PgBouncer before a Postgres server, in transaction mode: a connection to the server is lent for one transaction only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { pgbouncerBinary } from "./postgres-binary.ts";
import { AS_USER, serverFolder, type PostgresServer } from "./postgres-server.ts";
import { forget, reap } from "./redis-reaper.ts";
import { freePort } from "./redis-server.ts";
import { until } from "./redis-until.ts";

export interface Pgbouncer {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param connections how many it has to the server */
export async function startPgbouncer(server: PostgresServer, connections: number): Promise<Pgbouncer> {
  const folder = serverFolder("pgbouncer");
  const port = await freePort();
  const users = join(folder, "users");
  const config = join(folder, "pgbouncer.ini");
  writeFileSync(users, '"postgres" ""\n');
  writeFileSync(
    config,
    `[databases]
* = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 200
`,
  );
  const { uid, gid } = AS_USER as { readonly uid?: number; readonly gid?: number };
  if (uid !== undefined && gid !== undefined) for (const file of [users, config]) chownSync(file, uid, gid);
  const child = spawn(pgbouncerBinary() ?? "pgbouncer", ["-q", config], {
    ...AS_USER,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed = (printed + text).slice(-4_000)));
  }
  await once(child, "spawn");
  const pid = child.pid as number;
  reap(pid);
  child.once("exit", () => forget(pid));
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await until("pgbouncer", async () => {
    if (child.exitCode !== null) return true;
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {});
    await client.connect();
    await client.query("SELECT 1");
    await client.end();
    return true;
  });
  if (child.exitCode !== null) throw new Error(`pgbouncer ended instead of answering:\n${printed}`);
  return {
    url,
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
