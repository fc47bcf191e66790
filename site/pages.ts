/**
 * The pages of the site: which documents of the repository become pages, and at which address.
 *
 * A document links to others as files, so that the links work wherever the repository is read. Here each link is led to the
 * page that the file becomes. A file or a folder of source code that a document links to becomes a page that shows it.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Where the pages are put together. */
export const CONTENT: string = join(root, "site", ".content");

/** Documents outside docs/ that are pages, too. */
const OTHERS: Readonly<Record<string, string>> = {
  "ARCHITECTURE.md": "architecture.md",
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "threats.md",
  "site/index.md": "index.md",
  "bench/RESULTS.md": "benchmarks.md",
  "docs/README.md": "guides.md",
  "packages/server/README.md": "server.md",
};

/** The language that a file's text is shown in, by its extension. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ".css": "css",
  ".html": "html",
  ".json": "json",
  ".jsonc": "json",
  ".md": "md",
  ".sh": "sh",
  ".sql": "sql",
  ".ts": "ts",
  ".tsx": "tsx",
};

/** Writes every page but the reference, and returns how many there are. */
export function writePages(): number {
  const sources = new Map([
    ...globSync("docs/**/*.md", { cwd: root }).map((file) => [file, file.slice("docs/".length)] as const),
    ...Object.entries(OTHERS),
  ]);
  const linked = new Set<string>();
  for (const [source, page] of sources) {
    write(page, withLinks(source, page, sources, linked));
  }
  for (const path of linked) write(sourcePage(path), shown(path));
  cpSync(join(root, "site/public"), join(CONTENT, "public"), { recursive: true });
  return sources.size + linked.size;
}

/** A document in which each relative link leads to a page. */
function withLinks(source: string, page: string, sources: ReadonlyMap<string, string>, linked: Set<string>): string {
  const text = readFileSync(join(root, source), "utf8");
  const rewritten = (link: string): string => {
    if (/^([a-z]+:|#)/.test(link)) return link;
    const [path = "", anchor] = link.split("#");
    const target = posix.normalize(posix.join(posix.dirname(source), path)).replace(/\/$/, "");
    if (!sources.has(target)) linked.add(target);
    const to = posix.relative(posix.dirname(page), sources.get(target) ?? sourcePage(target));
    return `${to.startsWith(".") ? to : `./${to}`}${anchor === undefined ? "" : `#${anchor}`}`;
  };
  // Code stays as it is.
  return text.replaceAll(
    /^```.*?^```$|`[^`\n]*`|(\]\()([^()\s]+)(?=\))|^(\[[^\]]+\]: )(\S+)$/gms,
    (whole, before?: string, link?: string, name?: string, definition?: string) => {
      if (link !== undefined) return `${before}${rewritten(link)}`;
      return definition === undefined ? whole : `${name}${rewritten(definition)}`;
    },
  );
}

const sourcePage = (path: string): string => `source/${path.replaceAll(/[^\w/]+/g, "-")}.md`;

/** A page that shows a file, or the files of a folder. */
function shown(path: string): string {
  const isFolder = statSync(join(root, path)).isDirectory();
  const files = isFolder
    ? globSync(`${path}/**/*.*`, { cwd: root, exclude: (name) => /node_modules|dist/.test(name) }).toSorted()
    : [path];
  const blocks = files
    .filter((file) => extname(file) in LANGUAGES && !file.endsWith("package-lock.json"))
    .map((file) => {
      const heading = isFolder ? `## ${file.slice(path.length + 1)}\n\n` : "";
      const text = readFileSync(join(root, file), "utf8").trimEnd();
      return `${heading}\`\`\`\`\`${LANGUAGES[extname(file)] ?? "text"}\n${text}\n\`\`\`\`\`\n`;
    });
  return `---\nsearch: false\n---\n\n# ${path}\n\n${blocks.join("\n")}`;
}

/** Writes a page where that changes it: whoever watches the folder is told of what is new only. */
function write(page: string, text: string): void {
  const file = join(CONTENT, page);
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Removes what an earlier run has left. */
export function clearPages(): void {
  rmSync(CONTENT, { recursive: true, force: true });
}
