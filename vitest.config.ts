import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`packages/sojourn/src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run on the sources, so that a stack trace and the coverage name the line that was written.
    alias: [
      { find: /^sojourn$/, replacement: source("index.ts") },
      { find: /^sojourn\/core$/, replacement: source("core.ts") },
      { find: /^sojourn\/(postgres|redis|sqlite)$/, replacement: source("store/$1/index.ts") },
      { find: /^sojourn\/audit\/(postgres|sqlite)$/, replacement: source("audit/$1.ts") },
      {
        find: /^sojourn\/(audit|auth|cache|cloudflare|kv|policies|telemetry|testing)$/,
        replacement: source("$1/index.ts"),
      },
      { find: /^sojourn\/cookies$/, replacement: source("web/cookies/index.ts") },
      {
        find: /^sojourn\/(astro|elysia|express|express-session|fastify|h3|hono|koa|nest|next|react-router|sveltekit|ws)$/,
        replacement: source("web/$1.ts"),
      },
      // Next is in the apps in frameworks/ only. What answers for it here is small.
      {
        find: /^next\/headers\.js$/,
        replacement: fileURLToPath(new URL("packages/sojourn/test/web/support/next-headers.ts", import.meta.url)),
      },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/support/find-redis.ts", "test/support/find-postgres.ts", "test/support/find-chromium.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // On two processors: many tests wait for servers that start, or that are gone.
    maxWorkers: 3,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.d.ts"],
      reporter: ["text-summary", "html"],
    },
  },
});
