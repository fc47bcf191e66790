/** What is misspelt is refused by name, and what seed configurations say is understood. */
import { describe, expect, test } from "vitest";
import { getSessionConfig } from "../../../src/auth/index.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { sessionMiddleware as forAstro } from "../../../src/web/astro.ts";
import { cookieSessions } from "../../../src/web/cookies/index.ts";
import { sessionPlugin as forElysia } from "../../../src/web/elysia.ts";
import { sessionMiddleware as forExpress } from "../../../src/web/express.ts";
import { SessionStore } from "../../../src/web/express-session.ts";
import { sessionPlugin } from "../../../src/web/fastify.ts";
import { sessionMiddleware as forH3 } from "../../../src/web/h3.ts";
import { sessionMiddleware as forHono } from "../../../src/web/hono.ts";
import { sessionMiddleware as forKoa } from "../../../src/web/koa.ts";
import { sessionMiddleware as forReactRouter } from "../../../src/web/react-router.ts";
import { sessionHandle } from "../../../src/web/sveltekit.ts";
import { KEY } from "../support/visitor.ts";

const options = { sessions: createSessions(), keys: [KEY] };
const factories = [
  ["cookieSessions", cookieSessions],
  ["sessionMiddleware of Express", forExpress],
  ["sessionMiddleware of Hono", forHono],
  ["sessionMiddleware of Koa", forKoa],
  ["sessionMiddleware of React Router", forReactRouter],
  ["sessionHandle of SvelteKit", sessionHandle],
  ["sessionMiddleware of Astro", forAstro],
  ["sessionMiddleware of h3", forH3],
  ["sessionPlugin of Fastify", sessionPlugin],
  ["sessionPlugin of Elysia", forElysia],
] as const;

describe.each(factories)("%s", (name, make) => {
  const make1 = (more: object) => (): unknown => make({ ...options, ...more });

  test.each([
    [{ crsf: true }, "`csrf`"],
    [{ cookies: { name: "a" } }, "`cookie`"],
    [{ developement: true }, "`development`"],
    [{ cookie: { samesite: "lax" } }, "`sameSite`"],
    [{ cookie: { httpOnly: true } }, "such as"],
    [{ cookie: { cookieName: "a", sameSit: "Lax" } }, "`sameSite`"],
    [{ csrf: { trustedOrigin: [] } }, "`trustedOrigins`"],
    [{ development: { host: [] } }, "`hosts`"],
    [{ guard: { admit: () => true } }, "`admits`"],
  ])("%j is refused, with the name that is meant", (more, meant) => {
    expect(make1(more)).toThrow(TypeError);
    expect(make1(more)).toThrow(meant);
  });

  test.each([
    [{ csrf: null }, "Expected `csrf` to be true, false or { trustedOrigins }, got null"],
    [{ csrf: "yes" }, 'Expected `csrf` to be true, false or { trustedOrigins }, got "yes"'],
    [{ csrf: {} }, "Expected `csrf.trustedOrigins` to be an array of origins, got undefined"],
    [{ csrf: { trustedOrigins: "https://a.test" } }, "Expected `csrf.trustedOrigins` to be an array of origins, got"],
    [{ csrf: { trustedOrigins: ["a.test"] } }, "Expected `csrf.trustedOrigins` to hold origins such as"],
    // What comes from the environment is text, and "false" would be as good as true.
    [{ development: "false" }, 'Expected `development` to be true, false or { hosts }, got "false"'],
    [{ development: "production" }, 'Expected `development` to be true, false or { hosts }, got "production"'],
    [{ development: 0 }, "Expected `development` to be true, false or { hosts }, got 0"],
    [{ development: null }, "Expected `development` to be true, false or { hosts }, got null"],
    [{ development: ["app"] }, "Expected `development` to be true, false or { hosts }, got an array of 1"],
    [{ development: {} }, "Expected `development.hosts` to be an array of hosts, got undefined"],
    [{ development: { hosts: "app" } }, 'Expected `development.hosts` to be an array of hosts, got "app"'],
  ])("%j is refused, with what was expected", (more, message) => {
    expect(make1(more)).toThrow(TypeError);
    expect(make1(more)).toThrow(message);
  });

  test("takes `address`, where it is an adapter", () => {
    const withAddress = make1({ address: () => "198.51.100.7" });
    if (name === "cookieSessions") expect(withAddress).toThrow(TypeError);
    else expect(withAddress).not.toThrow();
  });
});

test("SessionStore refuses them as well", () => {
  const misspelt = { store: memoryStore(), refreshTreshold: "1m" };
  expect(() => new SessionStore(misspelt)).toThrow("`refreshThreshold`");
});

describe("the cookie of a configuration of sojourn/auth", () => {
  test("is taken as it is written there", () => {
    const { cookie } = cookieSessions({ ...options, cookie: getSessionConfig() });
    expect(cookie).toMatchObject({ name: "session_id", secure: true, sameSite: "Lax" });
  });

  test.each(["Strict", "Lax", "None", "strict", "lax", "none"] as const)("sameSite: %j", (sameSite) => {
    const { cookie } = cookieSessions({ ...options, cookie: { sameSite } });
    expect(cookie?.sameSite?.toLowerCase()).toBe(sameSite.toLowerCase());
  });

  test("without Secure is refused, but for development", () => {
    const cookie = { cookieName: "session_id", secure: false, sameSite: "Lax" } as const;
    expect(() => cookieSessions({ ...options, cookie })).toThrow("`development: true`");
    expect(cookieSessions({ ...options, cookie, development: true }).cookie).toMatchObject({ name: "session_id" });
  });
});
