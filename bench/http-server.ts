/** The server that `http.ts` loads: the service as `sojourn serve` runs it, with one more route that does nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, memoryStore, type Store } from "sojourn";
import { createApp } from "sojourn-server";
import { sqliteStore } from "sojourn/sqlite";
import { createService } from "../packages/server/dist/http/app.js";
import { listen } from "../packages/server/dist/node/listen.js";

const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const store: Store =
  process.argv[2] === "memory:" ? memoryStore() : sqliteStore({ path: join(folder, "sojourn.db"), commit: "grouped" });
const sessions = createSessions({ store, refreshThreshold: 0 });
for (let n = 0; n < 10_000; n++) await sessions.create(`user-${n}`);
const token = "a-token-of-the-caller";
await sessions.create("u_42", {}, { token });

const { app, fastRoutes } = createService({ sessions });
// The same answer, to the byte, so that what differs is the session.
const headers = Object.fromEntries(
  (await createApp({ sessions }).request(`http://localhost/sessions/${token}`)).headers,
);
app.get("/empty/:token", () => new Response('"u_42"', { headers }));
const nothing = (): void => {};
const log = { info: nothing, warn: nothing, error: nothing };
const options = { fetch: app.fetch, host: "127.0.0.1", port: 0, log };
const { url } = await listen({ ...options, fastRoutes });
const { url: honoUrl } = await listen(options);
process.send?.({ url, honoUrl, token });
process.on("message", () => process.send?.(process.threadCpuUsage()));
process.once("disconnect", () => process.exit());
process.once("SIGTERM", () => {
  rmSync(folder, { recursive: true });
  process.exit();
});
