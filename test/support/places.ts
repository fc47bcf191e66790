import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { noRedis } from "../../packages/sojourn/test/store/support/redis-binary.ts";
import { startRedis } from "../../packages/sojourn/test/store/support/redis-server.ts";

/** The stores that an example is run on, by what its `STORE` says; each is new, and gone after the test. */
export const places: readonly { readonly name: string; open(): Promise<string>; readonly missing: boolean }[] = [
  { name: "memory", missing: false, open: async () => "memory:" },
  {
    name: "SQLite",
    missing: false,
    async open() {
      const folder = mkdtempSync(join(tmpdir(), "sojourn-example-"));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      return `sqlite:${join(folder, "sessions.db")}`;
    },
  },
  {
    name: "Redis",
    missing: noRedis,
    async open() {
      const redis = await startRedis();
      onTestFinished(async () => redis.stop());
      return redis.url;
    },
  },
];
