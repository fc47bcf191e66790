/** Where an app keeps its sessions while it is driven. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redisBinary } from "../../packages/sojourn/test/store/support/redis-binary.ts";
import { startRedis, type RedisServer } from "../../packages/sojourn/test/store/support/redis-server.ts";

/** A kind of store. */
export interface Place {
  readonly name: string;
  /** Why there is none here; `false` if there is. */
  missing(): string | false;
  /** A new one. */
  open(): Promise<OpenPlace>;
}

/** A store for one app. */
export interface OpenPlace {
  /** What `STORE` says. */
  readonly store: string;
  readonly redis?: RedisServer;
  close(): Promise<void>;
}

export const memory: Place = {
  name: "memory",
  missing: () => false,
  open: async () => ({ store: "memory:", close: async () => {} }),
};

const sqlite: Place = {
  name: "SQLite",
  missing: () => false,
  async open() {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-app-"));
    return {
      store: `sqlite:${join(folder, "sessions.db")}`,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

const redis: Place = {
  name: "Redis",
  missing: () => redisBinary() === undefined && "there is no redis-server",
  async open() {
    // What it has acknowledged is there when it comes back.
    const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    return { store: server.url, redis: server, close: async () => server.stop() };
  },
};

export const places: readonly Place[] = [memory, sqlite, redis];
