/** Eight clients race for one entry, or one session, on real stores: what each saw must fit one order of all calls. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { isFair, type Level } from "./level.ts";
import { print } from "./race.ts";
import { LONGER, overlaps, type History } from "./races.ts";
import { sqliteRaces } from "./sqlite-races.ts";

const levels: readonly Level[] = ["entries", "sessions"];

/** The first history that is not fair, as text. */
function firstFoul(level: Level, histories: readonly History[]): string | undefined {
  const foul = histories.find((history) => !isFair(level, history));
  return foul && print(foul);
}

describe.each(["each", "grouped"] as const)("threads with connections of their own, commit: %s", (commit) => {
  test.each(levels)("%s", async (level) => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-races-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "sessions.db");
    // Synchronous calls overlap between threads only.
    const threads = commit === "each" ? 4 : 2;
    const histories = await sqliteRaces({ path, commit, level, threads, count: 20 * LONGER });
    expect(firstFoul(level, histories)).toBeUndefined();
    // Enough calls were under way at the same time to mean something.
    expect(overlaps(histories)).toBeGreaterThan(histories.length * 100);
  });
});
