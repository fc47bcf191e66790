/** What the site's menus list. A page in one of the folders is listed by itself, under its heading. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CONTENT } from "./pages.ts";
import { subpaths } from "./reference.ts";

/** Pages in their order: a page, or a folder whose pages are listed by name. */
const GROUPS: readonly { readonly text: string; readonly pages: readonly string[] }[] = [
  { text: "Begin", pages: ["start", "concepts", "choosing-a-store", "guides"] },
  { text: "Sessions", pages: ["sessions", "cookies", "auth", "live-connections"] },
  { text: "Frameworks", pages: ["frameworks/"] },
  { text: "Stores", pages: ["stores/"] },
  { text: "Run it", pages: ["operating", "security", "troubleshooting", "compliance", "testing", "server"] },
  { text: "Coming from", pages: ["comparison", "ten-tasks", "coming-from/"] },
  { text: "Key-value storage and cache", pages: ["storage", "cache"] },
  { text: "Reference", pages: subpaths.map(({ name }) => `reference/${name}`) },
  {
    text: "About the project",
    pages: ["architecture", "threats", "benchmarks", "changelog", "contributing", "decisions/"],
  },
];

/** Names of pages whose heading says less, or more, among the others. */
const TITLES: Readonly<Record<string, string>> = {
  guides: "All guides",
  security: "Security in your app",
  threats: "Threats and requirements",
  troubleshooting: "Troubleshooting",
};

interface Listed {
  /** The address, without a slash before it. */
  readonly page: string;
  /** Its heading, or less where the group says the rest. */
  readonly title: string;
}

/** The groups of the menu, and the pages of each. What is in none of them comes last. */
export function navigation(): readonly { readonly text: string; readonly pages: readonly Listed[] }[] {
  const groups = GROUPS.map(({ text, pages }) => ({
    text,
    pages: pages.flatMap((page) => (page.endsWith("/") ? pagesIn(page) : [page])).map(listed),
  }));
  const inMenu = new Set(groups.flatMap(({ pages }) => pages.map(({ page }) => page)));
  const missing = globSync("**/*.md", { cwd: CONTENT })
    .map((file) => file.replaceAll("\\", "/").replace(/\.md$/, ""))
    .filter((page) => !inMenu.has(page) && !/^(index|source\/.*|reference\/index)$/.test(page));
  return missing.length === 0 ? groups : [...groups, { text: "More", pages: missing.map(listed) }];
}

const pagesIn = (folder: string): readonly string[] =>
  globSync(`${folder}*.md`, { cwd: CONTENT })
    .map((file) => folder + basename(file, ".md"))
    .toSorted();

function listed(page: string): Listed {
  const file = join(CONTENT, `${page}.md`);
  if (!existsSync(file)) throw new Error(`Expected a page ${page}, got none`);
  const heading = TITLES[page] ?? /^# (.*)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? page;
  return { page, title: heading.replace(/^(Sessions (in|on|behind)|Coming from|The) |: .*$/g, "").replaceAll("`", "") };
}
