/**
 * `llms.txt`, the list of pages for programs that read documentation (https://llmstxt.org), `llms-full.txt` with the text of
 * all guides, and each page as Markdown at its own address with `.md`.
 */
import { cpSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONTENT } from "./pages.ts";
import { navigation } from "./navigation.ts";

const MANIFEST = fileURLToPath(new URL("../packages/sojourn/package.json", import.meta.url));

export function writeListsForModels(dist: string): void {
  const groups = navigation();
  const { description } = JSON.parse(readFileSync(MANIFEST, "utf8")) as { readonly description: string };
  const head = `# sojourn\n\n> ${description}\n`;
  const lists = groups.map(
    ({ text, pages }) =>
      `## ${text}\n\n${pages.map(({ title, page }) => `- [${title}](/${page}.md): ${firstParagraph(read(page))}`).join("\n")}\n`,
  );
  writeFileSync(join(dist, "llms.txt"), [head, ...lists].join("\n"));
  const guides = groups.filter(({ text }) => text !== "Reference").flatMap(({ pages }) => pages);
  writeFileSync(join(dist, "llms-full.txt"), guides.map(({ page }) => read(page)).join("\n\n"));
  for (const file of globSync("**/*.md", { cwd: CONTENT })) cpSync(join(CONTENT, file), join(dist, file));
}

const read = (page: string): string => readFileSync(join(CONTENT, `${page}.md`), "utf8");

/** The first paragraph of a page below its heading, without links, on one line. */
function firstParagraph(text: string): string {
  const paragraphs = text.replace(/^---\n.*?\n---\n/s, "").split(/\n{2,}/);
  const first = paragraphs.find((paragraph) => /^[`\p{L}[]/u.test(paragraph.trim())) ?? "";
  return first
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replaceAll(/\s+/g, " ")
    .trim();
}
