/** Serves `dist/worker.js` in workerd, as Cloudflare runs it. */
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { rolldown } from "rolldown";

// The other stores are loaded where they are used, which is not here.
const external = /^(node:|cloudflare:|redis$|sojourn\/(redis|sqlite)$)/;
const bundle = await rolldown({ input: join(import.meta.dirname, "dist/worker.js"), external });
const { output } = await bundle.generate({ format: "esm", codeSplitting: false });

const worker = new Miniflare(
  convertV4MiniflareOptions({
    modules: true,
    script: output[0].code,
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
    host: "127.0.0.1",
    port: Number(process.env["PORT"] ?? 3_000),
    telemetry: { enabled: false },
    bindings: { SESSION_KEY: process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only" },
    durableObjects: { SESSIONS: { className: "SessionShard", useSQLite: true } },
  }),
);
console.log(String(await worker.ready));
