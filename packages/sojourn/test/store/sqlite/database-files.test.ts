import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { entry, now, testFile, testFolder } from "./support/folder.ts";

/** For longer than this, reads may go on without a look at the files. */
const LATER = now + 100;

const commits = ["each", "grouped"] as const;

/** What is thrown or rejected with, as code and message. */
async function faultOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    const { code, message } = error as { code: unknown; message: string };
    return `${String(code)}: ${message}`;
  }
  return "no fault";
}

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A file as a killed process leaves it: with a log that was never brought into it. */
function killed(): string {
  const path = testFile();
  const store = sqliteStore({ path });
  store.put(entry("a"), null, now);
  const copy = join(testFolder(), "copy.db");
  copyFileSync(path, copy);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  store.close();
  return copy;
}

/** The warnings of the process while a test runs. */
async function warnings(): Promise<string[]> {
  const heard: string[] = [];
  const note = (warning: Error & { code?: string }): void => {
    if (warning.code === "SOJOURN_FILE_MODE") heard.push(warning.message);
  };
  // Warnings come a turn late: those of the tests before.
  await turn();
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  return heard;
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

const ways: Readonly<Record<string, (path: string) => void>> = {
  deleted: (path) => rmSync(path),
  "renamed away": (path) => renameSync(path, `${path}.old`),
  "replaced by a backup": (path) => {
    copyFileSync(path, `${path}.backup`);
    renameSync(`${path}.backup`, path);
  },
  "left without its log": (path) => rmSync(`${path}-wal`),
  "left without its index": (path) => rmSync(`${path}-shm`),
};

describe.each(commits)("commit: %s", (commit) => {
  function opened(path = testFile()): { store: Store; path: string } {
    const store: Store = sqliteStore({ path, commit } as { path: string });
    onTestFinished(async () => store.close());
    return { store, path };
  }

  describe.each(Object.entries(ways))("a file that was %s under a running store", (_, change) => {
    test("takes no write, and answers no read after 100 ms", async () => {
      const { store, path } = opened();
      await store.put(entry("a", { owner: "ann" }), null, now);
      expect((await store.get("a", now))?.key).toBe("a");
      change(path);
      expect(await faultOf(() => store.get("a", LATER))).toMatch(/^store_unavailable: .*sessions\.db\S* was/);
      expect(await faultOf(() => store.put(entry("b"), null, now))).toMatch(/^store_unavailable/);
      expect(await faultOf(() => store.delete("a"))).toMatch(/^store_unavailable/);
      expect(await faultOf(() => store.touch("a", "rev", { touchedAt: now, expiresAt: now + 1 }, now))).toMatch(
        /^store_unavailable/,
      );
      expect(await faultOf(() => store.get("a", now))).toMatch(/^store_unavailable/);
      expect(await faultOf(() => store.count(now))).toMatch(/^store_unavailable/);
      expect(await faultOf(() => store.list({ limit: 10 }, now))).toMatch(/^store_unavailable/);
      expect(await faultOf(() => store.listByOwner("ann", { limit: 10 }, now))).toMatch(/^store_unavailable/);
    });

    test("is found before the first write as well", async () => {
      const { path } = opened();
      const { store } = opened(path);
      expect(await store.get("a", now)).toBeUndefined();
      change(path);
      expect(await faultOf(() => store.put(entry("b"), null, now))).toMatch(/^store_unavailable/);
    });
  });

  test("a read between two looks goes on, for at most 256 of them while the clock stands still", async () => {
    const { store, path } = opened();
    await store.put(entry("a"), null, now);
    await store.get("a", now);
    rmSync(path);
    let answered = 0;
    while (answered < 1_000 && (await faultOf(() => store.get("a", now))) === "no fault") answered++;
    expect(answered).toBeLessThan(256);
  });

  test("a clock that goes back does not put off the look", async () => {
    const { store, path } = opened();
    await store.put(entry("a"), null, now);
    await store.get("a", now);
    rmSync(path);
    expect(await faultOf(() => store.get("a", now - 86_400_000))).toMatch(/^store_unavailable/);
  });

  test("after a restore under two running stores, a logout in the one is a fault, and no login is lost", async () => {
    const { store, path } = opened();
    await store.put(entry("a"), null, now);
    const { store: silent } = opened(path);
    expect((await silent.get("a", now))?.key).toBe("a");
    ways["replaced by a backup"]!(path);
    expect(await faultOf(() => silent.delete("a"))).toMatch(/^store_unavailable/);
    expect(await faultOf(() => silent.get("a", now))).toMatch(/^store_unavailable/);
    expect(await faultOf(() => store.get("a", LATER))).toMatch(/^store_unavailable/);
  });

  test("a file that is put back is the store's again", async () => {
    const { store, path } = opened();
    await store.put(entry("a"), null, now);
    renameSync(path, `${path}.away`);
    expect(await faultOf(() => store.get("a", LATER))).toMatch(/^store_unavailable/);
    renameSync(`${path}.away`, path);
    expect((await store.get("a", LATER))?.key).toBe("a");
    expect((await store.put(entry("b"), null, now)).outcome).toBe("stored");
  });

  test("a link that leads elsewhere is a file that was replaced", async () => {
    const { path } = opened();
    const link = join(testFolder(), "link.db");
    symlinkSync(path, link);
    const { store } = opened(link);
    expect((await store.put(entry("a"), null, now)).outcome).toBe("stored");
    const { path: other } = opened();
    rmSync(link);
    symlinkSync(other, link);
    expect(await faultOf(() => store.delete("a"))).toMatch(/^store_unavailable/);
  });

  test("a file emptied in place is a fault", async () => {
    const { store, path } = opened();
    await store.put(entry("a"), null, now);
    await store.get("a", now);
    truncateSync(path);
    expect(await faultOf(() => store.get("a", LATER))).toMatch(/^store_unavailable: .*emptied/);
  });
});

type Step =
  | { readonly call: "put" | "delete" | "get"; readonly store: 0 | 1; readonly key: string }
  | { readonly call: "away" | "back" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ call: fc.constantFrom("away", "back", "back") }), weight: 1 },
    {
      arbitrary: fc.record({
        call: fc.constantFrom("put", "delete", "get"),
        store: fc.constantFrom(0, 1),
        key: fc.constantFrom("a", "b"),
      }),
      weight: 3,
    },
  ),
  { minLength: 5, maxLength: 30 },
);

test.each(commits)("moved away and put back at random, two stores agree with a model, commit: %s", async (commit) => {
  const path = testFile();
  const open = (): Store => sqliteStore({ path, commit } as { path: string });
  const stores = [open(), open()] as const;
  let at = now;
  let faults = 0;
  const property = fc.asyncProperty(steps, async (calls) => {
    for (const key of ["a", "b"]) await stores[0].delete(key);
    // What may be under a key: more than one thing after a write that has failed, until an answer says which.
    const possible = new Map<string, readonly (string | undefined)[]>();
    let isAway = false;
    try {
      for (const [index, step] of calls.entries()) {
        if (!("key" in step)) {
          const to = step.call === "away";
          if (to !== isAway) renameSync(to ? path : `${path}.away`, to ? `${path}.away` : path);
          isAway = to;
          continue;
        }
        const { call, key } = step;
        const store = stores[step.store];
        const before = possible.get(key) ?? [undefined];
        const value = `value ${index}`;
        // Each call is later than reads go on without a look.
        at += 100;
        const ask = async (): Promise<string | undefined> => {
          if (call === "get") return (await store.get(key, at))?.value as string | undefined;
          if (call === "delete") return (await store.delete(key)) === undefined ? "nothing" : "something";
          return (await store.put(entry(key, { value, expiresAt: now + 99_000_000 }), "any", at)).outcome;
        };
        if (isAway) {
          await expect(ask()).rejects.toMatchObject({ code: "store_unavailable" });
          faults++;
          if (call !== "get") possible.set(key, [...before, call === "put" ? value : undefined]);
          continue;
        }
        const answer = await ask();
        if (call === "put") expect(answer).toBe("stored");
        else if (call === "get") expect(before).toContain(answer);
        else expect(before.map((each) => (each === undefined ? "nothing" : "something"))).toContain(answer);
        possible.set(key, [call === "put" ? value : call === "get" ? answer : undefined]);
      }
    } finally {
      if (isAway) renameSync(`${path}.away`, path);
    }
  });
  await fc.assert(property, { numRuns: 15 });
  for (const store of stores) await store.close();
  expect(faults).toBeGreaterThan(5);
});

test("a file under a given handle is looked at, too", async () => {
  const path = testFile();
  const database = new DatabaseSync(path);
  const store = sqliteStore({ database });
  store.put(entry("a"), null, now);
  rmSync(path);
  expect(await faultOf(() => store.put(entry("b"), null, now))).toMatch(/^store_unavailable/);
  expect(await faultOf(() => store.get("a", LATER))).toMatch(/^store_unavailable/);
  database.close();
});

test("a handle's journal may change", () => {
  const path = testFile();
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL");
  const store = sqliteStore({ database });
  store.put(entry("a"), null, now);
  database.exec("PRAGMA journal_mode = DELETE");
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(store.put(entry("b"), null, now).outcome).toBe("stored");
  expect(store.get("a", LATER)?.key).toBe("a");
  database.close();
});

test("a path stays the same file when the process changes its folder", async () => {
  const { cwd, chdir } = process;
  const home = cwd();
  onTestFinished(() => chdir(home));
  const folder = testFolder();
  // A thread has no folder of its own to change, so this is what `path` is resolved to.
  process.cwd = () => folder;
  const store = sqliteStore({ path: "sessions.db" });
  process.cwd = cwd;
  store.put(entry("a"), null, now);
  expect(existsSync(join(folder, "sessions.db"))).toBe(true);
  expect(existsSync("sessions.db")).toBe(false);
  store.close();
});

describe("a file that is empty", () => {
  test("or gone, with a log beside it, is store_corrupt, and the log stays", async () => {
    const path = killed();
    const log = readFileSync(`${path}-wal`);
    truncateSync(path);
    expect(await faultOf(() => sqliteStore({ path }))).toMatch(
      /^store_corrupt: .*is empty, but .*-wal holds \d+ bytes/,
    );
    rmSync(path);
    expect(await faultOf(() => sqliteStore({ path }))).toMatch(/^store_corrupt: .*is not there, but/);
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}-wal`).equals(log)).toBe(true);
    rmSync(`${path}-wal`);
    sqliteStore({ path }).close();
  });

  test("is as good as new with a log that is empty, too", () => {
    const path = testFile();
    writeFileSync(path, "");
    writeFileSync(`${path}-wal`, "");
    const store = sqliteStore({ path });
    expect(store.count(now)).toBe(0);
    store.close();
  });

  test("and was written to long after it was made is store_corrupt", async ({ skip }) => {
    const path = testFile();
    sqliteStore({ path }).close();
    truncateSync(path);
    const { birthtimeMs } = statSync(path);
    if (birthtimeMs <= 0) skip("the file system does not say when a file was made");
    utimesSync(path, new Date(), new Date(birthtimeMs + 61_000));
    expect(await faultOf(() => sqliteStore({ path }))).toMatch(/^store_corrupt: .*was not always: it was made on/);
    expect(statSync(path).size).toBe(0);
    rmSync(path);
    sqliteStore({ path }).close();
  });

  test("and was just made becomes a store", () => {
    const path = testFile();
    writeFileSync(path, "");
    const store = sqliteStore({ path });
    expect(store.put(entry("a"), null, now).outcome).toBe("stored");
    store.close();
  });
});

describe.runIf(process.platform !== "win32")("permissions", () => {
  test("of a file that everybody may read are kept, and warned about once", async () => {
    const heard = await warnings();
    const path = testFile();
    sqliteStore({ path }).close();
    chmodSync(path, 0o644);
    for (let life = 0; life < 2; life++) {
      const store = sqliteStore({ path });
      store.put(entry("a"), "any", now);
      store.close();
    }
    await turn();
    expect(modeOf(path)).toBe(0o644);
    expect(heard).toEqual([expect.stringContaining(`${path} holds sessions`)]);
    expect(heard[0]).toContain("mode 644");
  });

  test("of its group are what somebody has set: no warning", async () => {
    const heard = await warnings();
    const path = testFile();
    sqliteStore({ path }).close();
    chmodSync(path, 0o660);
    sqliteStore({ path }).close();
    await turn();
    expect(heard).toEqual([]);
  });

  test("of the files beside it never go further than its own", async () => {
    const heard = await warnings();
    const path = testFile();
    const first = sqliteStore({ path });
    first.put(entry("a"), null, now);
    for (const beside of [`${path}-wal`, `${path}-shm`]) chmodSync(beside, 0o644);
    const second = sqliteStore({ path });
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(modeOf(file)).toBe(0o600);
    second.close();
    first.close();
    await turn();
    expect(heard).toEqual([]);
  });
});
