/**
 * What a session costs on Cloudflare, in the workerd that is installed here: `authenticate` through a Durable Object
 * beside a bare call of one, the size of a Worker, and how long it takes to load. Run `npm run build` before; the figures are in `bench/results/cloudflare.md`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { rolldown } from "rolldown";
import { ensure, median, mediansAsync } from "../measure.ts";

const CALLS = 128;
const ROUNDS = 120;
const COLD_STARTS = 40;

/** Workers of growing size, as their sources. */
const WORKERS = {
  "an empty Worker": `export default { fetch: () => new Response("ok") };`,
  "sessions in memory": `
    import { createSessions } from "sojourn";
    const sessions = createSessions();
    export default { fetch: () => new Response(sessions.authenticate("none")?.userId ?? "ok") };`,
  "sessions in Durable Objects": `
    import { createSessions } from "sojourn";
    import { durableObjectStore } from "sojourn/cloudflare";
    export { SessionShard } from "sojourn/cloudflare";
    let sessions;
    export default {
      async fetch(request, env) {
        if (env.SESSIONS === undefined) return new Response("ok");
        sessions ??= createSessions({ store: durableObjectStore(env.SESSIONS) });
        return new Response((await sessions.authenticate("none"))?.userId ?? "ok");
      },
    };`,
} as const;

async function bundled(input: string, source?: string): Promise<string> {
  const bundle = await rolldown({
    input: source === undefined ? input : "entry",
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    external: /^(node|cloudflare):/,
    platform: "neutral",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "entry" ? fileURLToPath(new URL("entry.js", import.meta.url)) : null),
        load: (id) => (id.endsWith("/entry.js") && source !== undefined ? source : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false });
  await bundle.close();
  return output[0].code;
}

const us = (nanoseconds: number): string => (nanoseconds / 1_000).toFixed(1);
const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    modules: true,
    script: await bundled(fileURLToPath(new URL("worker.ts", import.meta.url))),
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
    durableObjects: {
      SHARDS: { className: "SessionShard", useSQLite: true },
      BARE: { className: "BareObject", useSQLite: true },
    },
    workerLoaders: { LOADER: {} },
    resourcePersistencePath: folder,
    telemetry: { enabled: false },
  }),
);
const origin = (await miniflare.ready).origin;

async function ask(path: string, body?: string): Promise<string> {
  const response = await fetch(`${origin}${path}`, body === undefined ? {} : { method: "POST", body });
  const text = await response.text();
  ensure(response.ok, text);
  return text;
}

try {
  await ask("/prepare?calls=1&inFlight=1");
  console.log(`${ROUNDS} rounds of ${CALLS} calls each in turns, medians:\n`);
  console.log(
    "| calls in flight | bare call of an object, µs | `authenticate`, µs | ratio |\n| ---: | ---: | ---: | ---: |",
  );
  for (const inFlight of [1, 64]) {
    const turn = (load: string) => async (): Promise<number> => {
      await ask(`/${load}?calls=${CALLS}&inFlight=${inFlight}`);
      return CALLS;
    };
    const { bare, authenticate } = await mediansAsync(
      { bare: turn("bare"), authenticate: turn("authenticate") },
      ROUNDS,
    );
    console.log(`| ${inFlight} | ${us(bare)} | ${us(authenticate)} | ${(authenticate / bare).toFixed(2)} |`);
  }

  const codes = new Map<string, string>();
  for (const [name, source] of Object.entries(WORKERS)) codes.set(name, await bundled(name, source));
  const cold = new Map<string, number[]>([...codes.keys()].map((name) => [name, []]));
  for (let round = 0; round < COLD_STARTS; round++) {
    for (const [name, code] of codes) {
      const start = process.hrtime.bigint();
      ensure((await ask("/cold", code)) === "ok", `${name} answers`);
      cold.get(name)?.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
  }
  console.log(`\nFrom the source to the first answer of a new isolate, ${COLD_STARTS} each in turns, medians:\n`);
  console.log("| Worker | minified, kB | gzipped, kB | first answer, ms |\n| --- | ---: | ---: | ---: |");
  for (const [name, code] of codes) {
    const [size, zipped] = [code.length, gzipSync(code).length].map((bytes) => (bytes / 1_000).toFixed(1));
    console.log(`| ${name} | ${size} | ${zipped} | ${median(cold.get(name) ?? []).toFixed(1)} |`);
  }
} finally {
  await miniflare.dispose();
  rmSync(folder, { recursive: true, force: true });
}
