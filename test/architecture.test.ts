/** The house: imports go down only, and nothing of a runtime's reaches the portable code or the published types. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "packages/sojourn/src");

/** From the ground up. A folder may import from itself and from what stands before it. */
const FLOORS = [".", "time", "cache", "tokens", "store", "kv", "sessions", "auth", "web", "cloudflare", "testing"];

const files = globSync("**/*.ts", { cwd: source }).filter((file) => !file.endsWith(".d.ts"));
/** A file without its comments, which may show code of the reader's. */
const codeOf = (path: string): string => readFileSync(path, "utf8").replaceAll(/\/\*.*?\*\//gs, "");
const importsOf = (file: string): string[] =>
  [...codeOf(join(source, file)).matchAll(/(?:from|import\()\s*"([^"\n]+)"/g)].map((match) => match[1] ?? "");
const floorOf = (file: string): string => {
  const folder = dirname(file).split("/")[0] ?? ".";
  return folder === "" ? "." : folder;
};

test("every folder is a known floor", () => {
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) expect(FLOORS).toContain(floorOf(file));
});

describe("imports go down only", () => {
  test.each(files.filter((file) => file !== "index.ts"))("%s", (file) => {
    for (const path of importsOf(file).filter((name) => name.startsWith("."))) {
      const imported = relative(source, resolve(source, dirname(file), path));
      expect(FLOORS.indexOf(floorOf(imported)), `imports ${imported}`).toBeLessThanOrEqual(
        FLOORS.indexOf(floorOf(file)),
      );
    }
  });
});

test("the library imports nothing but itself and a few built-in modules, each in its own place", () => {
  const outside = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => !name.startsWith("."))
      .map((name) => `${floorOf(file)}: ${name}`),
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
    "auth/index.ts",
    "cache/index.ts",
    "cloudflare/index.ts",
    "kv/index.ts",
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
