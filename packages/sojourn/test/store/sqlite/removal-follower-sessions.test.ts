/** Ends of sessions that are felt in another process on the file. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { testFile } from "./support/folder.ts";

const script = fileURLToPath(new URL("support/ends-child.ts", import.meta.url));

/** A process that holds signals; what it says of their ends. */
function holder(path: string, commit: string) {
  const started = spawn(process.execPath, [script, path, commit], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void started.kill("SIGKILL"));
  const lines = createInterface({ input: started.stdout });
  const ended = new Map<string, string>();
  const held = new Set<string>();
  lines.on("line", (line) => {
    const [first = "", second = ""] = line.split(" ");
    if (first === "holds") held.add(second);
    else ended.set(first, second);
  });
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) await once(lines, "line");
  };
  return {
    ended,
    async hold(ids: readonly string[]) {
      for (const id of ids) started.stdin.write(`${id}\n`);
      await until(() => ids.every((id) => held.has(id)));
    },
    hears: async (ids: readonly string[]) => until(() => ids.every((id) => ended.has(id))),
  };
}

test.each(["each", "grouped"] as const)(
  "each end in one process aborts the signals of that session in another, with its reason (commit: %s)",
  { timeout: 30_000 },
  async (commit) => {
    const path = testFile();
    const there = holder(path, commit);
    const store: Store = sqliteStore({ path, commit } as { path: string });
    const sessions = createSessions({ store, ttl: "1h", rotationGrace: 0 });
    const [out, byToken, stolen, stays, ...ofBob] = await Promise.all(
      ["ann", "ann", "ann", "ann", "bob", "bob"].map(async (user) => sessions.create(user, {})),
    );
    const adopted = await sessions.create("cat", {}, { token: "hers" });
    const short = await sessions.create("dan", {}, { ttl: "1s" });
    const rotated = await sessions.rotate(stays!.token);
    await sessions.rotate(stolen!.token);
    const all = [out, byToken, stolen, stays, ...ofBob, adopted, short].map((each) => each!.id);
    await there.hold(all);

    await sessions.destroy(out!.id);
    await sessions.destroyByToken(byToken!.token);
    await sessions.create("cat", {}, { token: "hers" });
    await sessions.destroyByUser("bob");
    // Neither ends a session.
    await sessions.update(stays!.id, { n: 1 });
    await sessions.authenticate(rotated?.token);
    await sessions.authenticate(stolen!.token);
    await there.hears(all.filter((id) => id !== stays!.id));
    expect(Object.fromEntries(there.ended)).toEqual({
      [out!.id]: "logout",
      [byToken!.id]: "logout",
      [stolen!.id]: "reuse",
      [adopted.id]: "replaced",
      [ofBob[0]!.id]: "revoked",
      [ofBob[1]!.id]: "revoked",
      [short.id]: "expired-idle",
    });
    await store.close();
  },
);
