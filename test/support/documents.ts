import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The documents of the repository, as paths from its root. What packing copies into a package is not among them. */
export const documents: readonly string[] = [
  ...globSync("*.md", { cwd: root }),
  ...globSync("{docs,examples,bench}/**/*.md", { cwd: root }),
  ...globSync("{site,frameworks,frameworks/*}/*.md", { cwd: root }),
  ...globSync("packages/*/README.md", { cwd: root }),
].filter((file) => !file.includes("node_modules"));
