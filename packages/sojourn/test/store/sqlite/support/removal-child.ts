/**
 * The other process of the tests of removals: `node removal-child.ts <role> <path> <commit>`. It writes a line for each
 * thing that it did or was told.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { sqliteStore } from "../../../../src/store/sqlite/index.ts";
import type { Entry } from "../../../../src/store/store.ts";
import { entry, now } from "./folder.ts";

const [role, path = "", commit] = process.argv.slice(2);
const store = sqliteStore({ path, commit: commit === "grouped" ? "grouped" : "each", busyTimeout: "20s" });

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

/** Says what it is told, and proves that it was everything when it is asked to. */
async function watch(): Promise<void> {
  const watch = store.watchRemovals!((removed) => {
    say(removed === null ? "null" : `told ${removed.head.key} ${removed.head.rev} ${removed.note}`);
  });
  await watch.confirm();
  say("proven");
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "leave") {
      process.stdin.destroy();
      return;
    }
    await watch.confirm();
    say("proven");
  }
  await store.close();
}

const ofOwn = (key: string): Entry => entry(key, { owner: key, rev: `${key}-${process.pid}` });

/** Puts and removes until it is killed, in each way there is; says what was acknowledged. */
async function remove(name: string): Promise<void> {
  for (let count = 0; ; count++) {
    const key = `${process.pid}-${name}-${count}`;
    await store.put(ofOwn(key), null, now);
    say(`put ${key}-${process.pid}`);
    if (count % 3 === 0) await store.delete(key, `delete-${count}`);
    else if (count % 3 === 1) await store.revokeOwner(key, undefined, `revoke-${count}`);
    else await store.put({ ...ofOwn(key), rev: `${key}-again` }, "any", now);
    say(`removed ${key}-${process.pid}`);
  }
}

if (role === "watch") await watch();
if (role === "remove") {
  await Promise.all(Array.from({ length: commit === "grouped" ? 8 : 1 }, async (_, index) => remove(`c${index}`)));
}
