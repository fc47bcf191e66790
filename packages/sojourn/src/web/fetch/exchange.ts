/** A request and its answer in frameworks that answer a `Request` with a `Response`. */
import type { Mode, Reply } from "../../store/reply.ts";
import { NO_HEADERS, type ResponseHeaders } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";

/** Answers a request whose session cannot be told, or not be saved. */
export type OnError = (error: unknown) => Response | Promise<Response>;

/**
 * One request: its session is started, the framework answers, and the session is committed to the answer's headers. With
 * a 5xx, and where the framework throws, nothing is written.
 *
 * @param fail what becomes of what `answer` throws: a framework may have answers among that
 * @throws what `answer` throws, and what `refuse` does
 */
export async function exchange<Data, M extends Mode>(
  start: () => Reply<M, RequestSession<Data, M>>,
  answer: (session: RequestSession<Data, M>) => Response | Promise<Response>,
  refuse: OnError,
  fail: (session: RequestSession<Data, M>, error: unknown) => Promise<Response> = abandon,
): Promise<Response> {
  let session: RequestSession<Data, M>;
  try {
    session = await start();
  } catch (error) {
    return refuse(error);
  }
  let response: Response;
  try {
    response = await answer(session);
  } catch (error) {
    return fail(session, error);
  }
  return finish(session, response, refuse);
}

/** Nothing is written, and a session that the client will now never hear of ends. @throws the error */
export async function abandon<Data, M extends Mode>(session: RequestSession<Data, M>, error: unknown): Promise<never> {
  await session.commit(NO_HEADERS, { status: 500 });
  throw error;
}

async function finish<Data, M extends Mode>(
  session: RequestSession<Data, M>,
  response: Response,
  refuse: OnError,
): Promise<Response> {
  const kept = { res: response };
  try {
    await session.commit(new ResponseCopy(kept), { status: response.status });
    return kept.res;
  } catch (error) {
    await session.commit(NO_HEADERS, { status: 500 });
    // Nobody else would end what its body is made from. What that says to being ended is of no interest.
    await response.body?.cancel(error).catch(() => {});
    return refuse(error);
  }
}

/** What is known of a fault by its fields: there may be several copies of its class in one process. */
interface Fault {
  readonly code: string;
  readonly status: number;
  readonly expose: boolean;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function isFault(error: unknown): error is Fault {
  const { code, status, expose } = Object(error) as Partial<Fault>;
  return typeof code === "string" && typeof status === "number" && typeof expose === "boolean";
}

/**
 * A fault's status with a line of text: its message if it is the client's business, or else that the service is not there.
 *
 * @throws what is no fault of ours, as it is
 */
export function faultResponse(error: unknown): Response {
  if (!isFault(error)) throw error;
  const { status, expose, message, headers } = error;
  return new Response(expose ? message : UNAVAILABLE, { status, headers: headers ?? {} });
}

const UNAVAILABLE = "The session cannot be read or saved now. Please try again.";

/** The headers of a response; on a copy of it where they cannot be changed, as after `Response.redirect`. */
export class ResponseCopy implements ResponseHeaders {
  readonly #c: { res: Response };

  constructor(c: { res: Response }) {
    this.#c = c;
  }

  get(name: string): string | null {
    return this.#c.res.headers.get(name);
  }

  set(name: string, value: string): void {
    this.#change((headers) => headers.set(name, value));
  }

  append(name: string, value: string): void {
    this.#change((headers) => headers.append(name, value));
  }

  #change(change: (headers: Headers) => void): void {
    const c = this.#c;
    try {
      change(c.res.headers);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      c.res = new Response(c.res.body, c.res);
      change(c.res.headers);
    }
  }
}
