/**
 * Adds to each type of the reference what it is used by: the functions, classes and constants that take or return it, by way of
 * other types if need be. Their examples are its examples.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { anchorOf } from "./anchor.ts";

interface Section {
  readonly page: string;
  readonly name: string;
  /** `page#anchor`, as links name it. */
  readonly address: string;
  readonly isValue: boolean;
  /** What the section is in its page. */
  readonly text: string;
}

/** How many are named at most. */
const MOST = 5;
const VALUES = /^(Functions|Variables|Classes)$/;
const KINDS = /^(Functions|Variables|Classes|Interfaces|Type Aliases)$/;

/** Throws if there is a type that nothing leads to and that has no example of its own. */
export function addUsers(folder: string): void {
  const pages = globSync("**/*.md", { cwd: folder }).map((file) => file.replaceAll("\\", "/"));
  const read = (page: string): string => readFileSync(join(folder, page), "utf8");
  const addresses = new Map(
    pages.flatMap((page) => sectionsOf(page, read(page))).map((each) => [`${each.page} ${each.name}`, each.address]),
  );
  for (const page of pages) writeFileSync(join(folder, page), withOwnAnchors(page, read(page), addresses));
  const sections = pages.flatMap((page) => sectionsOf(page, read(page)));
  const users = new Map<string, Section[]>();
  for (const section of sections)
    for (const address of namedIn(section, addresses)) users.set(address, [...(users.get(address) ?? []), section]);

  const types = sections.filter(({ isValue }) => !isValue);
  const unused = types.filter((type) => usersOf(type, users).length === 0 && !type.text.includes("\n#### Example\n"));
  if (unused.length > 0)
    throw new Error(`Expected every type to be used, got ${unused.map(({ address }) => address).join(", ")}`);
  for (const page of pages) {
    let text = read(page);
    for (const type of types.filter((each) => each.page === page)) {
      const links = usersOf(type, users).map(
        (user) => `[\`${user.name}\`](${posix.relative(posix.dirname(page), user.page)}#${user.address.split("#")[1]})`,
      );
      if (links.length === 0) continue;
      const [heading = ""] = type.text.split("\n", 1);
      text = text.replace(
        type.text,
        () => `${heading}\n\nUsed by ${links.join(", ")}.\n${type.text.slice(heading.length + 1)}`,
      );
    }
    writeFileSync(join(folder, page), text);
  }
}

/** Links to `AuditLog` lead to it, and not to `auditLog`, which has the same letters: TypeDoc gives both the anchor of the first. */
function withOwnAnchors(page: string, text: string, addresses: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\[(`?)([\w$]+)(?:\(\))?\1\]\(([^)#]*)#([\w-]+)\)/g,
    (link, _code, name: string, path: string) => {
      const target = path === "" ? page : posix.join(posix.dirname(page), path);
      const address = addresses.get(`${target} ${name}`);
      return address === undefined ? link : link.replace(/#[\w-]+\)$/, `${address.slice(address.indexOf("#"))})`);
    },
  );
}

function sectionsOf(page: string, text: string): readonly Section[] {
  const sections: Section[] = [];
  const taken = new Map<string, number>();
  let kind = "";
  for (const part of text.split(/^(?=#{1,6} )/m)) {
    const [, level = "", title = ""] = /^(#{1,6}) (.*)$/m.exec(part) ?? [];
    const anchor = anchorOf(title);
    const count = taken.get(anchor) ?? 0;
    taken.set(anchor, count + 1);
    const last = sections.at(-1);
    if (level === "##") kind = title;
    if (level === "###" && KINDS.test(kind)) {
      const name = /^(?:abstract )?([\w$]+)/.exec(title)?.[1] ?? title;
      const address = `${page}#${anchor}${count === 0 ? "" : `-${count}`}`;
      sections.push({ page, name, address, isValue: VALUES.test(kind), text: part });
    } else if (level.length > 3 && last !== undefined && KINDS.test(kind)) {
      sections[sections.length - 1] = { ...last, text: last.text + part };
    }
  }
  return sections;
}

/** The sections that a section names, in links, declarations and examples. One that it is extended by is not used by it. */
function namedIn({ page, address, text }: Section, addresses: ReadonlyMap<string, string>): ReadonlySet<string> {
  const own = text.replaceAll(/^#### Extended by\n.*?(?=^#|$(?![\s\S]))/gms, "");
  const links = [...own.matchAll(/\]\(([^)#]*)#([\w-]+)\)/g)].map(
    ([, path = "", anchor = ""]) => `${path === "" ? page : posix.join(posix.dirname(page), path)}#${anchor}`,
  );
  const declared = [...own.matchAll(/^```ts\n(.*?)^```$/gms)].flatMap(
    ([, code = ""]) => code.match(/\b[A-Z]\w+/g) ?? [],
  );
  const named = declared.map(
    (name) => addresses.get(`${page} ${name}`) ?? addresses.get(`sojourn.md ${name}`) ?? elsewhere(name, addresses),
  );
  return new Set([...links, ...named].filter((link) => link !== address));
}

/** Where the only one of that name is. */
function elsewhere(name: string, addresses: ReadonlyMap<string, string>): string {
  const found = [...addresses].filter(([key]) => key.endsWith(` ${name}`));
  return found.length === 1 ? (found[0]?.[1] ?? "") : "";
}

/** The nearest values that lead to a type. */
function usersOf(type: Section, users: ReadonlyMap<string, readonly Section[]>): readonly Section[] {
  const seen = new Set([type.address]);
  let layer: readonly Section[] = [type];
  while (layer.length > 0) {
    layer = layer
      .flatMap(({ address }) => users.get(address) ?? [])
      .filter(({ address }) => {
        const isNew = !seen.has(address);
        seen.add(address);
        return isNew;
      });
    const values = layer.filter(({ isValue }) => isValue);
    if (values.length > 0) return values.slice(0, MOST);
  }
  return [];
}
