import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";
import { options } from "./sessions.ts";

serve(
  { fetch: createApp(options).fetch, port: Number(process.env["PORT"] ?? 3_000), hostname: "127.0.0.1" },
  ({ port }) => console.log(`http://localhost:${port}`),
);
