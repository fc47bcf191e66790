/** A Postgres inside of this process, from a copy of an empty one: making its first tables takes seconds. */
import { existsSync, mkdirSync, openAsBlob, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PGlite, type PGliteOptions } from "@electric-sql/pglite";

const root = fileURLToPath(new URL("../../../../../", import.meta.url));

export async function startPglite(options: PGliteOptions = {}): Promise<PGlite> {
  return PGlite.create({ ...options, loadDataDir: await openAsBlob(await emptyOne()) });
}

/** The file with the copy. It is made by whoever comes first, and stays there for the version of the package. */
async function emptyOne(): Promise<string> {
  const folder = `${root}node_modules/.cache/sojourn`;
  const manifest = readFileSync(`${root}node_modules/@electric-sql/pglite/package.json`, "utf8");
  const { version } = JSON.parse(manifest) as { readonly version: string };
  const path = `${folder}/pglite-${version}.tar`;
  if (existsSync(path)) return path;
  const database = await PGlite.create();
  const copy = await database.dumpDataDir("none");
  await database.close();
  mkdirSync(folder, { recursive: true });
  // Other workers do the same meanwhile: nobody is to read half of it.
  const own = `${path}.${process.pid}`;
  writeFileSync(own, await copy.bytes());
  renameSync(own, path);
  return path;
}
