import node from "@astrojs/node";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "server",
  adapter: node({ mode: "standalone" }),
  // Astro's own check compares with the host of this list. Here it is the driver's: name yours.
  security: { allowedDomains: [{ hostname: "localhost" }] },
});
