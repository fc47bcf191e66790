/** A process that holds the signals of sessions: `node ends-child.ts <path> <commit>`, and an id in each line of its input. */
import { createInterface } from "node:readline";
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import { sqliteStore } from "../../../../src/store/sqlite/index.ts";

const [path = "", commit] = process.argv.slice(2);
const sessions = createSessions({
  store: sqliteStore({ path, commit: commit === "grouped" ? "grouped" : "each", busyTimeout: "20s" }),
  // A machine that is busy is not a link that is down.
  ends: { maxStale: "20s" },
});

for await (const id of createInterface({ input: process.stdin })) {
  const signal = sessions.signal(id);
  signal.addEventListener("abort", () => {
    process.stdout.write(`${id} ${String((signal.reason as { reason?: unknown }).reason)}\n`);
  });
  process.stdout.write(`holds ${id}\n`);
}
