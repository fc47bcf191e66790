import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { app } from "./app.ts";

const port = Number(process.env["PORT"] ?? 3_000);
const say = (): void => console.log(`http://localhost:${port}`);

// Bun has a server of its own; on Node the app answers what Node's has read.
if ("Bun" in globalThis) {
  app.listen({ port, hostname: "127.0.0.1" }, say);
} else {
  const answer = getRequestListener((request) => app.fetch(request));
  createServer((request, response) => void answer(request, response)).listen(port, "127.0.0.1", say);
}
