import { serve } from "@hono/node-server";
import { app } from "./app.ts";

serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 3_000), hostname: "127.0.0.1" }, ({ port }) =>
  console.log(`http://localhost:${port}`),
);
