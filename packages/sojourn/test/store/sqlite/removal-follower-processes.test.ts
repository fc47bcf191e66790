/** Rule 17 between real processes: killed, stopped, and left to themselves. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import { REPLACED, type Store } from "../../../src/store/store.ts";
import { KEPT_SECONDS } from "../../../src/store/sqlite/removal-log.ts";
import { entry, now, testFile } from "./support/folder.ts";

const script = fileURLToPath(new URL("support/removal-child.ts", import.meta.url));
const commits = ["each", "grouped"] as const;
/** How often a writer is killed: `SOJOURN_KILLS` says more. */
const KILLS = Number(process.env["SOJOURN_KILLS"] ?? 4);
/** Enough for a machine that is busy with other tests. */
const timeout = 30_000 + KILLS * 5_000;

interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: string[];
  readonly arrived: Interface;
  /** Waits for a line that begins so, and forgets it with those before it. They are returned, without it. */
  until(start: string): Promise<readonly string[]>;
}

function child(role: string, path: string, commit: string): Child {
  const started = spawn(process.execPath, [script, role, path, commit], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void started.kill("SIGKILL"));
  const lines: string[] = [];
  const arrived = createInterface({ input: started.stdout });
  arrived.on("line", (line) => lines.push(line));
  return {
    process: started,
    lines,
    arrived,
    async until(start) {
      for (;;) {
        const index = lines.findIndex((line) => line.startsWith(start));
        if (index >= 0) return lines.splice(0, index + 1).slice(0, -1);
        await once(arrived, "line");
      }
    },
  };
}

/** A process that watches, once it has proven that it does. */
async function watching(path: string, commit: string): Promise<Child & { proof(): Promise<readonly string[]> }> {
  const started = child("watch", path, commit);
  await started.until("proven");
  return {
    ...started,
    async proof() {
      started.process.stdin.write("confirm\n");
      return started.until("proven");
    },
  };
}

describe.each(commits)("commit: %s", (commit) => {
  test("what one process removes, the other is told, each once and in order, and without being asked", async () => {
    const path = testFile();
    const other = await watching(path, commit);
    const store: Store = sqliteStore({ path, commit } as { path: string });
    const expected: string[] = [];
    for (let index = 0; index < 20; index++) {
      const made = entry("k", { owner: "ann", rev: `rev${index}` });
      await store.put(made, "any", now);
      if (index % 2 === 0) continue;
      await store.delete("k", `note${index}`);
      expected.push(`told k rev${index - 1} ${REPLACED}`, `told k rev${index} note${index}`);
    }
    // By its timer alone.
    expect(await other.until(expected.at(-1)!)).toEqual(expected.slice(0, -1));
    expect(await other.proof()).toEqual([]);
    other.process.stdin.end();
    await once(other.process, "exit");
    await store.close();
  });

  test(
    "kill -9 of a process that removes: what is gone was told, once, and nothing else was",
    { timeout },
    async () => {
      const path = testFile();
      const store = sqliteStore({ path });
      const told: (string | null)[] = [];
      const watch = store.watchRemovals!((removed) => told.push(removed && removed.head.rev));
      await watch.confirm();
      told.length = 0;
      const lines: string[] = [];
      for (let life = 0; life < KILLS; life++) lines.push(...(await killed(path, commit, 60 + (life % 4) * 37)));
      await watch.confirm();

      const wordsOf = (verb: string) =>
        lines.flatMap((line) => (line.startsWith(verb) ? line.slice(verb.length + 1) : []));
      expect(told).not.toContain(null);
      const revs = new Set(told);
      expect(revs.size).toBe(told.length);
      expect(wordsOf("removed").filter((rev) => !revs.has(rev))).toEqual([]);
      expect(wordsOf("removed").length).toBeGreaterThan(20 * KILLS);
      // Also where the kill came before the answer.
      const wrong = wordsOf("put").filter((rev) => {
        const isThere = store.get(rev.slice(0, rev.lastIndexOf("-")), now)?.rev === rev;
        return isThere === revs.has(rev);
      });
      expect(wrong).toEqual([]);
      store.close();
    },
  );

  test("a process that was stopped is told what went meanwhile, before it proves anything", async () => {
    const path = testFile();
    const other = await watching(path, commit);
    const store: Store = sqliteStore({ path, commit } as { path: string });
    await removed(store, "before");
    await other.until("told before");
    other.process.kill("SIGSTOP");
    for (const key of ["a", "b", "c"]) await removed(store, key);
    other.process.stdin.write("confirm\n");
    other.process.kill("SIGCONT");
    expect(keysOf(await other.until("proven"))).toEqual(["a", "b", "c"]);
    await store.close();
  });

  test("a process that was stopped for longer than removals are kept is told null", async () => {
    const path = testFile();
    const other = await watching(path, commit);
    const store: Store = sqliteStore({ path, commit } as { path: string });
    await removed(store, "before");
    await other.until("told before");
    other.process.kill("SIGSTOP");
    for (const key of ["a", "b"]) await removed(store, key);
    const database = new DatabaseSync(path);
    database.exec(`UPDATE sojourn_removal SET notedAt = notedAt - ${KEPT_SECONDS}`);
    database.close();
    await store.sweep(now, 1);
    await removed(store, "c");
    other.process.kill("SIGCONT");
    expect(keysOf(await other.until("told c"))).toEqual(["null"]);
    expect(await other.proof()).toEqual([]);
    await store.close();
  });

  test("a process whose file is moved away is told null, and goes on when it is back", async () => {
    const path = testFile();
    const other = await watching(path, commit);
    for (const end of ["", "-wal", "-shm"]) renameSync(`${path}${end}`, `${path}.away${end}`);
    await other.until("null");
    for (const end of ["", "-wal", "-shm"]) renameSync(`${path}.away${end}`, `${path}${end}`);
    const store: Store = sqliteStore({ path, commit } as { path: string });
    await removed(store, "a");
    expect(await other.until("told a")).toEqual([]);
    await store.close();
  });

  test("a watch keeps no process alive", async () => {
    const other = await watching(testFile(), commit);
    // Not the end of the input: the store stays open.
    other.process.stdin.write("leave\n");
    expect((await once(other.process, "exit"))[0]).toBe(0);
  });
});

async function removed(store: Store, key: string): Promise<void> {
  await store.put(entry(key), "any", now);
  await store.delete(key);
}

/** What each line is about. */
function keysOf(lines: readonly string[]): readonly (string | undefined)[] {
  return lines.map((line) => (line.startsWith("told ") ? line.split(" ")[1] : line));
}

/** The lines of a process that removes, which is killed after so many of them, in the middle of whatever it does then. */
async function killed(path: string, commit: string, after: number): Promise<readonly string[]> {
  const { process, lines, arrived } = child("remove", path, commit);
  arrived.on("line", () => {
    if (lines.length === after) process.kill("SIGKILL");
  });
  const exited = once(process, "exit");
  await once(arrived, "close");
  expect((await exited)[1]).toBe("SIGKILL");
  return lines;
}
