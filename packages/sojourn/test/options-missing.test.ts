/** Calls with nothing, or with something else than they want: each says what it expected. */
import { describe, expect, test } from "vitest";
import { sqliteAuditSink } from "../src/audit/sqlite-audit-sink.ts";
import { createAuth } from "../src/auth/index.ts";
import { createSessions } from "../src/index.ts";
import { storage } from "../src/kv/index.ts";
import { doctor } from "../src/policies/index.ts";
import { memoryStore } from "../src/store/memory-store.ts";
import { postgresStore } from "../src/store/postgres/index.ts";
import { redisStore } from "../src/store/redis/index.ts";
import { sqliteStore } from "../src/store/sqlite/index.ts";
import { telemetry } from "../src/telemetry/index.ts";
import { asyncStore } from "../src/testing/index.ts";
import { sessionMiddleware as astroMiddleware } from "../src/web/astro.ts";
import { cookieSessions } from "../src/web/cookies/index.ts";
import { sessionPlugin as elysiaPlugin } from "../src/web/elysia.ts";
import { sessionMiddleware as expressMiddleware } from "../src/web/express.ts";
import { SessionStore } from "../src/web/express-session.ts";
import { sessionPlugin } from "../src/web/fastify.ts";
import { sessionMiddleware as h3Middleware } from "../src/web/h3.ts";
import { sessionMiddleware as honoMiddleware } from "../src/web/hono.ts";
import { sessionMiddleware as koaMiddleware } from "../src/web/koa.ts";
import { sessionMiddleware as reactRouterMiddleware, sessionStorage } from "../src/web/react-router.ts";
import { nextSessions } from "../src/web/next.ts";
import { sessionHandle } from "../src/web/sveltekit.ts";

const none = undefined as never;

test.each<[string, (given: never) => unknown]>([
  ["cookieSessions", cookieSessions],
  ["sessionMiddleware", astroMiddleware],
  ["sessionMiddleware", expressMiddleware],
  ["sessionMiddleware", honoMiddleware],
  ["sessionMiddleware", koaMiddleware],
  ["sessionMiddleware", reactRouterMiddleware],
  ["sessionStorage", sessionStorage],
  ["nextSessions", nextSessions],
  ["sessionHandle", sessionHandle],
  ["sessionMiddleware", h3Middleware],
  ["sessionPlugin", sessionPlugin],
  ["sessionPlugin", elysiaPlugin],
  ["SessionStore", (given) => new SessionStore(given)],
  ["createAuth", createAuth],
  ["storage.kv", storage.kv],
  ["sqliteAuditSink", sqliteAuditSink],
  ["sqliteStore", sqliteStore],
  ["postgresStore", postgresStore],
  ["redisStore", redisStore],
  ["telemetry", (given) => telemetry(createSessions(), given)],
])("%s without options", async (name, call) => {
  const expected = `Expected the options of \`${name}\` to be an object, got `;
  await expect(async () => call(none)).rejects.toThrow(new TypeError(`${expected}undefined`));
  await expect(async () => call(null as never)).rejects.toThrow(new TypeError(`${expected}null`));
});

test.each<[unknown, string]>([
  [undefined, "undefined"],
  [{}, "an object"],
])("doctor and telemetry of %o instead of a manager", (given, shown) => {
  const refused = new TypeError(`Expected \`sessions\` to be a session manager, got ${shown}`);
  expect(() => doctor(given as never)).toThrow(refused);
  expect(() => telemetry(given as never, {})).toThrow(refused);
});

describe("start of cookieSessions", () => {
  const keys = ["k".repeat(32)];
  const cases = [
    [undefined, "undefined"],
    [null, "null"],
    [{ url: "/" }, "an object"],
    [{ headers: "cookie: a=b" }, "an object"],
  ] as const;

  test.each(cases)("with %o instead of a request", async (given, shown) => {
    const refused = new TypeError(`Expected a request with \`headers\`, such as a Request, got ${shown}`);
    const web = cookieSessions({ sessions: createSessions(), keys });
    expect(() => web.start(given as never)).toThrow(refused);
    const later = cookieSessions({ sessions: createSessions({ store: asyncStore(memoryStore()) }), keys });
    await expect(later.start(given as never)).rejects.toThrow(refused);
  });
});
