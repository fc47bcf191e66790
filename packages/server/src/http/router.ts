/** What all routes have in common: methods, the gate, the answer to what is thrown, and a line in the log. */
import { Hono, type Context } from "hono";
import { cors as corsHeaders } from "hono/cors";
import { answerError, answerThrown, Refusal } from "./answer.ts";
import { askedBy, type Gate } from "./gate.ts";
import type { Log } from "./log.ts";
import { rawPath } from "./path.ts";

/** Answers a request, or throws: a `Refusal`, or a fault. */
export type Handler = (c: Context) => Response | Promise<Response>;

/** A path of the service, and what it does for each method. */
export interface Route {
  /** As Hono takes it, such as `/sessions/:token`. The log shows it in place of the path that was asked for. */
  readonly path: string;
  /** Also answers HEAD, of which Hono sends the head. */
  readonly GET?: Handler;
  readonly POST?: Handler;
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
}

/** Options of {@link routerOf}. */
export interface RouterOptions {
  readonly routes: readonly Route[];
  readonly gate: Gate;
  /** The origins whose pages may read answers. */
  readonly cors: readonly string[];
  readonly log: Log;
  /** Whether each request is a line in the log. */
  readonly logRequests: boolean;
}

/** What pages may send, and see of an answer besides its body; `retry-after` comes with a 503. */
const CORS = {
  allowMethods: ["GET", "HEAD", "POST"],
  allowHeaders: ["authorization", "content-type"],
  exposeHeaders: ["retry-after"],
  maxAge: 600,
};

/** The routes as a Hono app. What no route answers is a 404, behind the same gate. */
export function routerOf({ routes, gate, cors, log, logRequests }: RouterOptions): Hono {
  const app = new Hono({ getPath: rawPath });
  // Before the gate: a browser asks without a key whether it may ask with one.
  if (cors.length > 0) app.use(corsHeaders({ ...CORS, origin: cors.includes("*") ? "*" : [...cors] }));
  const wrapped = (path: string, handler: Handler): Handler => {
    const caught = catching(handler, log);
    return logRequests ? logged(path, caught, log) : caught;
  };
  for (const route of routes) {
    if (route.isLastResort === true) continue;
    const handler = byMethod(route);
    app.all(route.path, wrapped(route.path, route.isOpen === true ? handler : guardedBy(gate, handler)));
  }
  const lastResorts = new Map(
    routes.filter(({ isLastResort }) => isLastResort).map((route) => [route.path, byMethod(route)]),
  );
  const unknown: Handler = (c) => lastResorts.get(c.req.path)?.(c) ?? answerError(404, "There is no such path");
  app.notFound(wrapped("(unknown)", guardedBy(gate, unknown)));
  return app;
}

/** Calls the handler of a method. @throws Refusal (405, or 400 for a query parameter that the route does not know) */
function byMethod({ GET: get, POST: post, query = [] }: Route): Handler {
  const allow = [...(get ? ["GET", "HEAD"] : []), ...(post ? ["POST"] : [])].join(", ");
  return (c) => {
    const { method } = c.req;
    const handler = method === "GET" || method === "HEAD" ? get : method === "POST" ? post : undefined;
    if (handler === undefined)
      throw new Refusal(405, `Expected the method ${allow.replaceAll(", ", " or ")}`, { allow });
    checkQuery(c.req.url, query);
    return handler(c);
  };
}

/** What is not known must not be ignored: whoever asks for one user's sessions would take the count of all for theirs. */
function checkQuery(url: string, known: readonly string[]): void {
  if (!url.includes("?")) return;
  for (const name of new URL(url).searchParams.keys()) {
    if (known.includes(name)) continue;
    throw new Refusal(400, `Expected no query parameters${known.length === 0 ? "" : ` but ${known.join(", ")}`}`);
  }
}

function guardedBy(gate: Gate, handler: Handler): Handler {
  return (c) => {
    gate(askedBy(c));
    return handler(c);
  };
}

/** Answers also what a handler throws. At once where the handler does: a promise costs more than a look in memory. */
function catching(handler: Handler, log: Log): Handler {
  return (c) => {
    try {
      const response = handler(c);
      return response instanceof Promise ? response.catch((error: unknown) => answerThrown(error, log)) : response;
    } catch (error) {
      return answerThrown(error, log);
    }
  };
}

function logged(path: string, handler: Handler, log: Log): Handler {
  return async (c) => {
    const start = performance.now();
    const response = await handler(c);
    const ms = Math.round((performance.now() - start) * 1_000) / 1_000;
    // The route, never the path: that may hold a token, even where it is not one of ours.
    log.info({ method: c.req.method, path, status: response.status, ms }, "request");
    return response;
  };
}
