/** The tables in SECURITY.md: every requirement is there, and every test that they name exists. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const text = readFileSync(join(root, "SECURITY.md"), "utf8");
const section = /^## Requirements, by number\n(.*?)^## /ms.exec(text)?.[1] ?? "";

interface Row {
  readonly number: string;
  readonly how: string;
  readonly test: string;
}
const rows: Row[] = section
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (---|number) /.test(line))
  .map((line) => {
    const [number = "", , how = "", shown = ""] = line.slice(2, -2).split(" | ");
    return { number, how, test: shown };
  });

/** What a cell names: files, each with the beginnings of tests in it. */
function named(cell: string): { readonly file: string; readonly titles: readonly string[] }[] {
  return [...cell.matchAll(/`([\w./-]+\.test\.ts)`((?:,? "[^"]+")*)/g)].map((match) => ({
    file: match[1] ?? "",
    titles: [...(match[2] ?? "").matchAll(/"([^"]+)"/g)].map((title) => title[1] ?? ""),
  }));
}

const wanted = (chapter: string, sections: readonly number[]): string[] =>
  sections.flatMap((count, n) => Array.from({ length: count }, (_, m) => `${chapter}.${n + 1}.${m + 1}`));

test("every requirement of ASVS 7.1 to 7.5 and of 9 is there, once and in order", () => {
  const numbers = rows.map(({ number }) => number);
  expect(numbers.filter((number) => number.startsWith("7."))).toEqual(wanted("7", [3, 4, 2, 5, 3]));
  expect(numbers.filter((number) => number.startsWith("9."))).toEqual(wanted("9", [3, 4]));
  for (const number of ["2.1.3", "2.2.3", "2.3.3", "5.1.1", "5.2"]) expect(numbers).toContain(number);
});

describe("each row names a test that exists, or says that it is the application's", () => {
  test.each(rows)("$number", ({ how, test: cell }) => {
    if (cell === "–") {
      expect(how).toMatch(/^The application's/);
      return;
    }
    const tests = named(cell);
    expect(tests.length).toBeGreaterThan(0);
    for (const { file, titles } of tests) {
      const path = join(root, "packages/sojourn/test", file);
      expect(existsSync(path), file).toBe(true);
      const source = readFileSync(path, "utf8");
      expect(titles.length, file).toBeGreaterThan(0);
      // A title stands at the beginning of a string, after `test(`, `describe(` or the table of an `each`.
      for (const title of titles) expect(source, `${file}: ${title}`).toMatch(titleOf(title));
    }
  });
});

function titleOf(title: string): RegExp {
  return new RegExp(String.raw`(?:test|describe|\))\(\s*"${title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}`);
}
