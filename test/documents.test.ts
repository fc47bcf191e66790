/** Every code block of the documents is compiled and run. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { noRedis } from "../packages/sojourn/test/store/support/redis-binary.ts";
import { noPostgres } from "../packages/sojourn/test/store/support/postgres-binary.ts";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { documents } from "./support/documents.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Its program and its commands are run by examples-start.test.ts. */
const START = "docs/start.md";

interface Block {
  readonly name: string;
  readonly page: string;
  readonly language: string;
  /** The file of an app in frameworks/ that the block is taken from: ```tsx [app/page.tsx] */
  readonly file: string | undefined;
  readonly code: string;
}
const blocks: Block[] = documents.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```(\w*)(?: \[([^\n]+)\])?\n(.*?)^```$/gms)].map(
    (match, index) => ({
      name: `${page}, block ${index + 1}`,
      page,
      language: match[1] ?? "",
      file: match[2],
      code: match[3] ?? "",
    }),
  ),
);
const written = (language: string): Block[] =>
  blocks.filter((block) => block.language === language && block.file === undefined);

// Inside the repository, so that imports resolve as they do for whoever reads the documents here.
const folder = mkdtempSync(join(root, "test", ".blocks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every block is read, and in a language that is checked", () => {
  expect(blocks.length).toBeGreaterThan(3);
  for (const page of documents) {
    const fences = readFileSync(join(root, page), "utf8").match(/^ *```/gm)?.length ?? 0;
    expect(blocks.filter((block) => block.page === page).length * 2, page).toBe(fences);
  }
  // A labelled block is compiled with its app. A diagram is drawn when the site is built, which fails if it cannot be.
  const languages = ["ts", "sh", "json", "text", "mermaid"];
  const labelled = ["ts", "tsx", "js", "svelte", "vue", "astro", "html", "css", "json", "ini", "text"];
  for (const { name, language, file } of blocks)
    expect(file === undefined ? languages : labelled, name).toContain(language);
});

/** Where the app of a page is: that of docs/frameworks/next.md in frameworks/next, that of docs/start.md in examples/start. */
const appOf = (page: string): string => join(page === START ? "examples" : "frameworks", basename(page, ".md"));

describe("blocks with the name of a file are in that file of the page's app", () => {
  test.each(blocks.filter(({ file }) => file !== undefined))("$name: $file", ({ page, file = "", code }) => {
    expect(page).toMatch(/^docs\/(frameworks\/|start\.md$)/);
    const path = join(appOf(page), file);
    expect(existsSync(join(root, path)), `${path} exists`).toBe(true);
    expect(isPartOf(readFileSync(join(root, path), "utf8"), code), `${path} contains the block`).toBe(true);
  });

  test("whole lines count, at any depth", () => {
    expect(isPartOf("if (a) {\n  b();\n\n  c();\n}\n", "b();\n\nc();\n")).toBe(true);
    expect(isPartOf("ab();\n", "b();\n")).toBe(false);
    expect(isPartOf("b();\nd();\nc();\n", "b();\nc();\n")).toBe(false);
    expect(isPartOf("b();\n", "")).toBe(false);
  });
});

/** Whether a file holds these very lines, which may be indented more there, all by as much. */
function isPartOf(text: string, code: string): boolean {
  return ["", "\t", "  ", "    ", "      ", "        "].some((indent) => {
    const lines = code.replaceAll(/^(?=.)/gm, indent);
    return lines !== "" && `\n${text}`.includes(`\n${lines}`);
  });
}

test("TypeScript blocks compile", () => {
  const files = written("ts").map(({ code }, index) => {
    const file = join(folder, `block-${index}.ts`);
    writeFileSync(file, code);
    return file;
  });
  const config = join(folder, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: files,
      exclude: [],
    }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

/** Blocks that talk to a server at its usual port run against one of their own, where there is one to start. */
const REDIS = "redis://127.0.0.1:6379";
const POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres";

describe("TypeScript blocks run", () => {
  test.for(written("ts"))("$name", async ({ name, code }, { skip }) => {
    const file = join(folder, `${name.replaceAll(/\W+/g, "-")}.ts`);
    const [needsRedis, needsPostgres] = [code.includes(REDIS), code.includes(POSTGRES)];
    if (needsRedis && noRedis) skip("there is no redis-server");
    if (needsPostgres && noPostgres) skip("there is no postgres");
    const server = needsRedis ? await startRedis() : needsPostgres ? await startPostgres() : undefined;
    onTestFinished(async () => server?.stop());
    writeFileSync(file, server === undefined ? code : code.replaceAll(needsRedis ? REDIS : POSTGRES, server.url));
    const printed = execFileSync(process.execPath, [file], { encoding: "utf8", cwd: folder });
    // What a line says it prints, it prints.
    for (const [, line] of code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm))
      expect(printed.split("\n")).toContain(line);
  });
});

describe("shell blocks run", () => {
  let server: ChildProcess | undefined;
  afterAll(() => server?.kill());

  test("npm commands name scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = documents.flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? ""),
    );
    for (const name of named) expect(Object.keys(scripts), name).toContain(name);
  });

  test.each(written("sh").filter(({ page, code }) => page !== START && code.includes("curl ")))(
    "$name: the curl lines are answered",
    async ({ code }) => {
      server = spawn(
        process.execPath,
        [join(root, "packages/server/dist/cli/main.js"), "serve", "--store", "memory:", "--port", "0"],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      let printed = "";
      while (!/http:\/\/[\d.:]+/.test(printed))
        printed += String((await once(server.stdout as NonNullable<ChildProcess["stdout"]>, "data"))[0]);
      const url = /http:\/\/[\d.]+:\d+/.exec(printed)?.[0] ?? "";
      for (const line of code.split("\n").filter((text) => text.startsWith("curl "))) {
        const command = line
          .replaceAll("http://127.0.0.1:8787", url)
          .replace("curl ", "curl --silent --show-error --fail ");
        expect(() => execFileSync("sh", ["-c", command], { encoding: "utf8" }), line).not.toThrow();
      }
      server.kill();
    },
  );
});
