import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Entry } from "../../../../src/store/store.ts";

/** A folder that goes with the test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The path of a new file in it. */
export function testFile(): string {
  return join(testFolder(), "sessions.db");
}

export const now: number = Date.UTC(2026, 0, 1);

let revs = 0;

/** An entry with a rev of its own that lives for a minute. */
export function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `${key} ${++revs}`, meta: "", ...instants, value: `value of ${key}`, ...parts };
}
