/** What is published: packed, installed in an empty folder, and every subpath imported. */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { publint } from "publint";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const library = join(root, "packages/sojourn");
const npm = (cwd: string, ...given: readonly string[]): string =>
  execFileSync("npm", given, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
}
const manifest = JSON.parse(readFileSync(join(library, "package.json"), "utf8")) as Manifest;
const subpaths = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith(".json"));

describe("the library's tarball", () => {
  let folder: string;
  let tarball: string;
  let files: readonly string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sojourn-pack-"));
    const [packed] = JSON.parse(npm(library, "pack", "--json", "--pack-destination", folder)) as [
      { filename: string; files: { path: string }[] },
    ];
    tarball = join(folder, packed.filename);
    files = packed.files.map(({ path }) => path);
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    // The one dependency comes as a tarball too: no registry is asked.
    const [jose] = JSON.parse(
      npm(join(root, "node_modules/jose"), "pack", "--json", "--ignore-scripts", "--pack-destination", folder),
    ) as [{ filename: string }];
    npm(folder, "install", "--offline", "--no-audit", "--no-fund", tarball, join(folder, jose.filename));
    // What a subpath is built on, as whoever uses it has it.
    for (const name of ["@nestjs", "elysia", "express-session", "h3", "hono", "react-router"]) {
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds the build, the guides and the licence, and no sources or tests", () => {
    for (const file of files) {
      expect(file).toMatch(
        /^(dist\/.*\.(js|d\.ts)|docs\/.*\.md|docs\/stores\/postgres(-audit)?-schema\.sql|(CHANGELOG|README|SECURITY)\.md|LICENSE|package\.json)$/,
      );
    }
    expect(files).toContain("LICENSE");
    expect(files).toContain("SECURITY.md");
    expect(files).toContain("CHANGELOG.md");
    // As they are now, and nothing that an earlier packing left.
    const guides = globSync("docs/**/*.{md,sql}", { cwd: root });
    expect(files.filter((file) => file.startsWith("docs/")).toSorted()).toEqual(guides.toSorted());
    expect(existsSync(join(library, "docs"))).toBe(false);
  });

  test.each(subpaths)("%s can be imported", (subpath) => {
    const name = subpath.replace(/^\./, "sojourn");
    const script = `import(${JSON.stringify(name)}).then((module) => console.log(Object.keys(module).length > 0))`;
    expect(execFileSync(process.execPath, ["--eval", script], { cwd: folder, encoding: "utf8" })).toBe("true\n");
  });

  test.each(["sojourn", "sojourn/sqlite", "sojourn/redis", "sojourn/kv", "sojourn/cookies", "sojourn/auth"])(
    "importing %s loads nothing but itself",
    (name) => {
      const script = `
      import { registerHooks } from "node:module";
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      await import("${name}");
      console.log(JSON.stringify(loaded));`;
      const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
        cwd: folder,
        encoding: "utf8",
      });
      for (const url of JSON.parse(printed) as string[])
        expect(url).toMatch(/^node:\w+$|\/node_modules\/sojourn\/dist\//);
    },
  );

  test("the complete program of the page on session management runs on what npm installed", () => {
    for (const file of ["auth-complete.ts", "auth-app.ts", "auth-store.ts"]) {
      copyFileSync(join(root, "examples", file), join(folder, file));
    }
    const env = { ...process.env, JWT_SECRET: "q0kZyQ4uT2mV8rJx6bWc1nLh7dGf5sPa" };
    const output = execFileSync(process.execPath, ["auth-complete.ts"], { cwd: folder, encoding: "utf8", env });
    expect(output).toContain("access token for: user-42");
    expect(output).toContain("dashboard: 401 No active session");
  });
});

test.each(["sojourn", "server"])("publint finds nothing in packages/%s", async (name) => {
  const { messages } = await publint({ pkgDir: join(root, "packages", name), strict: true });
  expect(messages).toEqual([]);
});

test("types resolve for those who import it as ESM (attw)", () => {
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const check = (): string =>
    execFileSync(process.execPath, [attw, "--pack", ".", "--profile", "esm-only"], { cwd: library, encoding: "utf8" });
  expect(check).not.toThrow();
});

test.each([
  ["everything that sojourn exports", 'export * from "sojourn";', 25],
  ["what createSessions needs", 'export { createSessions } from "sojourn";', 23.75],
  ["what createSessions needs where a store is given", 'export { createSessions } from "sojourn/core";', 12],
])("%s is small, minified and gzipped", async (_, code, kibibytes) => {
  const bundle = await rolldown({
    input: "entry",
    external: /^node:/,
    plugins: [
      {
        name: "entry",
        resolveId: (id) => {
          if (id === "sojourn") return join(library, "dist/index.js");
          if (id === "sojourn/core") return join(library, "dist/core.js");
          return id === "entry" ? id : null;
        },
        load: (id) => (id === "entry" ? code : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  expect(gzipSync(output[0].code).length).toBeLessThanOrEqual(kibibytes * 1_024);
});
