import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync, rmSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { entry, now, testFile } from "./support/folder.ts";

const script = fileURLToPath(new URL("support/child.ts", import.meta.url));
const commits = ["each", "grouped"] as const;

/** How often a writer is killed: `SOJOURN_KILLS` says more. */
const KILLS = Number(process.env["SOJOURN_KILLS"] ?? 4);
/** Enough for a machine that is busy with other tests. */
const timeout = 30_000 + KILLS * 3_000;

interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: Interface;
}

function child(role: string, path: string, commit: string): Child {
  const started = spawn(process.execPath, [script, role, path, commit], {
    stdio: ["pipe", "pipe", role === "write" ? "ignore" : "inherit"],
  });
  onTestFinished(() => void started.kill("SIGKILL"));
  return { process: started, lines: createInterface({ input: started.stdout }) };
}

async function ask({ process, lines }: Child, line: string): Promise<string> {
  process.stdin.write(`${line}\n`);
  const [answer] = (await once(lines, "line")) as [string];
  return answer;
}

function integrity(path: string): unknown {
  const database = new DatabaseSync(path);
  const answer = Object.values(database.prepare("PRAGMA integrity_check").get() ?? {});
  database.close();
  return answer[0];
}

async function keysOf(store: Store): Promise<Set<string>> {
  const keys = new Set<string>();
  let after: string | undefined;
  do {
    const page = await store.list({ after, limit: 1_000 }, now);
    for (const { key } of page.items) keys.add(key);
    after = page.next;
  } while (after !== undefined);
  return keys;
}

/** A login by a clock that is a day ahead. */
const login = (key: string): Entry => entry(key, { owner: "ann", createdAt: now + 86_400_000 });

describe.each(commits)("commit: %s", (commit) => {
  test("what was acknowledged is there after kill -9, and what was deleted is not", { timeout }, async () => {
    const path = testFile();
    const there = new Set<string>();
    const gone = new Set<string>();
    for (let life = 0; life < KILLS; life++) {
      const { process, lines } = child("write", path, commit);
      const exited = once(process, "exit");
      let heard = 0;
      lines.on("line", (line) => {
        const [verb = "", ...key] = line.split(" ");
        if (verb === "put") there.add(key.join(" "));
        else there.delete(key.join(" "));
        if (verb === "deleted") gone.add(key.join(" "));
        // Not at a line of its choice: the kill falls into whatever it does by then.
        if (++heard === 100 + (life % 4) * 37) process.kill("SIGKILL");
      });
      await once(lines, "close");
      expect((await exited)[1]).toBe("SIGKILL");
    }
    const store = sqliteStore({ path });
    const found = await keysOf(store);
    expect(there.size).toBeGreaterThan(100);
    expect([...there].filter((key) => !found.has(key))).toEqual([]);
    expect([...gone].filter((key) => found.has(key))).toEqual([]);
    expect(store.count(now)).toBe(found.size);
    // All of them end a millisecond later: the counts by second and hour were killed together with the entries.
    expect(store.count(now + 1)).toBe(0);
    expect(store.listByOwner("ann", { limit: 1_000 }, now).items.length).toBe(Math.min(found.size, 1_000));
    store.close();
    expect(integrity(path)).toBe("ok");
  });

  test("a restore under a process that writes: all it has acknowledged is in the file it had, nothing in the other", async () => {
    const path = testFile();
    sqliteStore({ path }).close();
    const database = new DatabaseSync(path);
    database.prepare("VACUUM INTO ?").run(`${path}.backup`);
    database.close();
    const { process, lines } = child("write", path, commit);
    const exited = once(process, "exit");
    const acknowledged = new Set<string>();
    const gone = new Set<string>();
    lines.on("line", (line) => {
      const [verb = "", ...key] = line.split(" ");
      if (verb === "put") acknowledged.add(key.join(" "));
      else gone.add(key.join(" "));
      if (acknowledged.size === 60 && verb === "put") {
        renameSync(path, `${path}.old`);
        renameSync(`${path}.backup`, path);
      }
    });
    await once(lines, "close");
    // The writer ends with the fault, which nothing catches.
    expect(await exited).toEqual([1, null]);
    if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${path}.old-wal`);
    rmSync(`${path}-shm`, { force: true });
    const [old, restored] = [sqliteStore({ path: `${path}.old` }), sqliteStore({ path })];
    const found = await keysOf(old);
    expect(acknowledged.size).toBeGreaterThanOrEqual(60);
    expect([...acknowledged].filter((key) => !gone.has(key) && !found.has(key))).toEqual([]);
    expect(restored.count(now)).toBe(0);
    old.close();
    restored.close();
    expect([integrity(path), integrity(`${path}.old`)]).toEqual(["ok", "ok"]);
  });

  test("a delete in one process is seen by the next get in the other, through the cache", async () => {
    const path = testFile();
    const store = sqliteStore({ path }) as Store;
    await store.put(entry("a"), null, now);
    await store.put(entry("b"), null, now);
    const other = child("obey", path, commit);
    for (const key of ["a", "b", "a", "b"]) expect(await ask(other, `get ${key}`)).toBe(`value of ${key}`);
    expect((await store.get("b", now))?.value).toBe("value of b");

    await store.delete("a");
    expect(await ask(other, "get a")).toBe("undefined");
    expect(await ask(other, "get b")).toBe("value of b");
    expect(await ask(other, "delete b")).toBe("b");
    expect(await store.get("b", now)).toBeUndefined();
    expect(await ask(other, "put a")).toBe("stored");
    expect((await store.get("a", now))?.value).toBe("of the child");

    other.process.stdin.end();
    await once(other.process, "exit");
    await store.close();
  });

  test("a revocation of another process refuses what has begun here, and nothing that begins after it", async () => {
    const path = testFile();
    const store = sqliteStore({ path, commit });
    const other = child("obey", path, commit);
    const [old, begun] = [store.begin(), store.begin()];
    expect(await ask(other, "revoke ann")).toBe("0");
    expect(await store.put(login("a"), null, now, begun)).toEqual({ outcome: "revoked" });
    expect((await store.put(login("b"), null, now)).outcome).toBe("stored");
    expect(await ask(other, "revoke ann")).toBe("1");
    other.process.stdin.end();
    await once(other.process, "exit");
    expect(await store.put(login("c"), null, now, old)).toEqual({ outcome: "revoked" });
    await store.close();

    // Numbers go on in another life of the file.
    const again = sqliteStore({ path, commit });
    const before = again.begin();
    expect((await again.put(login("d"), null, now, before)).outcome).toBe("stored");
    await again.revokeOwner("bob");
    await again.revokeOwner("ann");
    expect(await again.put(login("e"), null, now, before)).toEqual({ outcome: "revoked" });
    await again.close();
  });

  test("processes that open a new file at once share it, and the total is exact", async () => {
    const path = testFile();
    const children = Array.from({ length: 4 }, () => child("add", path, commit));
    const codes = await Promise.all(children.map(async ({ process }) => once(process, "exit")));
    expect(codes.map(([code]) => code as number)).toEqual([0, 0, 0, 0]);
    const store = sqliteStore({ path });
    expect(store.count(now)).toBe(4 * 12);
    expect((await keysOf(store)).size).toBe(4 * 12);
    store.close();
  });

  test("an open store does not keep a process alive", async () => {
    const { process, lines } = child("put", testFile(), commit);
    const exited = once(process, "exit");
    expect((await once(lines, "line"))[0]).toBe("stored");
    expect((await exited)[0]).toBe(0);
  });

  test("a full disk is store_full, and nothing of the refused write is there", async () => {
    const path = testFile();
    // A limit on the size of files stands for the disk: 2,000 blocks of 512 or 1,024 bytes.
    const command = `ulimit -f 2000; exec "$0" "$@"`;
    const limited = spawn("sh", ["-c", command, process.execPath, script, "fill", path, commit], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(limited, "exit");
    const [line] = (await once(createInterface({ input: limited.stdout }), "line")) as [string];
    await exited;
    const [code, acknowledged, counted] = line.split(" ");
    expect(code).toBe("store_full");
    expect(Number(acknowledged)).toBeGreaterThan(10);
    expect(counted).toBe(acknowledged);
    const store = sqliteStore({ path });
    expect(store.count(now)).toBe(Number(acknowledged));
    expect((await keysOf(store)).size).toBe(Number(acknowledged));
    store.put(entry("after"), null, now);
    expect(store.count(now)).toBe(Number(acknowledged) + 1);
    store.close();
    expect(integrity(path)).toBe("ok");
  });
});
