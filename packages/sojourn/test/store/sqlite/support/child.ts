/** The other process of the tests: `node child.ts <role> <path> <commit>`. It writes a line for each thing it did. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { sqliteStore } from "../../../../src/store/sqlite/index.ts";
import type { Entry } from "../../../../src/store/store.ts";

const [role, path = "", commit] = process.argv.slice(2);
const now = Date.UTC(2026, 0, 1);

/** Written when this returns, so that a kill cannot take it back. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      // The pipe is full, until the other process reads on.
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
    }
  }
}

function entry(key: string, value = "v"): Entry {
  return {
    key,
    owner: "ann",
    rev: `${key} ${process.pid}`,
    meta: "",
    createdAt: now,
    touchedAt: now,
    expiresAt: now + 1,
    value,
  };
}

const store = sqliteStore({ path, commit: commit === "grouped" ? "grouped" : "each", busyTimeout: "20s" });

/** Puts and deletes until it is killed; says what was acknowledged, and which deletes are under way. */
async function write(name: string): Promise<void> {
  for (let count = 0; ; count++) {
    const key = `${process.pid} ${name} ${count}`;
    await store.put(entry(key), null, now);
    say(`put ${key}`);
    if (count % 3 !== 0) continue;
    say(`deleting ${key}`);
    await store.delete(key);
    say(`deleted ${key}`);
  }
}

/** Puts a number of entries and deletes half of them. */
async function add(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await store.put(entry(`${process.pid} ${index}`), null, now);
    if (index % 2 === 0) await store.delete(`${process.pid} ${index}`);
  }
}

/** Does what it is told, line by line, and answers each. */
async function obey(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, key = ""] = line.split(" ");
    if (verb === "get") say(String((await store.get(key, now))?.value));
    if (verb === "delete") say(String((await store.delete(key))?.key));
    if (verb === "revoke") say(`${(await store.revokeOwner(key)).length}`);
    if (verb === "put") say((await store.put(entry(key, "of the child"), "any", now)).outcome);
  }
  await store.close();
}

/** Puts until the disk refuses, and says which fault that was and what was acknowledged. */
async function fill(): Promise<void> {
  let stored = 0;
  try {
    for (;;) {
      await store.put(entry(`k${stored}`, "x".repeat(10_000)), null, now);
      stored++;
    }
  } catch (error) {
    say(`${(error as { code: string }).code} ${stored} ${await store.count(now)}`);
  }
}

if (role === "write") {
  await Promise.all(Array.from({ length: commit === "grouped" ? 8 : 1 }, async (_, index) => write(`c${index}`)));
}
if (role === "add") await add(25);
if (role === "obey") await obey();
if (role === "fill") await fill();
// Ends by itself although the store is open: an idle worker must not keep a process alive.
if (role === "put") say((await store.put(entry("k"), null, now)).outcome);
