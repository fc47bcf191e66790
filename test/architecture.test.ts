/** The layers: imports go down only, and nothing of a runtime's reaches the portable code or the published types. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "packages/sojourn/src");

/** A file without its comments, which may show code of the reader's. */
const codeOf = (path: string): string => readFileSync(path, "utf8").replaceAll(/\/\*.*?\*\//gs, "");
const importsOf = (path: string, { atRunTime = false } = {}): string[] => {
  // What is imported for its types alone is not there when the code runs.
  const code = atRunTime ? codeOf(path).replaceAll(/^(?:import|export) type [^;]*;/gms, "") : codeOf(path);
  return [...code.matchAll(/(?:from|import\()\s*"([^"\n]+)"/g)].map((match) => match[1] ?? "");
};
/** The folder of a file, or the file itself where it stands beside them. */
const folderOf = (file: string): string => file.split("/")[0] ?? file;
const filesIn = (folder: string): string[] =>
  globSync("**/*.ts", { cwd: folder }).filter((file) => !file.endsWith(".d.ts"));
const files = filesIn(source);
/** What puts a package together may import from everywhere in it. */
const ENTRIES = new Set(["core.ts", "index.ts"]);

const architecture = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
/** A package's table of folders in ARCHITECTURE: a folder, and those that it imports from. */
const tableOf = (path: string): Map<string, readonly string[]> => {
  const [, text = ""] = architecture.split(` \`${path}\`. `);
  const [table = ""] = text.split(/^(?:The \w+ is `packages|## )/m);
  return new Map(
    [...table.matchAll(/^\| `([a-z]+)` \|[^|]*\|[^|]*\|([^|]*)\|$/gm)].map(([, folder = "", imported = ""]) => [
      folder,
      [...imported.matchAll(/`([a-z]+)`/g)].map(([, name = ""]) => name),
    ]),
  );
};

describe.each([
  // What has no folder: used everywhere, and using nothing.
  ["packages/sojourn/src", ["errors.ts", "options.ts", "show.ts", "warn.ts"]],
  ["packages/server/src", []],
])("%s", (path, shared: readonly string[]) => {
  const folders = tableOf(path);

  test("the table has every folder, and nothing else", () => {
    const found = new Set(
      filesIn(join(root, path))
        .map(folderOf)
        .filter((name) => !name.endsWith(".ts")),
    );
    expect([...folders.keys()].toSorted()).toEqual([...found].toSorted());
  });

  test("no two folders import each other, not even through others", () => {
    const reach = (folder: string): Set<string> =>
      new Set((folders.get(folder) ?? []).flatMap((name) => [name, ...reach(name)]));
    for (const folder of folders.keys()) expect(reach(folder)).not.toContain(folder);
  });

  describe("imports go down only, as the table says", () => {
    test.each(filesIn(join(root, path)).filter((file) => !ENTRIES.has(file)))("%s", (file) => {
      const own = folderOf(file);
      const allowed = [own, ...shared.filter((name) => name !== file), ...(folders.get(own) ?? [])];
      for (const name of importsOf(join(root, path, file)).filter((imported) => imported.startsWith("."))) {
        expect(allowed).toContain(folderOf(relative(join(root, path), resolve(root, path, dirname(file), name))));
      }
    });
  });

  test("no two files import each other, not even through others", () => {
    const all = filesIn(join(root, path));
    const direct = new Map(
      all.map((file) => [
        file,
        importsOf(join(root, path, file))
          .filter((name) => name.startsWith("."))
          .map((name) => relative(join(root, path), resolve(root, path, dirname(file), name))),
      ]),
    );
    const reach = (file: string, seen: Set<string>): Set<string> => {
      for (const next of direct.get(file) ?? []) if (!seen.has(next)) reach(next, seen.add(next));
      return seen;
    };
    expect(all.filter((file) => reach(file, new Set()).has(file))).toEqual([]);
  });
});

test("a group of routes imports what all share, and no other group", () => {
  const http = join(root, "packages/server/src/http");
  const groups = filesIn(join(http, "routes"));
  expect(groups.length).toBeGreaterThan(2);
  for (const file of groups) {
    for (const name of importsOf(join(http, "routes", file)).filter((imported) => imported.startsWith("."))) {
      expect(name, file).toMatch(/^\.\.\/(?!app\.ts)[\w-]+\.ts$/);
    }
  }
});

test("the service's app needs no runtime but node:crypto, and only the command line knows commander, Redis and Postgres", () => {
  const server = join(root, "packages/server/src");
  const allowed: Readonly<Record<string, RegExp>> = {
    http: /^(hono(\/[\w-]+)?|sojourn(\/cookies)?|zod|node:crypto)$/,
    node: /^(@hono\/node-server|pino|prom-client|sojourn(\/telemetry)?|node:[\w/]+)$/,
    cli: /^(@redis\/client|pg$|commander|sojourn(\/[\w-]+)*|node:[\w/]+)$/,
  };
  for (const file of filesIn(server)) {
    for (const name of importsOf(join(server, file)).filter((imported) => !imported.startsWith("."))) {
      expect(name, file).toMatch(allowed[folderOf(file)] as RegExp);
    }
  }
});

test("the library imports nothing but itself and a few built-in modules, each in its own place", () => {
  const outside = files.flatMap((file) =>
    importsOf(join(source, file))
      .filter((name) => !name.startsWith("."))
      .map((name) => `${folderOf(file)}: ${name}`),
  );
  const allowed = [
    /^auth: jose$/,
    /^web: hono(\/http-exception)?$/,
    /^web: express-session$/,
    /^web: elysia$/,
    /^web: fastify$/,
    /^web: h3$/,
    /^web: next\/headers\.js$/,
    /^web: react-router$/,
    /^web: @nestjs\/(common|core)$/,
    /^web: node:(async_hooks|timers)$/,
    /^tokens: node:(buffer|crypto)$/,
    /^cloudflare: cloudflare:workers$/,
    /^store: node:(fs|path|process|timers|url|worker_threads)$/,
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
    for (const path of importsOf(join(source, file), { atRunTime: true })) {
      if (path.startsWith(".")) reach(relative(source, resolve(source, dirname(file), path)), seen);
      else seen.add(path);
    }
    return seen;
  };
  for (const entry of [
    "core.ts",
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
    expect(
      [...reach(entry)].filter((name) => name.startsWith("node:") && !/^node:(buffer|crypto)$/.test(name)),
    ).toEqual([]);
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
