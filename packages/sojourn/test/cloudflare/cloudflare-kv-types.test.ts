/** A Worker that has the types of its runtime and no others compiles against the published ones. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sojourn-types-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const worker = `
import { cloudflareKv } from "sojourn/cloudflare";
import { storage } from "sojourn/kv";

export default {
  async fetch(request: Request, env: { SESSIONS: KVNamespace }): Promise<Response> {
    const kv = storage.kv({ name: "uploads", store: cloudflareKv(env.SESSIONS) });
    await kv.put("body", request.body!);
    await kv.put("blob", await request.blob());
    const handle = await kv.get("body");
    if (handle === null) return new Response(null, { status: 404 });
    const answers = [await handle.bytes(), await handle.arrayBuffer()].map((bytes) => new Response(bytes));
    return answers[0] ?? new Response(handle.stream());
  },
};
`;

test.each([
  ["Cloudflare's", "@cloudflare/workers-types/index.d.ts", worker],
  // A binding is not a thing of Node's.
  [
    "Node's",
    "@types/node/index.d.ts",
    worker.replace("KVNamespace", "never").replace("export default", "export const all ="),
  ],
])("with %s types", (_, types, code) => {
  writeFileSync(join(folder, "worker.ts"), code);
  const published = (path: string): string[] => [join(root, "packages/sojourn/dist", path, "index.d.ts")];
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    moduleResolution: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: [join(root, "node_modules", types)],
    paths: { "sojourn/kv": published("kv"), "sojourn/cloudflare": published("cloudflare") },
  };
  const config = join(folder, "tsconfig.json");
  writeFileSync(config, JSON.stringify({ compilerOptions, include: ["worker.ts"] }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const compile = (): string => execFileSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
  expect(compile).not.toThrow();
});
