/** What all routes have in common: methods, the gate, the answer to what is thrown, and a line in the log. */
import { Hono, type Context } from "hono";
import {
  after,
  answerError,
  answerThrown,
  answerUnforeseen,
  Refusal,
  toResponse,
  type ErrorFormat,
  type Reply,
} from "./answer.ts";
import { answerProblem, API, isApiPath } from "./api/problem.ts";
import { AskedOfHono, type Asked, type AskedWithBody } from "./asked.ts";
import { crossOrigin } from "./cors.ts";
import type { Gate } from "./gate.ts";
import type { Log } from "./log.ts";
import { rawPath } from "./path.ts";

/** Answers a request, or throws: a `Refusal`, or a fault. */
export type Handler<A extends Asked> = (asked: A) => Reply;

/** A path of the service, and what it does for each method. */
export interface Route {
  /** As Hono takes it, such as `/sessions/:token`. The log shows it in place of the path that was asked for. */
  readonly path: string;
  /** Also answers HEAD, of which Hono sends the head. */
  readonly GET?: Handler<Asked>;
  readonly POST?: Handler<AskedWithBody>;
  readonly PATCH?: Handler<AskedWithBody>;
  readonly DELETE?: Handler<Asked>;
  /** The names of the query parameters that it knows; any other one is a 400. @default none */
  readonly query?: readonly string[];
  /** Whether everybody may ask: the gate is not consulted. @default false */
  readonly isOpen?: boolean;
  /**
   * Whether the path is compared as it stands, when no other route matches. For a path that Hono's fast router does
   * not take: with it, the slower one would serve all routes.
   * @default false
   */
  readonly isLastResort?: boolean;
  /** Whether a GET is asked so often that a server of Node's answers it without Hono. @default false */
  readonly isFast?: boolean;
}

/** A route that is answered without Hono where that can be: by the same code, but for receiving and sending. */
export interface FastRoute {
  /** As Hono takes it. */
  readonly path: string;
  /** Answers a GET without a query. Never throws, and never rejects, unless the log does. */
  readonly get: Handler<Asked>;
}

/** The service, in the two ways that it is served. */
export interface Service {
  /** Answers everything. */
  readonly app: Hono;
  /** For a server that can answer some requests at less cost, before the app is asked. */
  readonly fastRoutes: readonly FastRoute[];
}

/** Options of {@link serviceOf}. */
export interface RouterOptions {
  readonly routes: readonly Route[];
  readonly gate: Gate;
  /** The origins whose pages may read answers. */
  readonly cors: readonly string[];
  /** The most bytes that are read of a body. */
  readonly maxBody: number;
  readonly log: Log;
  /** Whether each request is a line in the log. */
  readonly logRequests: boolean;
}

/** The routes as a Hono app, and those of them that are fast. What no route answers is a 404, behind the same gate. */
export function serviceOf({ routes, gate, cors, maxBody, log, logRequests }: RouterOptions): Service {
  /** All that happens to a request of a route, from the outside in. */
  const whole = <A extends Asked>(handler: Handler<A>, path: string, isOpen = false): Handler<A> => {
    const caught = catching(isOpen ? handler : guardedBy(gate, handler), log);
    // A browser asks without a key whether it may ask with one: that comes before the gate, and is no line in the log.
    return crossOrigin(cors, logRequests ? logged(path, caught, log) : caught);
  };
  const inHono = (handler: Handler<AskedWithBody>) => (c: Context) =>
    after(handler(new AskedOfHono(c, maxBody)), toResponse);

  const app = honoOf(log);
  const api = honoOf(log);
  for (const route of routes) {
    if (route.isLastResort === true) continue;
    const of = isApiPath(route.path) ? api : app;
    of.all(route.path, inHono(whole(byMethod(route), route.path, route.isOpen)));
  }
  // Apart, since Hono's fast router does not take a word where another route has a parameter, as the API has them.
  app.all(`${API}/*`, (c) => api.fetch(c.req.raw, c.env as object));
  const lastResorts = new Map(
    routes.filter(({ isLastResort }) => isLastResort).map((route) => [route.path, byMethod(route)]),
  );
  const unknown: Handler<AskedWithBody> = (asked) =>
    lastResorts.get(asked.path)?.(asked) ?? errorFormat(asked)(404, "There is no such path");
  for (const each of [app, api]) each.notFound(inHono(whole(unknown, "(unknown)")));

  const fastRoutes = routes.flatMap(({ path, GET: get, isFast = false, isOpen }) =>
    isFast && get !== undefined ? [{ path, get: whole(get, path, isOpen) }] : [],
  );
  return { app, fastRoutes };
}

function honoOf(log: Log): Hono {
  const app = new Hono({ getPath: rawPath });
  // Only a log that fails comes so far.
  app.onError((error) => toResponse(answerUnforeseen(error, log)));
  return app;
}

/** Calls the handler of a method. @throws Refusal (405, or 400 for a query parameter that the route does not know) */
function byMethod({ GET, POST, PATCH, DELETE, query = [] }: Route): Handler<AskedWithBody> {
  const handlers = new Map<string, Handler<AskedWithBody>>();
  for (const [method, handler] of Object.entries({ GET, HEAD: GET, POST, PATCH, DELETE })) {
    if (handler !== undefined) handlers.set(method, handler);
  }
  const allow = [...handlers.keys()].join(", ");
  return (asked) => {
    const handler = handlers.get(asked.method);
    if (handler === undefined)
      throw new Refusal(405, `Expected the method ${allow.replaceAll(", ", " or ")}`, { allow });
    checkQuery(asked.query, query);
    return handler(asked);
  };
}

/** What is not known must not be ignored: whoever asks for one user's sessions would take the count of all for theirs. */
function checkQuery(query: string, known: readonly string[]): void {
  if (query === "") return;
  for (const name of new URLSearchParams(query).keys()) {
    if (known.includes(name)) continue;
    throw new Refusal(400, `Expected no query parameters${known.length === 0 ? "" : ` but ${known.join(", ")}`}`);
  }
}

function guardedBy<A extends Asked>(gate: Gate, handler: Handler<A>): Handler<A> {
  return (asked) => {
    gate(asked);
    return handler(asked);
  };
}

/** Answers also what a handler throws. At once where the handler does: a promise costs more than a look in memory. */
function catching<A extends Asked>(handler: Handler<A>, log: Log): Handler<A> {
  return (asked) => {
    try {
      const reply = handler(asked);
      return reply instanceof Promise
        ? reply.catch((error: unknown) => answerThrown(error, log, errorFormat(asked)))
        : reply;
    } catch (error) {
      return answerThrown(error, log, errorFormat(asked));
    }
  };
}

/** How a path says what is wrong. */
function errorFormat({ path }: Asked): ErrorFormat {
  return isApiPath(path) ? answerProblem : answerError;
}

function logged<A extends Asked>(path: string, handler: Handler<A>, log: Log): Handler<A> {
  return (asked) => {
    const start = performance.now();
    return after(handler(asked), (answer) => {
      const ms = Math.round((performance.now() - start) * 1_000) / 1_000;
      // The route, never the path: that may hold a token, even where it is not one of ours.
      log.info({ method: asked.method, path, status: answer.status, ms }, "request");
      return answer;
    });
  };
}
