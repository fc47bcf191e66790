/** `req.session` and `request.session` have no types of ours, so that an application can have those of others. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "../../../../..");

const SETUP = `
import express from "express";
import { createSessions } from "sojourn";
import { sessionMiddleware, type RequestSession } from "sojourn/express";
type Data = { visits: number };
const session = sessionMiddleware({ sessions: createSessions<Data>(), keys: ["a key of 32 characters or more ......"] });
const app = express().use(session);
`;

const DECLARATION = `
declare global {
  namespace Express {
    interface Request { session: RequestSession<Data, "sync">; }
  }
}
app.get("/", (req, res) => { res.json(req.session.get("visits") satisfies number | undefined); });
`;

const FASTIFY = `
import Fastify from "fastify";
import { sessionPlugin } from "sojourn/fastify";
const plugin = sessionPlugin({ sessions: createSessions<Data>(), keys: [] });
const fastify = Fastify();
void fastify.register(plugin);
fastify.get("/", async (request) => plugin.of(request).get("visits") satisfies number | undefined);
`;

/** What the compiler says of a program, libraries included. */
function compile(program: string): string {
  const folder = mkdtempSync(join(root, "packages/sojourn/test/.types-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "app.ts"), program);
  const compilerOptions = { noUnusedLocals: false };
  const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["app.ts"], exclude: [] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  try {
    return execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
      encoding: "utf8",
    });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test("an application can say itself what `req.session` is", () => {
  expect(compile(SETUP + DECLARATION)).toBe("");
  // The check can fail.
  expect(compile(SETUP + DECLARATION.replace("number | undefined", "string"))).toMatch(/error TS/);
});

test("one with express-session's types, or @fastify/session's, compiles, and has ours by `of`", () => {
  const both = `
import expressSession from "express-session";
import "@fastify/session";
app.use(expressSession({ secret: "x" }));
app.get("/", (req, res) => { res.json([req.session.cookie, session.of(req).get("visits") satisfies number | undefined]); });
`;
  expect(compile(SETUP + FASTIFY + both)).toBe("");
});
