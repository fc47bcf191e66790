/** The table of laws in ARCHITECTURE.md: every law is there, and the tests that it names exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
const laws = [...text.matchAll(/^\| (\d+)\. (.*?) \| (.*) \|$/gm)].map(([, number = "", law = "", shown = ""]) => ({
  number: Number(number),
  law,
  shown,
}));

test("has the twelve laws", () => {
  expect(laws.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

describe("names tests that exist", () => {
  test.each(laws)("law $number: $law", ({ shown }) => {
    const named = [...shown.matchAll(/`([\w./-]+\.test\.ts)`(?: "([^"…]+)( …)?")?/g)];
    expect(named.length + Number(shown.includes("contract rule"))).toBeGreaterThan(0);
    for (const [, file = "", title] of named) {
      const path = join(root, file.startsWith("packages/") ? file : `packages/sojourn/test/${file}`);
      expect(existsSync(path), file).toBe(true);
      if (title !== undefined) expect(readFileSync(path, "utf8"), file).toContain(title.trim());
    }
  });
});
