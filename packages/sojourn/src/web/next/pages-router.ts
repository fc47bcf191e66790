/** `withSession` of the Pages Router: `getServerSideProps` and API routes, which have Node's request and response. */
import type { Mode } from "../../store/reply.ts";
import { NO_HEADERS, type IncomingRequest } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import type { OnError } from "../fetch/exchange.ts";
import { deferResponse } from "../node/defer-response.ts";
import { makeWayForError, type MiddlewareResponse } from "../node/server-response.ts";
import type { NextContext } from "./next-context.ts";

/** What `getServerSideProps` returns where the response has been sent: Next looks at it, and renders nothing. */
const SENT = { props: {} };

/**
 * Runs a function with the session of a request. It is committed before the headers are sent, by an API route, or else
 * when the function has ended. A fault is answered here, with its status.
 */
export async function onNode<T, Data, M extends Mode>(
  { open, onError, address }: NextContext<Data, M>,
  request: IncomingRequest,
  response: MiddlewareResponse,
  act: (session: RequestSession<Data, M>) => T | Promise<T>,
): Promise<T> {
  const given = { get: (name: string) => String(request.headers[name as "get"] ?? "") || null };
  let session: RequestSession<Data, M> | undefined;
  try {
    const web = await open();
    session = await web.start(request, address === undefined ? undefined : { address: () => address(given) });
    deferResponse({ response, session, isSync: web.mode === "sync" }, (error) => void refuse(response, error, onError));
    const result = await act(session);
    if (!response.headersSent) await session.commit(response);
    return result;
  } catch (error) {
    if (session !== undefined) await session.commit(NO_HEADERS, { status: 500 });
    if (response.headersSent) throw error;
    await refuse(response, error, onError);
    return SENT as T;
  }
}

/** @throws what is no fault, for Next to answer */
async function refuse(response: MiddlewareResponse, error: unknown, onError: OnError): Promise<void> {
  const answer = await onError(error);
  const body = await answer.text();
  makeWayForError(response, answer.status);
  answer.headers.forEach((value, name) => response.setHeader(name, value));
  (response.end as (body: string) => unknown)(body);
}
