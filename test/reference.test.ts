/** Every public name has a comment, and every one that is called or constructed an example, which is compiled and run. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { noRedis } from "../packages/sojourn/test/store/support/redis-binary.ts";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { subpaths, type Exported } from "./support/exports.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const REDIS = "redis://127.0.0.1:6379";

// A name that several subpaths export is described once.
const exported = new Map<string, Exported & { readonly subpath: string }>();
for (const [subpath, names] of subpaths)
  for (const each of names) {
    const key = `${each.file} ${each.name}`;
    if (!exported.has(key)) exported.set(key, { ...each, subpath });
  }
const names = [...exported.values()].map((each) => ({ ...each, title: `${each.subpath} ${each.name}` }));
const values = names.filter(({ isValue }) => isValue);

const exampleOf = ({ comment }: Exported): string | undefined => /^@example\n```ts\n(.*?)^```$/ms.exec(comment)?.[1];
const examples = names.flatMap((each) => {
  const code = exampleOf(each);
  return code === undefined ? [] : [{ ...each, code }];
});

test("the names are found: as many as a program that imports everything would see", async () => {
  expect(values.length).toBeGreaterThan(75);
  expect(names.length - values.length).toBeGreaterThan(200);
  const seen = await import("sojourn");
  const found = subpaths.get("sojourn")?.filter(({ isValue }) => isValue) ?? [];
  expect(found.map(({ name }) => name).toSorted()).toEqual(Object.keys(seen).toSorted());
});

test.each(names)("$title has a comment", ({ comment }) => {
  expect(comment.trim().length).toBeGreaterThan(10);
});

// A type has one, or the site links it with what uses it, and is not built if that is nothing (site/used-by.ts).
test.each(values)("$title has an example, which imports it", (each) => {
  expect(exampleOf(each)).toMatch(new RegExp(`\\b${each.name}\\b.*from "sojourn[/\\w-]*"`, "s"));
});

describe("the examples", () => {
  // Inside the repository, so that imports resolve as for whoever has installed the package.
  const folder = mkdtempSync(join(root, "test", ".examples-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const written = examples.map((each) => {
    const file = join(folder, `${each.title.replaceAll(/\W+/g, "-")}.ts`);
    writeFileSync(file, each.code);
    return { ...each, path: file };
  });

  test("compile", () => {
    const config = join(folder, "tsconfig.json");
    // Nest's decorators are those of before the standard.
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false, experimentalDecorators: true };
    // Next is not among what is installed here: the library declares what it uses of it.
    const include = [...written.map(({ path }) => path), join(root, "packages/sojourn/src/next.d.ts")];
    writeFileSync(config, JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include, exclude: [] }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });

  // A Worker's modules are nowhere else, and Node runs no decorators: those are compiled.
  const runnable = written.filter(({ subpath }) => !["sojourn/cloudflare", "sojourn/nest"].includes(subpath));

  test.for([...new Set(runnable.map(({ subpath }) => subpath))])(
    "of %s print what they say",
    async (subpath, { skip }) => {
      const own = runnable.filter((each) => each.subpath === subpath);
      const needsRedis = own.some(({ code }) => code.includes(REDIS));
      if (needsRedis && noRedis) skip("there is no redis-server");
      const server = needsRedis ? await startRedis() : undefined;
      onTestFinished(async () => server?.stop());
      if (server !== undefined)
        for (const { path, code } of own) writeFileSync(path, code.replaceAll(REDIS, server.url));
      // One process for all of a subpath.
      const main = join(folder, `${subpath.replaceAll(/\W+/g, "-")}-main.ts`);
      const lines = own.map(({ name, path }) => `console.log("== ${name}");\nawait import(${JSON.stringify(path)});`);
      writeFileSync(main, `${lines.join("\n")}\nprocess.exit();\n`);
      const printed = execFileSync(process.execPath, [main], { encoding: "utf8", cwd: folder }).split(/^== /m).slice(1);
      expect(printed).toHaveLength(own.length);
      for (const [index, { code, title }] of own.entries()) {
        for (const [, line] of code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)) {
          expect(printed[index]?.split("\n").slice(1), title).toContain(line);
        }
      }
    },
  );
});
