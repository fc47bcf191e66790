/** The short table of the first pages says what the long one says, which has the sources. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const read = (file: string): string => readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), "utf8");

/** The rows of a table below a heading, each as its cells, without the numbers of sources. */
function tableOf(text: string, heading: string): readonly (readonly string[])[] {
  const rows =
    text
      .slice(`\n${text}`.indexOf(`\n${heading}\n`))
      .match(/^\|.*\|$(?:\n\|.*\|$)*/m)?.[0]
      .split("\n") ?? [];
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.replaceAll(/ ?\[\d+\]/g, "").trim()),
  );
}

const whole = tableOf(read("docs/comparison.md"), "# Compared with others");
const cellOf = (name: string | undefined, column: string | undefined): string | undefined =>
  whole.find(([first]) => first === name)?.[whole[0]?.indexOf(column ?? "") ?? -1];

test.each(["README.md", "packages/sojourn/README.md"])("%s", (file) => {
  const [head = [], , ...rows] = tableOf(read(file), "## Why another one");
  expect(rows.length).toBeGreaterThan(8);
  for (const [name, ...cells] of rows) expect(cells, name).toEqual(head.slice(1).map((column) => cellOf(name, column)));
});
