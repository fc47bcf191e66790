/** Links in the documents lead somewhere, every guide can be reached, and every subpath has a page. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { documents } from "./support/documents.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), "utf8");
/** A page without its code blocks, which may show links of the reader's. */
const proseOf = (file: string): string => read(file).replaceAll(/^```.*?^```$/gms, "");

/** `[text](target)`, and `[text]: target` as a definition at the end of a page. */
function linksOf(file: string): readonly string[] {
  const prose = proseOf(file).replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^()\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)].map(
    ([, inline, defined]) => inline ?? defined ?? "",
  );
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(file: string): readonly string[] {
  return [...proseOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(/\s/g, "-"),
  );
}

/** The file that a relative link leads to, from the root. */
const targetOf = (file: string, link: string): string =>
  relative(root, join(root, dirname(file), link.split("#")[0] ?? ""));

/** What the package page links to is what the package holds: its guides are there at this address once it is published. */
const PUBLISHED = "https://unpkg.com/sojourn/";
const isRelative = (link: string): boolean => !/^[a-z]+:/.test(link);

describe("relative links lead to files and headings that exist", () => {
  test.each(documents)("%s", (file) => {
    for (const link of linksOf(file).filter(isRelative)) {
      const target = link.startsWith("#") ? file : targetOf(file, link);
      expect(existsSync(join(root, target)), link).toBe(true);
      const anchor = link.split("#")[1];
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor);
    }
  });

  test("there are such links, and headings are found", () => {
    expect(documents.flatMap(linksOf).filter(isRelative).length).toBeGreaterThan(40);
    expect(anchorsOf("docs/cookies.md")).toContain("on-bare-nodehttp");
  });
});

describe("package pages", () => {
  const pages = documents.filter((file) => file.startsWith("packages/"));

  test.each(pages)("%s links by full addresses, since a registry shows it without the files beside it", (file) => {
    expect(linksOf(file).filter(isRelative)).toEqual([]);
  });

  test.each(pages)("%s: names in brackets are defined", (file) => {
    const prose = proseOf(file);
    for (const [, name = ""] of prose.matchAll(/\[([^\]]+)\]\[\]/g)) expect(prose).toContain(`\n[${name}]: `);
  });

  test("what sojourn's page links to is packed with it", () => {
    const linked = linksOf("packages/sojourn/README.md").filter((link) => link.startsWith(PUBLISHED));
    expect(linked.length).toBeGreaterThan(10);
    for (const link of linked) {
      const file = link.slice(PUBLISHED.length);
      expect(file).toMatch(/^(docs\/[\w/-]+|CHANGELOG|SECURITY)\.md$/i);
      expect(existsSync(join(root, file)), link).toBe(true);
    }
  });
});

describe("every guide can be reached", () => {
  const guides = documents.filter((file) => file.startsWith("docs/") && !/^docs\/(README\.md|decisions\/)/.test(file));

  test("from the list of guides", () => {
    const linked = linksOf("docs/README.md")
      .filter(isRelative)
      .map((link) => targetOf("docs/README.md", link));
    expect(guides.length).toBeGreaterThan(15);
    for (const guide of guides) expect(linked).toContain(guide);
  });

  test("that list from the first pages", () => {
    expect(linksOf("README.md")).toContain("docs/README.md");
    expect(linksOf("packages/sojourn/README.md")).toContain(`${PUBLISHED}docs/README.md`);
  });

  test("decisions, from a guide", () => {
    const linked = new Set(
      documents.flatMap((file) =>
        linksOf(file)
          .filter(isRelative)
          .map((link) => targetOf(file, link)),
      ),
    );
    const decisions = documents.filter((file) => file.startsWith("docs/decisions/"));
    for (const decision of decisions) expect(linked).toContain(decision);
  });
});

describe("every subpath of sojourn", () => {
  const manifest = JSON.parse(read("packages/sojourn/package.json")) as {
    readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  };
  const subpaths = Object.entries(manifest.exports).flatMap(([path, files]) =>
    typeof files === "string" ? [] : [{ name: path.replace(/^\./, "sojourn"), ...files }],
  );

  test.each(subpaths)("$name is imported by a block of a guide, and is on the package page", ({ name }) => {
    const guides = documents.filter((file) => file.startsWith("docs/"));
    expect(guides.some((file) => read(file).includes(`from "${name}"`))).toBe(true);
    expect(read("packages/sojourn/README.md")).toContain(name.replace(/^(sojourn\/audit)\/.*/, "$1"));
  });

  test.each(subpaths)("$name: its types and its code are built", ({ types, default: code }) => {
    for (const file of [types, code]) {
      expect(statSync(join(root, "packages/sojourn", file)).size, file).toBeGreaterThan(0);
    }
  });
});
