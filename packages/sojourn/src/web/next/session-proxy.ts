/**
 * `proxy`: renews the cookie before a page is rendered, which cannot set one itself.
 *
 * The browser gets the renewed cookie with the response, and the page, action or Route Handler behind gets it with the same
 * request. For that the proxy tells Next which headers the request is to have from here on: by `x-middleware-…` headers of
 * its response, as `NextResponse.next({ request: { headers } })` does.
 */
import type { Mode } from "../../store/reply.ts";
import { NO_HEADERS, type HeaderReader, type ResponseHeaders } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { ResponseCopy } from "../fetch/exchange.ts";
import { commitTo, startOptions, type NextContext } from "./next-context.ts";

/** What of a `NextRequest` the proxy uses. */
export interface ProxyRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderReader & Iterable<[string, string]>;
}

type MaybeResponse = Response | null | undefined | void;

/** An application's own proxy, with the request's session. */
export type ProxyHandler<Data, M extends Mode, R extends ProxyRequest, E> = (
  request: R,
  session: RequestSession<Data, M>,
  event: E,
) => MaybeResponse | Promise<MaybeResponse>;

/** What `proxy.ts` exports, or `middleware.ts` on the Node.js runtime: as it is, or around a function of the application's. */
export interface SessionProxy<Data, M extends Mode> {
  /**
   * The proxy of an application that has no other. The session is extended if that is due, and a new cookie goes to the
   * browser and to what answers this very request. What refuses the request is answered here: 503 if the store is down, 403
   * for another site's request.
   */
  (request: ProxyRequest): Promise<Response>;
  /**
   * The same around an application's own proxy, which gets the session as its second argument: it can be read, changed and
   * rotated. What it answers with, such as a redirect, is sent with the cookie; with nothing, the request goes on.
   */
  <R extends ProxyRequest, E = unknown>(
    handle: ProxyHandler<Data, M, R, E>,
  ): (request: R, event: E) => Promise<Response>;
}

const GO_ON = "x-middleware-next";
const REWRITE = "x-middleware-rewrite";
/** The names of all headers that the request keeps. */
const KEPT = "x-middleware-override-headers";
const VALUE_OF = "x-middleware-request-";

export function sessionProxy<Data, M extends Mode>(context: NextContext<Data, M>): SessionProxy<Data, M> {
  async function pass<R extends ProxyRequest, E>(
    request: R,
    event: E,
    handle: ProxyHandler<Data, M, R, E> | undefined,
  ): Promise<Response> {
    const isPrefetch = isPrefetching(request.headers);
    if (isPrefetch && handle === undefined) return goOn();
    try {
      const web = await context.open();
      const session = await web.start(request, startOptions(context, request.headers, { extend: !isPrefetch }));
      const kept = { res: await answer(session, request, event, handle) };
      const target = new SeenCookie(new ResponseCopy(kept));
      await commitTo(session, target, kept.res.status);
      const { line } = target;
      const { headers } = kept.res;
      if (line !== undefined && (headers.has(GO_ON) || headers.has(REWRITE))) handOn(headers, request.headers, line);
      return kept.res;
    } catch (error) {
      return context.onError(error);
    }
  }

  async function answer<R extends ProxyRequest, E>(
    session: RequestSession<Data, M>,
    request: R,
    event: E,
    handle: ProxyHandler<Data, M, R, E> | undefined,
  ): Promise<Response> {
    try {
      return (await handle?.(request, session, event)) ?? goOn();
    } catch (error) {
      await session.commit(NO_HEADERS, { status: 500 });
      throw error;
    }
  }

  function proxy<R extends ProxyRequest, E>(first: R | ProxyHandler<Data, M, R, E>): unknown {
    if (typeof first !== "function") return pass(first, undefined, undefined);
    return (request: R, event: E) => pass(request, event, first);
  }
  return proxy as SessionProxy<Data, M>;
}

const goOn = (): Response => new Response(null, { headers: { [GO_ON]: "1" } });

/** Next takes its own marks of a prefetch away before a proxy runs, so it is for the `matcher` to leave those out. */
function isPrefetching(headers: HeaderReader): boolean {
  return (
    /prefetch/i.test(`${headers.get("sec-purpose")} ${headers.get("purpose")}`) ||
    headers.get("next-router-prefetch") !== null
  );
}

/** Headers that keep the line of the cookie that was set. */
class SeenCookie implements ResponseHeaders {
  readonly #headers: ResponseHeaders;
  line: string | undefined;

  constructor(headers: ResponseHeaders) {
    this.#headers = headers;
  }
  get(name: string): string | null {
    return this.#headers.get(name);
  }
  set(name: string, value: string): void {
    this.#headers.set(name, value);
  }
  append(name: string, value: string): void {
    if (name === "Set-Cookie") this.line = value;
    this.#headers.append(name, value);
  }
}

/** Has the request go on with the new cookie in the place of the old one; every other header stays as the proxy has it. */
function handOn(answer: Headers, request: ProxyRequest["headers"], line: string): void {
  const given = answer.get(KEPT);
  const kept = given === null ? [] : given.split(",").map((name) => name.trim());
  if (given === null) {
    for (const [name, value] of request) {
      kept.push(name);
      answer.set(VALUE_OF + name, value);
    }
  }
  const cookie = withPair(answer.get(`${VALUE_OF}cookie`) ?? "", line);
  if (cookie === "") answer.delete(`${VALUE_OF}cookie`);
  else answer.set(`${VALUE_OF}cookie`, cookie);
  const others = kept.filter((name) => name !== "cookie" && name !== "");
  answer.set(KEPT, [...others, ...(cookie === "" ? [] : ["cookie"])].join(","));
}

/** The `Cookie` header as the browser would send it once it had the line. */
function withPair(cookie: string, line: string): string {
  const [pair = ""] = line.split(";");
  const nameAndEquals = pair.slice(0, pair.indexOf("=") + 1);
  const others = cookie.split(";").map((other) => other.trim());
  const kept = others.filter((other) => other !== "" && !other.startsWith(nameAndEquals));
  return [...kept, ...(pair === nameAndEquals ? [] : [pair])].join("; ");
}
