/** The API reference: a page for each subpath of the library, made by TypeDoc from the comments in its source. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONTENT } from "./pages.ts";
import { addUsers } from "./used-by.ts";

const site = fileURLToPath(new URL(".", import.meta.url));
const library = join(site, "../packages/sojourn");

/** The subpaths of the library, with the file of its source that each one is. */
export const subpaths: readonly { readonly name: string; readonly source: string }[] = Object.entries(
  (
    JSON.parse(readFileSync(join(library, "package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
    }
  ).exports,
).flatMap(([path, files]) =>
  typeof files === "string"
    ? []
    : [
        {
          name: path.replace(/^\./, "sojourn"),
          source: join(library, files.types.replace("./dist", "src").replace(".d.ts", ".ts")),
        },
      ],
);

/** Writes the pages. A file for each subpath gives its page the name under which it is imported. */
export function writeReference(): void {
  const entries = join(site, ".entries");
  rmSync(entries, { recursive: true, force: true });
  mkdirSync(entries);
  // What several subpaths export is described under the first of them.
  const files = subpaths.map(({ name, source }) => {
    const file = join(entries, `${name.replaceAll("/", "-")}.ts`);
    writeFileSync(file, `/** @module ${name} */\nexport * from ${JSON.stringify(source)};\n`);
    return file;
  });
  writeFileSync(
    join(entries, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { skipLibCheck: true },
      include: ["*.ts"],
      exclude: [],
    }),
  );
  const typedoc = join(site, "node_modules/typedoc/bin/typedoc");
  execFileSync(process.execPath, [typedoc, "--options", join(site, "typedoc.json"), ...files], {
    cwd: site,
    stdio: "inherit",
  });
  addUsers(join(CONTENT, "reference"));
  rmSync(entries, { recursive: true, force: true });
}
