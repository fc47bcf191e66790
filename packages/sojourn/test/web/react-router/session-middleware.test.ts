/** The middleware in apps of React Router, answered by its own server: pages, `.data` requests and resource routes. */
import {
  data,
  redirect,
  RouterContextProvider,
  type ActionFunctionArgs,
  type LoaderFunctionArgs,
  type MiddlewareFunction,
} from "react-router";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../../src/testing/faulty-store.ts";
import {
  sessionMiddleware,
  type SessionMiddleware,
  type SessionMiddlewareOptions,
} from "../../../src/web/react-router.ts";
import { reactRouterApp, type App, type Route } from "../support/react-router-app.ts";
import { counted, KEY, keptOf, stores, type Data } from "../support/visitor.ts";

const keys = [KEY];

type Given = LoaderFunctionArgs | ActionFunctionArgs;
type Handler = (session: ReturnType<SessionMiddleware<Data, Mode>["of"]>, given: Given) => unknown;

interface Started {
  readonly sessions: Sessions<Data, Mode>;
  readonly calls: string[];
  readonly errors: unknown[];
  cookie: string | undefined;
  ask(path: string, init?: RequestInit): Promise<Response>;
}

interface Settings extends Partial<Omit<App, "routes" | "middleware" | "loader">> {
  readonly store?: Store;
  readonly options?: Partial<SessionMiddlewareOptions<Data, Mode>>;
  readonly inner?: App["middleware"];
  /** The root's loader. */
  readonly root?: Handler;
}

/** An app whose routes are handlers of the session, as a loader and as an action of a page, and below `/api` of none. */
function started(
  handlers: Record<string, Handler>,
  { store = memoryStore(), options, root, inner = [], ...app }: Settings = {},
): Started {
  const calls: string[] = [];
  const sessions = createSessions<Data>({ store: counted(store, calls) });
  const session = sessionMiddleware<Data, Mode>({ sessions, keys, ...options });
  const routes = Object.entries(handlers).flatMap(([path, handle]): Route[] => {
    const answer = async (given: Given): Promise<unknown> => handle(session.of(given.context), given);
    const route = { path, loader: answer, action: answer };
    return [route, { ...route, path: `api/${path}`, page: false }];
  });
  const errors: unknown[] = [];
  const answer = reactRouterApp({
    ...app,
    middleware: [session, ...inner],
    ...(root && { loader: async (given: LoaderFunctionArgs) => root(session.of(given.context), given) }),
    routes,
    onError: (error) => errors.push(error),
  });
  const self: Started = {
    sessions,
    calls,
    errors,
    cookie: undefined,
    async ask(path, init = {}) {
      const headers = new Headers(init.headers);
      if (self.cookie !== undefined) headers.set("cookie", self.cookie);
      const response = await answer(new Request(`https://app.test${path}`, { ...init, headers }));
      for (const line of response.headers.getSetCookie()) {
        if (line.startsWith("__Host-session=")) self.cookie = keptOf(line);
      }
      return response;
    },
  };
  return self;
}

const POST = { method: "POST", headers: { origin: "https://app.test" } };
/** The same route as a page, as the data of a client navigation, and as a resource route. */
const FORMS = [
  ["a page", (path: string) => `/${path}`],
  ["a client navigation", (path: string) => `/${path}.data`],
  ["a resource route", (path: string) => `/api/${path}`],
] as const;

const basics: Record<string, Handler> = {
  login: async (session) => {
    await session.login("ann", { role: "admin" });
    return { logged_in: true };
  },
  profile: (session) => ({ user: session.userId ?? "nobody" }),
  logout: async (session) => {
    await session.logout();
    return redirect("/");
  },
};

describe.each(stores)("React Router, on %s", (_, open) => {
  test.each(FORMS)("login, profile, logout, by %s", async (_form, at) => {
    const app = started(basics, { store: open() });
    expect(await (await app.ask(at("profile"))).text()).toContain("nobody");
    const login = await app.ask(at("login"), POST);
    expect(login.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect(login.headers.get("cache-control")).toBe("no-store");
    const profile = await app.ask(at("profile"));
    expect(await profile.text()).toContain('"ann"');
    expect(profile.headers.get("vary")).toBe("Cookie");
    const logout = await app.ask(at("logout"), POST);
    expect(logout.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=; Max-Age=0;/)]);
    expect(await (await app.ask(at("profile"))).text()).toContain("nobody");
    expect(await app.sessions.count()).toBe(0);
    expect(app.errors).toEqual([]);
  });

  test.each(FORMS)("a handler that throws after a login keeps nothing and sets no cookie, by %s", async (_form, at) => {
    const app = started(
      {
        crash: async (session) => {
          await session.login("ann");
          session.set("n", 1);
          throw new Error("on purpose");
        },
      },
      { store: open() },
    );
    const answer = await app.ask(at("crash"), POST);
    expect(answer.status).toBe(500);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await app.sessions.count()).toBe(0);
  });
});

describe("React Router", () => {
  const set = (session: Parameters<Handler>[0]): void => session.set("n", 1);
  test.each<[way: string, status: number, handle: Handler]>([
    ["data", 201, (session) => (set(session), data({ made: true }, { status: 201, headers: { "X-Made": "yes" } }))],
    ["a redirect", 302, (session) => (set(session), redirect("/n"))],
    [
      "a redirect that is thrown",
      302,
      (session) => {
        set(session);
        throw redirect("/n");
      },
    ],
    [
      "a Response that is thrown",
      404,
      (session) => {
        set(session);
        throw new Response("not here", { status: 404 });
      },
    ],
    [
      "data that is thrown",
      422,
      (session) => {
        set(session);
        throw data({ field: "name" }, { status: 422 });
      },
    ],
    ["an immutable Response", 303, (session) => (set(session), Response.redirect("https://app.test/n", 303))],
  ])("commits on every answer below 500: %s", async (_way, status, handle) => {
    for (const [form, at] of FORMS) {
      const app = started({ act: handle, n: (session) => ({ n: session.get("n") }) });
      const answer = await app.ask(at("act"), POST);
      const isNavigation = form === "a client navigation";
      // A client navigation is answered with what the client has to do.
      expect(answer.status, form).toBe(isNavigation && status < 400 && status > 299 ? 202 : status);
      expect(answer.headers.getSetCookie(), form).toHaveLength(1);
      expect(await app.sessions.count()).toBe(1);
      expect(await (await app.ask("/n")).json(), form).toMatchObject({ loaderData: { "routes/n": { n: 1 } } });
    }
  });

  test("keeps the headers that routes and other middlewares set", async () => {
    const app = started(
      {
        act: (session) => {
          set(session);
          return new Response("ok", { headers: { "Set-Cookie": "theme=dark", Vary: "Accept" } });
        },
      },
      {
        inner: [
          async (_given, next) => {
            const response = await next();
            response.headers.append("Set-Cookie", "seen=1");
            return response;
          },
        ],
      },
    );
    const { headers } = await app.ask("/api/act");
    expect(headers.getSetCookie()).toEqual(["theme=dark", "seen=1", expect.stringMatching(/^__Host-session=/)]);
    expect(headers.get("vary")).toBe("Accept, Cookie");
  });

  test("all loaders of a request have one session, after one look-up", async () => {
    const seen: unknown[] = [];
    const app = started(
      {
        ...basics,
        both: (session) => (seen.push(session), session.set("leaf", seen.length), null),
        n: (session) => session.data,
      },
      { root: (session) => (seen.push(session), session.set("root", seen.length), null) },
    );
    await app.ask("/login", POST);
    for (const path of ["/both", "/both.data"]) {
      app.calls.length = 0;
      await app.ask(path);
      expect(seen.at(-1)).toBe(seen.at(-2));
      // The look-up, and the one write of both changes.
      expect(app.calls).toEqual(["get", "get", "put"]);
    }
    expect(await (await app.ask("/n")).json()).toMatchObject({
      loaderData: { "routes/n": { leaf: expect.any(Number), root: expect.any(Number) } },
    });
  });

  test("a change comes before the answer, and not from what is still streamed", async () => {
    let late: unknown;
    const slow = Promise.withResolvers<string>();
    const app = started({
      deferred: (session) => ({
        later: slow.promise.then((value) => {
          try {
            session.set("late", value);
          } catch (error) {
            late = error;
          }
          return value;
        }),
      }),
    });
    const answer = await app.ask("/deferred.data");
    slow.resolve("told");
    expect(await answer.text()).toContain("told");
    expect(late).toEqual(
      new TypeError("The session was committed with the response's headers: a change has to come before them"),
    );
  });

  test("parallel requests with a rotation keep the user logged in", async () => {
    const app = started({
      ...basics,
      rotate: (session) => (session.rotate(), null),
    });
    await app.ask("/login", POST);
    const { cookie } = app;
    const answers = await Promise.all(
      ["/rotate.data", "/profile.data", "/rotate.data", "/profile"].map(async (path) => {
        app.cookie = cookie;
        return app.ask(path);
      }),
    );
    for (const answer of answers) expect(answer.status).toBe(200);
    // Whichever of the cookies the browser has kept.
    expect(await (await app.ask("/profile")).text()).toContain('"ann"');
    expect(await app.sessions.count()).toBe(1);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("React Router, where something is refused", () => {
  describe.each(FORMS)("by %s", (form, at) => {
    test.each(down({ call: "get", nth: 1, fault: "fail" }))(
      "a store that cannot tell is a 503, on %s",
      async (_name, open) => {
        const app = started(basics, { store: open() });
        await app.ask(at("login"), POST);
        const { cookie } = app;
        expect(cookie).toMatch(/^__Host-session=/);
        const answer = await app.ask(at("profile"));
        expect(answer.status).toBe(503);
        expect(answer.headers.getSetCookie()).toEqual([]);
        expect(await answer.text()).toContain("The session cannot be read or saved now");
        expect(app.cookie).toBe(cookie);
        // It is over again.
        expect(await (await app.ask(at("profile"))).text()).toContain('"ann"');
      },
    );

    test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
      const app = started({ act: (session) => (session.set("n", 1), { saved: true }) }, { store: open() });
      const answer = await app.ask(at("act"), POST);
      expect(answer.status).toBe(503);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(await answer.text()).toContain("The session cannot be read or saved now");
    });

    test("another site's request is a 403, a guesser's a 429", async () => {
      const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
      const options: Settings["options"] = {
        guard,
        address: ({ request }) => request.headers.get("x-from") ?? undefined,
      };
      const app = started(basics, { options });
      await app.ask(at("login"), POST);
      const cross = await app.ask(at("profile"), { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
      expect(cross.status).toBe(403);
      expect(await cross.text()).toContain("The request was made by another site");
      const guess = await app.ask(at("profile"), { headers: { "x-from": "6.6.6.6" } });
      expect(guess.status).toBe(429);
      // A page and its data are made by React Router, which takes the status and the text only.
      if (form === "a resource route") expect(guess.headers.get("retry-after")).toBe("30");
    });
  });

  test("what a body was made from ends with a commit that fails", async () => {
    let ended: unknown;
    const body = new ReadableStream({ cancel: (reason) => void (ended = reason) });
    const app = started(
      { act: (session) => (session.set("n", 1), null) },
      { store: faultyStore(memoryStore(), [{ call: "put", fault: "fail" }]), render: () => new Response(body) },
    );
    // Rendered once more, with the error; that body is the same here, and is not read.
    await app.ask("/act").catch(() => {});
    expect(ended).toMatchObject({ code: "store_unavailable" });
  });

  test("onError makes the answer, and may look at the error", async () => {
    const seen: unknown[] = [];
    const onError = (error: unknown): Response => (seen.push(error), new Response("closed", { status: 503 }));
    const store = faultyStore(memoryStore(), [{ call: "get", fault: "fail" }]);
    const app = started(basics, { store, options: { onError } });
    await app.ask("/login", POST);
    expect(await (await app.ask("/api/profile")).text()).toBe("closed");
    expect(seen).toEqual([expect.objectContaining({ code: "store_unavailable" })]);
  });

  test("what no middleware has given a session says where the middleware belongs", async () => {
    const { of } = sessionMiddleware({ sessions: createSessions<Data>(), keys });
    const message = /^Expected the `context` of a request that has a session: .* root\.tsx.*v8_middleware/;
    for (const context of [undefined, new RouterContextProvider(), {} as RouterContextProvider]) {
      expect(() => of(context)).toThrow(TypeError);
      expect(() => of(context)).toThrow(message);
    }
    // Version 7 without its flag runs no middleware.
    const app = started(basics, { isFlagged: false });
    expect((await app.ask("/profile")).status).toBe(500);
    expect(app.errors[0]).toMatchObject({ message: expect.stringMatching(message) });
  });

  test("bad options are a TypeError", () => {
    const sessions = createSessions<Data>();
    expect(() => sessionMiddleware({ sessions, keys, adress: () => "" } as never)).toThrow(
      "Expected an option of `sessionMiddleware`, such as `address`",
    );
  });

  test("types: fields, and values or promises, as the manager has them", () => {
    const sessions = createSessions<{ role: "admin" | "reader"; visits: number }>();
    const session = sessionMiddleware({ sessions, keys });
    const middleware: MiddlewareFunction<Response>[] = [session];
    expect(middleware).toHaveLength(1);
    const read = ({ context }: LoaderFunctionArgs): void => {
      expectTypeOf(session.of(context).get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      expectTypeOf(session.of(context).logout()).toEqualTypeOf<boolean>();
      // @ts-expect-error a field that is none
      session.of(context).get("rule");
    };
    void read;
  });
});
