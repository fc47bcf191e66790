/** Sessions for Elysia, on Bun, Node and wherever it runs: a thin plugin over `sojourn/cookies`. */
import { Elysia } from "elysia";
import { requireOptions } from "../options.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import { exchange, faultResponse, type OnError } from "./fetch/exchange.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** Options of `sessionPlugin`. */
export interface SessionPluginOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default what Bun knows of the socket */
  readonly address?: (request: Request) => string | undefined;
  /** Makes the answer to a request whose session cannot be told, or not be saved. @default the error's status, and a line of text */
  readonly onError?: OnError;
}

/** What Elysia takes for no fields, in its own types as well. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type
type Nothing = Record<never, never>;

/** The plugin, which adds `session` to the context, and the way to a session where there is no context. */
export type SessionPlugin<Data, M extends Mode> = Elysia<
  "",
  {
    decorator: Nothing;
    store: Nothing;
    derive: { readonly session: RequestSession<Data, M> };
    resolve: Nothing;
  }
> & {
  /** The session that a request has: for `onError`, where a context may be without one. @throws TypeError if it has none */
  of(request: Request): RequestSession<Data, M>;
};

/**
 * A plugin that gives every request its session as `session` of the context, and commits it when the answer has been made,
 * before anything of it is sent: for what routes return, redirects and streams, and for errors and what is not found.
 *
 * It is around the whole app, also around routes that come before it; those have no `session` in their context. What refuses
 * a request is answered by the option `onError`, not by the app's: 503 if the store cannot tell or cannot save, 403 for
 * another site's request, 429 from the guard.
 *
 * @example
 * ```ts
 * import { Elysia } from "elysia";
 * import { createSessions } from "sojourn";
 * import { sessionPlugin } from "sojourn/elysia";
 *
 * const session = sessionPlugin({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const app = new Elysia().use(session).get("/", ({ session }) => session.userId ?? "nobody");
 * console.log(await (await app.handle(new Request("https://shop.example/"))).text()); // nobody
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionPlugin<Data, M extends Mode>(options: SessionPluginOptions<Data, M>): SessionPlugin<Data, M> {
  requireOptions<object>("sessionPlugin", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, onError: true });
  const { address, onError = faultResponse, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const begun = new WeakMap<Request, RequestSession<Data, M>>();

  function of(request: Request): RequestSession<Data, M> {
    const session = begun.get(request);
    if (session !== undefined) return session;
    throw new TypeError(
      "Expected a request that has a session: `sessionPlugin` has to be used by the app that answers it, " +
        "and Elysia leaves it out with `aot: false`",
    );
  }

  // A sub-app that uses it as well, for its types, gets the same one: a name and a seed tell.
  const plugin = new Elysia({ name: "sojourn", seed: web.cookie?.name ?? "" });

  let server: Elysia["server"] = null;
  plugin.onStart((app) => void ({ server } = app));

  function addressOf(request: Request): string | undefined {
    return address === undefined ? server?.requestIP(request)?.address : address(request);
  }

  async function answer(fetch: Fetch, request: Request, given: readonly unknown[]): Promise<Response> {
    // Nothing can be sent back with the answer to an upgrade, which is not made here.
    const readOnly = request.headers.has("upgrade");
    return exchange(
      () => web.start(request, { readOnly, address: () => addressOf(request) }),
      (session) => {
        begun.set(request, session);
        return fetch(...given);
      },
      onError,
    );
  }

  plugin.wrap(
    ((fetch: Fetch, request: Request) =>
      async (...given: readonly unknown[]) =>
        answer(fetch, request, given)) as never,
  );
  plugin.derive({ as: "global" }, ({ request }) => ({ session: of(request) }));
  return Object.assign(plugin, { of }) as never;
}

/** What answers a request in Elysia, on Bun for one route, and else for all of them. */
type Fetch = (...given: readonly unknown[]) => Response | Promise<Response>;
