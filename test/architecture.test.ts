/** The layers: imports go down only, and nothing of a runtime's reaches the portable code or the published types. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "packages/sojourn/src");

/** From ARCHITECTURE's table of folders: a folder, and those that it imports from. */
const folders = new Map(
  [...readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(/^\| `([a-z]+)` \|[^|]*\|[^|]*\|([^|]*)\|$/gm)].map(
    ([, folder = "", imported = ""]) => [folder, [...imported.matchAll(/`([a-z]+)`/g)].map(([, name = ""]) => name)],
  ),
);
/** What has no folder: used everywhere, and using nothing. */
const SHARED = ["errors.ts", "show.ts"];

const files = globSync("**/*.ts", { cwd: source }).filter((file) => !file.endsWith(".d.ts"));
/** A file without its comments, which may show code of the reader's. */
const codeOf = (path: string): string => readFileSync(path, "utf8").replaceAll(/\/\*.*?\*\//gs, "");
const importsOf = (file: string): string[] =>
  [...codeOf(join(source, file)).matchAll(/(?:from|import\()\s*"([^"\n]+)"/g)].map((match) => match[1] ?? "");
/** The folder of a file, or the file itself where it stands beside them. */
const folderOf = (file: string): string => file.split("/")[0] ?? file;

test("the table has every folder, and nothing else", () => {
  const found = new Set(files.map(folderOf).filter((name) => !name.endsWith(".ts")));
  expect([...folders.keys()].toSorted()).toEqual([...found].toSorted());
});

test("no two folders import each other, not even through others", () => {
  const reach = (folder: string): Set<string> =>
    new Set((folders.get(folder) ?? []).flatMap((name) => [name, ...reach(name)]));
  for (const folder of folders.keys()) expect(reach(folder)).not.toContain(folder);
});

describe("imports go down only, as the table says", () => {
  test.each(files.filter((file) => file !== "index.ts"))("%s", (file) => {
    const own = folderOf(file);
    const allowed = [own, ...SHARED.filter((name) => name !== file), ...(folders.get(own) ?? [])];
    for (const path of importsOf(file).filter((name) => name.startsWith("."))) {
      expect(allowed).toContain(folderOf(relative(source, resolve(source, dirname(file), path))));
    }
  });
});

test("the library imports nothing but itself and a few built-in modules, each in its own place", () => {
  const outside = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => !name.startsWith("."))
      .map((name) => `${folderOf(file)}: ${name}`),
  );
  const allowed = [
    /^auth: jose$/,
    /^web: hono(\/http-exception)?$/,
    /^web: express-session$/,
    /^web: fastify$/,
    /^tokens: node:crypto$/,
    /^cloudflare: cloudflare:workers$/,
    /^store: node:(fs|path|timers|url|worker_threads)$/,
  ];
  for (const name of outside)
    expect(
      allowed.some((pattern) => pattern.test(name)),
      name,
    ).toBe(true);
});

test("what runs everywhere reaches no file system", () => {
  const reach = (file: string, seen: Set<string> = new Set()): Set<string> => {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const path of importsOf(file)) {
      if (path.startsWith(".")) reach(relative(source, resolve(source, dirname(file), path)), seen);
      else seen.add(path);
    }
    return seen;
  };
  for (const entry of [
    "index.ts",
    "audit/index.ts",
    "auth/index.ts",
    "cache/index.ts",
    "cloudflare/index.ts",
    "kv/index.ts",
    "policies/index.ts",
    "telemetry/index.ts",
    "testing/index.ts",
  ]) {
    expect([...reach(entry)].filter((name) => name.startsWith("node:") && name !== "node:crypto")).toEqual([]);
  }
});

test("published types name no runtime's types", () => {
  const declarations = globSync("packages/sojourn/dist/**/*.d.ts", { cwd: root });
  expect(declarations.length).toBeGreaterThan(20);
  for (const file of declarations) {
    expect(codeOf(join(root, file)), file).not.toMatch(/from "node:|reference types=|\bNodeJS\.|\bBuffer\b/);
  }
});

test("no source file is longer than 400 lines", () => {
  for (const file of globSync("packages/*/src/**/*.ts", { cwd: root })) {
    expect(readFileSync(join(root, file), "utf8").split("\n").length, file).toBeLessThanOrEqual(400);
  }
});
