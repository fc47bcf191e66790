/** What a subpath of the library exports, and where in the source each name is declared. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const library = fileURLToPath(new URL("../../packages/sojourn/", import.meta.url));

export interface Exported {
  readonly name: string;
  /** Whether it is there at run time. */
  readonly isValue: boolean;
  /** From the root of the package. */
  readonly file: string;
  /** Its comment, without the stars; empty if it has none. */
  readonly comment: string;
}

const LISTS = /^export (type )?(?:\*|\{([^}]*)\}) from "([^"]+)";/gms;
const DECLARATIONS =
  /(?:^\/\*\*((?:(?!\*\/).)*)\*\/\n)?^export (?:abstract |async |declare )*(function|class|const|enum|interface|type) (\w+)/gms;

/** The subpaths, by the name that they are imported by. */
export const subpaths: ReadonlyMap<string, readonly Exported[]> = new Map(
  Object.entries(
    (
      JSON.parse(readFileSync(join(library, "package.json"), "utf8")) as {
        readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
      }
    ).exports,
  ).flatMap(([path, files]) =>
    typeof files === "string"
      ? []
      : [
          [
            path.replace(/^\./, "sojourn"),
            exportsOf(files.types.replace("./dist", "src").replace(/\.d\.ts$/, ".ts")),
          ] as const,
        ],
  ),
);

/** Follows the lists of a file to the declarations. What a list names goes before what another file exports as a whole. */
function exportsOf(file: string): readonly Exported[] {
  const text = readFileSync(join(library, file), "utf8");
  const found = new Map<string, Exported>();
  for (const [, comment = "", kind = "", name = ""] of text.matchAll(DECLARATIONS)) {
    // The first of several overloads has the comment.
    if (found.has(name)) continue;
    const isValue = kind !== "interface" && kind !== "type";
    found.set(name, { name, isValue, file, comment: comment.replaceAll(/^ ?\* ?/gm, "") });
  }
  const wholes: Exported[] = [];
  for (const [, isType, names, from = ""] of text.matchAll(LISTS)) {
    if (!from.startsWith(".")) continue;
    const others = exportsOf(join(dirname(file), from));
    if (names === undefined) wholes.push(...others);
    for (const listed of names?.split(",") ?? []) {
      const [, own, name = "", as] =
        /^\s*(type )?(\w+)(?: as (\w+))?\s*$/.exec(listed.replaceAll(/\/\/.*$/gm, "")) ?? [];
      const declared = others.find((other) => other.name === name);
      if (name !== "" && declared === undefined)
        throw new Error(`Expected ${from} to declare ${name}, which ${file} exports`);
      if (declared === undefined) continue;
      const isValue = declared.isValue && isType === undefined && own === undefined;
      found.set(as ?? name, { ...declared, name: as ?? name, isValue });
    }
  }
  for (const other of wholes) if (!found.has(other.name)) found.set(other.name, other);
  return [...found.values()];
}
