/** The module in whole applications of Nest, on Express and on Fastify, over real sockets. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { HttpException, Redirect, Sse, StreamableFile, type INestApplication } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExecutionContextHost } from "@nestjs/core/helpers/execution-context-host.js";
import { from } from "rxjs";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { RequireUser, SojournModule, type RequestSession, type SojournModuleOptions } from "../../src/web/nest.ts";
import { sessionIn } from "../../src/web/nest/current-session.ts";
import { controllerOf, nestApp, platforms, type Handler, type Platform, type Route } from "./support/nest-app.ts";
import type { SocketVisitor } from "./support/socket-visitor.ts";
import { KEY, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];
const places = platforms.flatMap(([name, platform]) =>
  stores.map(([store, open]) => [`Nest on ${name}, on ${store}`, platform, open] as const),
);

interface Started extends SocketVisitor {
  readonly sessions: Sessions<Data, Mode>;
}

interface Setup {
  readonly routes?: Readonly<Record<string, Handler | Route>>;
  readonly options?: Partial<SojournModuleOptions<Data, Mode>>;
  readonly prepare?: (app: INestApplication) => void;
  readonly decorators?: readonly ClassDecorator[];
}

const pages: Readonly<Record<string, Handler>> = {
  login: async (session) => {
    await session.login("42", { role: "admin" });
    return { logged_in: true };
  },
  profile: (session) => ({ user_id: session.userId }),
  logout: async (session) => {
    await session.logout();
    return { logged_out: true };
  },
  n: (session) => JSON.stringify(session.get("n") ?? null),
};

async function started(platform: Platform, store: Store, setup: Setup = {}): Promise<Started> {
  const { routes = {}, options = {}, decorators, prepare } = setup;
  const sessions = options.sessions ?? createSessions<Data>({ store });
  const module = SojournModule.forRoot<Data, Mode>({ sessions, keys, ...options });
  const app = await nestApp(module, controllerOf({ ...pages, ...routes }, decorators), {
    platform,
    ...(prepare && { prepare }),
  });
  return { ...app, sessions };
}

/** The answer that both frameworks have in common: Node's own is it, or is in it. */
const rawOf = (response: never): ServerResponse => (response as { raw?: ServerResponse }).raw ?? response;

const set = (session: RequestSession<Data>): void => session.set("n", 1);

const crash: Handler = async (session) => {
  await session.login("ann");
  session.set("n", 1);
  throw new Error("on purpose");
};

const addressIn: SojournModuleOptions<Data, Mode>["address"] = ({ headers }) => String(headers["x-from"]);

const statuses = async ({ ask }: SocketVisitor): Promise<number[]> =>
  Promise.all(["/account", "/profile", "/open"].map(async (path) => (await ask(path)).status));

const contextOf = (type: string, args: unknown[]): ExecutionContextHost => {
  const context = new ExecutionContextHost(args);
  context.setType(type);
  return context;
};

describe.each(places)("%s", (_, platform, open) => {
  test("login, profile, logout", async () => {
    const { ask, sessions } = await started(platform, open());
    expect(await ask("/profile")).toMatchObject({ status: 200, body: '{"user_id":null}', lines: [] });
    const login = await ask("/login", { method: "POST" });
    expect(login.body).toBe('{"logged_in":true}');
    expect(login.lines).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect(login.headers["cache-control"]).toBe("no-store");
    const profile = await ask("/profile");
    expect(profile).toMatchObject({ body: '{"user_id":"42"}', lines: [] });
    expect(profile.headers.vary).toBe("Cookie");
    expect((await ask("/logout", { method: "POST" })).lines).toEqual([
      expect.stringMatching(/^__Host-session=; Max-Age=0;/),
    ]);
    expect((await ask("/profile")).body).toBe('{"user_id":null}');
    expect(await sessions.count()).toBe(0);
  });

  test.each<[string, Handler | Route]>([
    ["a text", (session) => (set(session), "one two")],
    ["JSON", (session) => (set(session), { text: "one two" })],
    ["a file", (session) => (set(session), new StreamableFile(Buffer.from("one two")))],
    ["a stream", (session) => (set(session), new StreamableFile(Readable.from([Buffer.from("one two")])))],
    ["nothing", (session) => set(session)],
    ["@Redirect", { handle: set, decorators: [Redirect("/profile", 303)] }],
    ["@Res", (session, _request, response: { send(body: string): void }) => (set(session), response.send("one two"))],
    [
      "@Res, on Node's own",
      (session, _request, response) => (set(session), void rawOf(response).writeHead(200).end("one two")),
    ],
    ["@Sse", { handle: (session) => (set(session), from([{ data: "one two" }])), decorators: [Sse("page")] }],
    ["an exception", (session) => (set(session), Promise.reject(new HttpException("short and stout", 418)))],
    [
      "an exception of @Sse",
      {
        handle: (session) => (set(session), Promise.reject(new HttpException("short and stout", 418))),
        decorators: [Sse("page")],
      },
    ],
  ])("commits before the headers go out: %s", async (way, page) => {
    const { ask, sessions } = await started(platform, open(), { routes: { page } });
    const answer = await ask("/page");
    expect(answer.lines).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    if (answer.status === 200 && way !== "nothing") expect(answer.body).toContain("one two");
    expect(await sessions.count()).toBe(1);
    expect((await ask("/n")).body).toBe("1");
  });

  test("holds under a prefix, beside it, and for what is not found", async () => {
    const { ask } = await started(platform, open(), {
      prepare: (app) => void app.setGlobalPrefix("api", { exclude: ["profile"] }),
    });
    await ask("/api/login", { method: "POST" });
    expect((await ask("/profile")).body).toBe('{"user_id":"42"}');
    expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
    expect((await ask("/profile", { method: "HEAD" })).status).toBe(200);
  });

  test("a handler that throws keeps nothing and sets no cookie", async () => {
    const { ask, sessions } = await started(platform, open(), { routes: { crash } });
    expect(await ask("/crash")).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBe(0);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe.each(platforms)("Nest on %s, where something is refused", (_, platform) => {
  test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
    const routes: Record<string, Handler | Route> = {
      value: (session) => (set(session), "welcome"),
      file: (session) => (set(session), new StreamableFile(Readable.from([Buffer.from("welcome")]))),
      raw: (session, _request, response) => (set(session), void rawOf(response).end("welcome")),
      events: { handle: (session) => (set(session), from([{ data: "welcome" }])), decorators: [Sse("events")] },
    };
    const { ask } = await started(platform, open(), { routes });
    for (const path of Object.keys(routes)) {
      const answer = await ask(`/${path}`);
      expect(answer, path).toMatchObject({ status: 503, lines: [], headers: { "cache-control": "no-store" } });
      expect(answer.body).not.toContain("welcome");
    }
  });

  test.each(down({ call: "get", fault: "fail" }))("a store that cannot tell is a 503, on %s", async (_name, open) => {
    const { ask } = await started(platform, open(), {
      options: { requireUser: true },
      decorators: [RequireUser(false)],
    });
    expect((await ask("/login", { method: "POST" })).lines).toHaveLength(1);
    const answer = await ask("/profile");
    expect(answer).toMatchObject({ status: 503, lines: [], headers: { "cache-control": "no-store" } });
    expect(JSON.parse(answer.body)).toEqual({ statusCode: 503, message: "Service Unavailable" });
  });

  test("another site's request is a 403, a guesser's a 429 with Retry-After, one session too many a 409", async () => {
    const sessions = createSessions<Data>({ maxPerUser: { limit: 1, onLimit: "reject" } });
    sessions.create("42", {});
    const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
    const { ask } = await started(platform, memoryStore(), { options: { sessions, guard, address: addressIn } });
    const cookie = "__Host-session=x";
    const cross = await ask("/profile", { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
    expect(cross.status).toBe(403);
    expect(JSON.parse(cross.body)).toMatchObject({ statusCode: 403 });
    const guess = await ask("/profile", { headers: { cookie, "x-from": "6.6.6.6" } });
    expect(guess).toMatchObject({ status: 429, headers: { "retry-after": "30" } });
    expect(await ask("/login", { method: "POST" })).toMatchObject({ status: 409, lines: [] });
  });

  test("a handler that needs a user is a 401 for nobody; @RequireUser of the handler decides", async () => {
    const routes = {
      account: { handle: () => "mine", decorators: [RequireUser()] },
      open: { handle: () => "everybody's", decorators: [RequireUser(false)] },
    };
    const none = await started(platform, memoryStore(), { routes });
    const all = await started(platform, memoryStore(), { routes, options: { requireUser: true } });
    const part = await started(platform, memoryStore(), { routes, decorators: [RequireUser()] });
    expect(await statuses(none)).toEqual([401, 200, 200]);
    expect(await statuses(all)).toEqual([401, 401, 200]);
    expect(await statuses(part)).toEqual([401, 401, 200]);
    await none.ask("/login", { method: "POST" });
    expect(await statuses(none)).toEqual([200, 200, 200]);
    expect((await all.ask("/account")).headers.vary).toBe("Cookie");
  });

  test("@RequireUser lets nobody in where the module, with its global guard, is missing", async () => {
    class Empty {
      readonly kind = "empty";
    }
    const routes = {
      account: { handle: (): string => "mine", decorators: [RequireUser()] },
      open: { handle: (): string => "everybody's", decorators: [RequireUser(false)] },
      profile: (): string => "mine",
    };
    const handlers = await nestApp({ module: Empty }, controllerOf({ ...routes }), { platform });
    const whole = await nestApp({ module: Empty }, controllerOf({ ...routes }, [RequireUser()]), { platform });
    expect(await statuses(handlers)).toEqual([500, 200, 200]);
    expect(await statuses(whole)).toEqual([500, 500, 200]);
  });

  test("options that come from other providers", async () => {
    const secrets = { provide: "secrets", useValue: [KEY] };
    class Secrets {
      readonly kind = "secrets";
    }
    const module = SojournModule.forRootAsync({
      imports: [{ module: Secrets, providers: [secrets], exports: ["secrets"] }],
      inject: ["secrets"],
      useFactory: async (given: string[]) => ({ sessions: createSessions<Data>(), keys: given }),
    });
    const { ask } = await nestApp(module, controllerOf(pages), { platform });
    await ask("/login", { method: "POST" });
    expect((await ask("/profile")).body).toBe('{"user_id":"42"}');
  });

  test("options that are wrong do not start an application", async () => {
    const starting = started(platform, memoryStore(), { options: { crsf: true } as never });
    await expect(starting).rejects.toThrow("`csrf`");
    const module = SojournModule.forRoot(undefined as never);
    await expect(nestApp(module, controllerOf(pages), { platform })).rejects.toThrow(
      "Expected the options of `SojournModule` to be an object, got undefined",
    );
  });
});

describe("a session in an execution context", () => {
  const session = { commit() {} };
  test.each([
    ["http", [{ session }]],
    ["graphql", [{}, {}, { req: { session } }]],
    ["graphql", [{}, {}, { request: { session } }]],
    ["graphql", [{}, {}, { reply: { request: { session } } }]],
  ])("is that of its request: %s", (type, args) => {
    expect(sessionIn(contextOf(type, args))).toBe(session);
  });

  test.each([
    ["ws", [{ request: { session } }]],
    ["rpc", [{}]],
    ["graphql", [{}, {}, {}]],
    ["graphql", [{}, {}]],
  ])("is refused where there is no request, and says what has one: %s", (type, args) => {
    const context = contextOf(type, args);
    expect(() => sessionIn(context)).toThrow(
      new TypeError(
        `Expected a request over HTTP, which has a session, got a context of type "${type}" without one. ` +
          "The session of a socket comes from `sojourn/ws`",
      ),
    );
  });

  test("is refused where the module is not imported", () => {
    const context = contextOf("http", [{}]);
    expect(() => sessionIn(context)).toThrow("import `SojournModule.forRoot(…)` in the root module");
  });
});

test("an application without a server is none for it, and not refused", async () => {
  const module = SojournModule.forRoot({ sessions: createSessions(), keys });
  const context = await NestFactory.createApplicationContext(module, { logger: false });
  expect(context.get(SojournModule)).toBeInstanceOf(SojournModule);
  await context.close();
});

test("another platform is refused by name", () => {
  const host = { httpAdapter: { getType: () => "restify" } };
  const module = new SojournModule(host as never, { sessions: createSessions(), keys } as never);
  expect(() => module.configure()).toThrow('Expected an application on Express or Fastify, got "restify"');
});

test("types: the data and the mode are those of the manager", () => {
  const sessions = createSessions<{ role: "admin" | "reader" }>();
  SojournModule.forRoot({ sessions, keys, requireUser: true, address: ({ ip }) => ip });
  // @ts-expect-error an option that is none
  SojournModule.forRoot({ sessions, keys, requiresUser: true });
  // @ts-expect-error what is made has no keys
  SojournModule.forRootAsync({ useFactory: () => ({ sessions }) });
  expectTypeOf(SojournModule.forRootAsync).parameter(0).toHaveProperty("useFactory");
});
