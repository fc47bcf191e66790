/** `jose` is loaded when a token is signed or verified, and by nothing else. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { SECRET } from "./support/auths.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Runs a module against the built package, in a process of its own. */
async function printed(script: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: root });
  return JSON.parse(stdout) as unknown;
}

test("it is loaded when the first token is signed, not before", async () => {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const joses = () => loaded.filter((url) => url.includes("/node_modules/jose/")).length > 0;
    const { createAuth, createSession } = await import("sojourn/auth");
    const auth = createAuth({ jwtSecret: "${SECRET}" });
    auth.getSession(auth.createSession("user-42").id);
    createSession("user-42");
    auth.jwks();
    const before = joses();
    await auth.signToken("user-42");
    console.log(JSON.stringify([before, joses()]));`;
  expect(await printed(script)).toEqual([false, true]);
});

test("where it cannot be loaded, sessions work, and nothing is changed before a token cannot be signed", async () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier !== "jose") return next(specifier, context);
        throw Object.assign(new Error("Cannot find package 'jose'"), { code: "ERR_MODULE_NOT_FOUND" });
      },
    });
    const { createAuth } = await import("sojourn/auth");
    const auth = createAuth({ jwtSecret: "${SECRET}", rotationGrace: 0 });
    const { id } = auth.createSession("user-42");
    const failed = [];
    for (const call of [() => auth.signToken("user-42"), () => auth.refreshToken(id), () => auth.verifyToken("a.b.c")]) {
      await call().catch((error) => failed.push(error.code));
    }
    console.log(JSON.stringify([failed, auth.getSession(id)?.userId]));`;
  const code = "ERR_MODULE_NOT_FOUND";
  expect(await printed(script)).toEqual([[code, code, code], "user-42"]);
});

test("the published types need none of its types", () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    expect(text, file).not.toMatch(/["']jose["']/);
    for (const [, path = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)\.ts"/g)) {
      visit(resolve(dirname(file), `${path}.d.ts`));
    }
  };
  visit(resolve(root, "packages/sojourn/dist/auth/index.d.ts"));
  expect(seen.size).toBeGreaterThan(10);
});
