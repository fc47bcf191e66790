/** Every code block of the documents is compiled and run. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { noRedis } from "../packages/sojourn/test/store/support/redis-binary.ts";
import { noPostgres } from "../packages/sojourn/test/store/support/postgres-binary.ts";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { documents } from "./support/documents.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Block {
  readonly name: string;
  readonly language: string;
  readonly code: string;
}
const blocks: Block[] = documents.flatMap((file) =>
  [...readFileSync(join(root, file), "utf8").matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match, index) => ({
    name: `${file}, block ${index + 1}`,
    language: match[1] ?? "",
    code: match[2] ?? "",
  })),
);
const written = (language: string): Block[] => blocks.filter((block) => block.language === language);

// Inside the repository, so that imports resolve as they do for whoever reads the documents here.
const folder = mkdtempSync(join(root, "test", ".blocks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every block is in a language that is checked here", () => {
  expect(blocks.length).toBeGreaterThan(3);
  for (const { name, language } of blocks) expect(["ts", "sh", "json", "text"], name).toContain(language);
});

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
  expect(() => execFileSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" })).not.toThrow();
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

  test.each(written("sh").filter(({ code }) => code.includes("curl ")))(
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
