export default defineNuxtConfig({
  compatibilityDate: "2026-11-01",
  telemetry: false,
  // For a store that is waited for at the top of a module, as this app's is.
  nitro: { esbuild: { options: { target: "es2022" } } },
});
