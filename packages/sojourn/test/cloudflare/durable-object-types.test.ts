/** The published types beside Cloudflare's own: a Worker's bindings and classes fit without a cast. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
// Inside the repository, so that imports resolve as they do for an application.
const folder = mkdtempSync(join(root, "packages/sojourn/test/cloudflare/.types-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WORKER = `
import { createSessions } from "sojourn";
import { cloudflareKv, durableObjectStore, SessionShard, type EndedSession } from "sojourn/cloudflare";

interface Env {
  SESSIONS: DurableObjectNamespace<Shard>;
  UNTYPED: DurableObjectNamespace;
  STORAGE: KVNamespace;
  ENDED: Queue<{ id: string; reason: string }>;
}

export class Shard extends SessionShard<Env> {
  protected override async onEnded(ended: readonly EndedSession[]): Promise<void> {
    await this.env.ENDED.sendBatch(ended.map(({ session, reason }) => ({ body: { id: session.id, reason } })));
  }
  protected override reclaimDelay(): number {
    return 5_000;
  }
}

// What \`wrangler types\` writes of a class.
type Branded<T extends Rpc.DurableObjectBranded> = T;
export type Checked = [Branded<Shard>, Branded<SessionShard>];
export const make = (state: DurableObjectState, env: Env): Shard => new Shard(state, env);

export default {
  async fetch(_request, env) {
    const sessions = createSessions({ store: durableObjectStore(env.SESSIONS, { jurisdiction: "eu" }) });
    durableObjectStore(env.UNTYPED);
    cloudflareKv(env.STORAGE);
    // @ts-expect-error -- sessions cannot stand on a store that is only eventually consistent
    createSessions({ store: cloudflareKv(env.STORAGE) });
    // @ts-expect-error -- another kind of binding
    durableObjectStore(env.STORAGE);
    const session = await sessions.authenticate("sess_x");
    return new Response(session?.userId ?? null);
  },
} satisfies ExportedHandler<Env>;
`;

test("a Worker compiles against @cloudflare/workers-types", () => {
  writeFileSync(join(folder, "worker.ts"), WORKER);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2024",
        lib: ["es2024"],
        module: "nodenext",
        types: ["@cloudflare/workers-types"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
      },
      files: ["worker.ts"],
    }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const compile = (): string => {
    try {
      return execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  expect(compile()).toBe("");
});
