/** `getSession` and `withSession` of the App Router. */
import { AsyncLocalStorage } from "node:async_hooks";
import { show } from "../../show.ts";
import type { Mode } from "../../store/reply.ts";
import { NO_HEADERS, type IncomingRequest } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { ResponseCopy } from "../fetch/exchange.ts";
import { isControlFlow, refusedStatus, withDigest } from "./faults.ts";
import { commitTo, startOptions, type NextContext } from "./next-context.ts";
import {
  currentCookie,
  currentHeaders,
  isSealed,
  jarHeaders,
  nextRequest,
  type CookieJar,
  type NextRequest,
} from "./next-request.ts";

/** What of a session can be read where nothing can be sent back. */
export type ReadSession<Data = Record<string, unknown>, M extends Mode = Mode> = Pick<
  RequestSession<Data, M>,
  | "id"
  | "userId"
  | "isNew"
  | "createdAt"
  | "expiresAt"
  | "reauthenticatedUntil"
  | "locked"
  | "signal"
  | "data"
  | "get"
  | "hasFlash"
  | "devices"
>;

export interface AppRouter<Data, M extends Mode> {
  read(): Promise<ReadSession<Data, M>>;
  act<T>(act: (session: RequestSession<Data, M>) => T | Promise<T>): Promise<T>;
  answer(request: IncomingRequest, answer: (session: RequestSession<Data, M>) => unknown): Promise<Response>;
}

/** The session that `withSession` has open for a request. */
interface Open<Data, M extends Mode> {
  readonly jar: CookieJar;
  readonly session: RequestSession<Data, M>;
  isCommitted: boolean;
}

/** What is remembered of a request. */
interface Remembered<Data, M extends Mode> {
  /** The session that was looked up, and the cookie that it was looked up by. */
  look: { readonly cookie: string | null; readonly session: Promise<ReadSession<Data, M>> } | undefined;
  /** Ends with the last `withSession` that has begun. */
  tail: Promise<unknown>;
}

export function appRouter<Data, M extends Mode>(context: NextContext<Data, M>): AppRouter<Data, M> {
  // By the jar, and not by the headers: the page that an action renders anew has the same headers, and another jar.
  const requests = new WeakMap<CookieJar, Remembered<Data, M>>();
  const running = new AsyncLocalStorage<Open<Data, M>>();

  function remembered(jar: CookieJar): Remembered<Data, M> {
    const before = requests.get(jar);
    if (before !== undefined) return before;
    const made = { look: undefined, tail: Promise.resolve() };
    requests.set(jar, made);
    return made;
  }

  /** The session of the `withSession` that this runs in, so that what is called there sees and adds to its changes. */
  function joined(jar: CookieJar): RequestSession<Data, M> | undefined {
    const open = running.getStore();
    return open?.jar === jar && !open.isCommitted ? open.session : undefined;
  }

  async function read(): Promise<ReadSession<Data, M>> {
    const request = await nextRequest();
    const own = joined(request.jar);
    if (own !== undefined) return own;
    try {
      const web = await context.open();
      const name = web.cookie?.name;
      const state = remembered(request.jar);
      const cookie = name === undefined ? null : currentCookie(request.jar, request.headers, name);
      if (state.look?.cookie !== cookie || state.look === undefined) {
        const headers = currentHeaders(request, name);
        const options = startOptions(context, request.headers, { readOnly: true });
        state.look = { cookie, session: Promise.resolve(web.start({ headers }, options)) };
      }
      return await state.look.session;
    } catch (error) {
      throw withDigest(error);
    }
  }

  /** One after the other within a request: two at once would begin two sessions, of which the browser keeps one. */
  async function inTurn<T>(jar: CookieJar, run: () => Promise<T>): Promise<T> {
    const state = remembered(jar);
    const before = state.tail;
    const own = before.then(run);
    state.tail = own.catch(() => {});
    return own;
  }

  /** Starts a session, runs a function with it, and commits, also where the function ends with a redirect. */
  async function perform<T>(
    request: NextRequest,
    incoming: IncomingRequest,
    act: (session: RequestSession<Data, M>) => T | Promise<T>,
    finish: (session: RequestSession<Data, M>, result: T) => Promise<T>,
  ): Promise<T> {
    const { jar } = request;
    const web = await context.open();
    const headers = currentHeaders(request, web.cookie?.name);
    const session = await web.start({ ...incoming, headers }, startOptions(context, request.headers));
    const open: Open<Data, M> = { jar, session, isCommitted: false };
    try {
      let result: T;
      try {
        result = await running.run(open, () => act(session));
      } catch (error) {
        open.isCommitted = true;
        if (isControlFlow(error)) await commitTo(session, jarHeaders(jar), 303);
        else await session.commit(NO_HEADERS, { status: 500 });
        throw error;
      }
      open.isCommitted = true;
      return await finish(session, result);
    } finally {
      remembered(jar).look = undefined;
    }
  }

  async function act<T>(run: (session: RequestSession<Data, M>) => T | Promise<T>): Promise<T> {
    const request = await nextRequest();
    const { jar } = request;
    const own = joined(jar);
    if (own !== undefined) return run(own);
    checkUnsealed(jar);
    try {
      return await inTurn(jar, () =>
        // What may change something is checked as what does.
        perform(request, { method: "POST", headers: request.headers }, run, async (session, result) => {
          await commitTo(session, jarHeaders(jar), 200);
          return result;
        }),
      );
    } catch (error) {
      throw withDigest(error);
    }
  }

  async function answer(
    incoming: IncomingRequest,
    run: (session: RequestSession<Data, M>) => unknown,
  ): Promise<Response> {
    const request = await nextRequest();
    const { method, url } = incoming;
    const own = joined(request.jar);
    if (own !== undefined) return checkResponse(await run(own));
    try {
      return await inTurn(request.jar, () =>
        perform<Response>(
          request,
          { method, url, headers: request.headers },
          async (session) => answerOf(async () => run(session)),
          async (session, response) => {
            const kept = { res: response };
            await commitTo(session, new ResponseCopy(kept), response.status);
            return kept.res;
          },
        ),
      );
    } catch (error) {
      if (isControlFlow(error)) throw error;
      return context.onError(error);
    }
  }

  return { read, act, answer };
}

/** @throws TypeError where a page is rendered, or after the response: no cookie can be set there */
function checkUnsealed(jar: CookieJar): void {
  if (!isSealed(jar)) return;
  throw new TypeError(
    "Expected `withSession` in a Server Action or a Route Handler, where a cookie can be set; while a page renders, and " +
      "in `after`, `getSession` reads",
  );
}

/** Next answers `notFound` and its like without the cookies that were set. With a redirect it sends them. */
async function answerOf(run: () => Promise<unknown>): Promise<Response> {
  try {
    return checkResponse(await run());
  } catch (error) {
    const status = refusedStatus(error);
    if (status === undefined) throw error;
    return new Response(null, { status });
  }
}

/** @throws TypeError for what no Route Handler can answer with */
function checkResponse(result: unknown): Response {
  const { headers, status } = Object(result) as Partial<Response>;
  if (typeof headers?.get === "function" && typeof status === "number") return result as Response;
  throw new TypeError(
    `Expected \`withSession(request, …)\` to be given a function that answers with a Response, got ${show(result)}`,
  );
}
