import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { build } from "rolldown";
import { expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { entry, now, testFile, testFolder } from "./support/folder.ts";

function opened(path = testFile()): { store: Store<"async">; path: string } {
  return { store: sqliteStore({ path, commit: "grouped", busyTimeout: 50 }), path };
}

/** How many transactions have changed the namespace. */
function transactions(path: string): number {
  const database = new DatabaseSync(path);
  const row = database.prepare("SELECT changes FROM sojourn_namespace").get();
  database.close();
  return Number(row?.["changes"]);
}

/** The commit workers that are started while a test runs. */
function workers(): Worker[] {
  const started: Worker[] = [];
  const note = (worker: Worker): void => void started.push(worker);
  process.on("worker", note);
  onTestFinished(() => void process.off("worker", note));
  return started;
}

const code = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "no fault",
    (error: { code: unknown }) => error.code,
  );

test("what one turn of the event loop gathers is one transaction, and each call has its own outcome", async () => {
  const { store, path } = opened();
  const taken = entry("taken", { owner: "ann" });
  await store.put(taken, null, now);
  const begun = store.begin();
  await store.revokeOwner("bob");
  const before = transactions(path);
  const answers = await Promise.all([
    store.put(entry("new"), null, now),
    store.put(entry("taken"), null, now),
    store.put(entry("of bob", { owner: "bob" }), null, now, begun),
    store.touch("taken", taken.rev, { touchedAt: now, expiresAt: now + 99_000 }, now),
    store.touch("taken", "another", { touchedAt: now, expiresAt: now + 99_000 }, now),
    store.put(entry("new"), null, now),
    store.delete("taken"),
    store.delete("taken"),
    store.put(entry("taken"), null, now),
    store.revokeOwner("nobody"),
    store.sweep(now, 10),
  ]);
  expect(
    answers.map((answer) => (typeof answer === "object" && "outcome" in answer ? answer.outcome : answer)),
  ).toEqual(
    ["stored", "conflict", "revoked", true, false, "conflict", expect.objectContaining({ key: "taken" }), undefined]
      .concat(["stored"] as never[])
      .concat([[], []] as never[]),
  );
  expect(answers[1]).toMatchObject({ current: { rev: taken.rev, value: taken.value } });
  expect(transactions(path)).toBe(before + 1);
  expect(await store.count(now)).toBe(2);
  await store.close();
});

test("a read after a write has resolved sees it", async () => {
  const { store } = opened();
  for (let round = 0; round < 50; round++) {
    const put = await store.put(entry("k", { value: `${round}` }), "any", now);
    expect(put.outcome).toBe("stored");
    expect((await store.get("k", now))?.value).toBe(`${round}`);
  }
  await store.delete("k");
  expect(await store.get("k", now)).toBeUndefined();
  await store.close();
});

test("reads while writes are on their way never go back to an older state", async () => {
  const { store } = opened();
  const versions = 200;
  await store.put(entry("k", { value: "0" }), null, now);
  let acknowledged = 0;
  const finished = (): boolean => acknowledged === versions;
  const writer = (async () => {
    for (let version = 1; version <= versions; version++) {
      await store.put(entry("k", { value: String(version) }), "any", now);
      acknowledged = version;
    }
  })();
  let seen = 0;
  while (!finished()) {
    const least = Math.max(seen, acknowledged);
    const there: Entry | undefined = await store.get("k", now);
    seen = Number(there?.value);
    expect(seen).toBeGreaterThanOrEqual(least);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writer;
  expect(seen).toBeGreaterThan(0);
  await store.close();
});

test("a commit whose answer has not arrived yet is seen, and costs the cache no more than what it touched", async () => {
  const { store, path } = opened();
  await store.put(entry("changed", { value: "old" }), null, now);
  await store.put(entry("other"), null, now);
  await store.get("changed", now);
  const other = await store.get("other", now);
  const put = store.put(entry("changed", { value: "new" }), "any", now);
  await new Promise((resolve) => setImmediate(resolve));
  // From here on this thread does not go back to its event loop, so that the worker's answer cannot arrive.
  const database = new DatabaseSync(path);
  const value = database.prepare("SELECT value FROM sojourn_entry WHERE key = 'changed'");
  while (value.get()?.["value"] !== "new") continue;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  const reads = [store.get("changed", now), store.get("other", now)];
  database.close();
  expect((await reads[0])?.value).toBe("new");
  expect(await reads[1]).toBe(other);
  await put;
  expect((await store.get("changed", now))?.value).toBe("new");
  await store.close();
});

test("bytes can be changed as soon as put has returned its promise", async () => {
  const { store } = opened();
  const value = new Uint8Array([1, 2, 3]);
  const put = store.put(entry("k", { value }), null, now);
  value.fill(9);
  await put;
  expect((await store.get("k", now))?.value).toEqual(new Uint8Array([1, 2, 3]));
  await store.close();
});

test("if the commit fails, every call of the group rejects and nothing of it is stored", async () => {
  const { store, path } = opened();
  await store.put(entry("before"), null, now);
  const blocker = new DatabaseSync(path);
  blocker.exec("BEGIN IMMEDIATE");
  const codes = await Promise.all([
    code(store.put(entry("a"), null, now)),
    code(store.put(entry("b"), null, now)),
    code(store.delete("before")),
  ]);
  blocker.exec("ROLLBACK");
  blocker.close();
  expect(codes).toEqual(["store_unavailable", "store_unavailable", "store_unavailable"]);
  expect((await store.list({ limit: 10 }, now)).items.map(({ key }) => key)).toEqual(["before"]);
  expect(await store.count(now)).toBe(1);
  expect((await store.put(entry("a"), null, now)).outcome).toBe("stored");
  await store.close();
});

test("a worker that ends rejects what is on its way, and the next call starts another", async () => {
  const { store, path } = opened();
  const started = workers();
  await store.put(entry("a"), null, now);
  expect(started.length).toBe(1);
  const blocker = new DatabaseSync(path);
  blocker.exec("BEGIN IMMEDIATE");
  const waiting = [code(store.put(entry("b"), null, now)), code(store.put(entry("c"), null, now))];
  await new Promise((resolve) => setImmediate(resolve));
  const behind = store.put(entry("d"), null, now);
  await started[0]!.terminate();
  blocker.exec("ROLLBACK");
  blocker.close();
  expect(await Promise.all(waiting)).toEqual(["store_unavailable", "store_unavailable"]);
  expect((await behind).outcome).toBe("stored");
  expect(started.length).toBe(2);
  expect((await store.get("d", now))?.key).toBe("d");
  await store.close();
});

test("close settles what was submitted, then every call is store_closed", async () => {
  const { store, path } = opened();
  const puts = Array.from({ length: 20 }, async (_, index) => store.put(entry(`k${index}`), null, now));
  await Promise.all([store.close(), store.close()]);
  expect((await Promise.all(puts)).every(({ outcome }) => outcome === "stored")).toBe(true);
  expect(await code(store.get("k1", now))).toBe("store_closed");
  expect(await code(store.put(entry("late"), null, now))).toBe("store_closed");
  const again = sqliteStore({ path });
  expect(again.count(now)).toBe(20);
  again.close();
});

test("close ends the worker of a store that never wrote, too", async () => {
  const started = workers();
  const { store } = opened();
  expect(await store.get("a", now)).toBeUndefined();
  await store.close();
  expect(started.map(({ threadId }) => threadId)).toEqual([-1]);
});

test("the worker opens the file when the store does: after a restore its first write is a fault", async () => {
  const { store, path } = opened();
  await store.put(entry("a"), null, now);
  const { store: silent } = opened(path);
  expect((await silent.get("a", now))?.key).toBe("a");
  copyFileSync(path, `${path}.restored`);
  renameSync(`${path}.restored`, path);
  expect(await code(silent.delete("a"))).toBe("store_unavailable");
  expect(await code(silent.get("a", now))).toBe("store_unavailable");
  await Promise.all([silent.close(), store.close()]);
});

test("a worker that is started again opens no other file, and makes none", async () => {
  const { store, path } = opened();
  const started = workers();
  const { store: second } = opened(path);
  await second.put(entry("a"), null, now);
  await started[1]!.terminate();
  renameSync(path, `${path}.away`);
  expect(await code(second.put(entry("b"), null, now))).toBe("store_unavailable");
  expect(existsSync(path)).toBe(false);
  renameSync(`${path}.away`, path);
  expect((await second.put(entry("b"), null, now)).outcome).toBe("stored");
  await Promise.all([second.close(), store.close()]);
});

test.each(["esm", "cjs"] as const)("bundled as %s, it says at start that the worker is not there", async (format) => {
  const folder = testFolder();
  const input = join(folder, "app.ts");
  const file = join(folder, format === "esm" ? "app.mjs" : "app.cjs");
  const source = fileURLToPath(new URL("../../../src/store/sqlite/index.ts", import.meta.url));
  writeFileSync(
    input,
    `import { sqliteStore } from ${JSON.stringify(source)};
     sqliteStore({ path: ${JSON.stringify(join(folder, "each.db"))} }).close();
     try {
       sqliteStore({ path: ${JSON.stringify(join(folder, "grouped.db"))}, commit: "grouped" });
       console.log("no fault");
     } catch (error) {
       console.log(error.code, error.message);
     }`,
  );
  await build({ input, platform: "node", output: { file, format }, logLevel: "silent" });
  const said = execFileSync(process.execPath, [file], { encoding: "utf8" });
  expect(said).toMatch(/^store_unavailable Expected \S*commit-worker\.js to be there/);
  expect(said).toContain("--external:sojourn");
});
