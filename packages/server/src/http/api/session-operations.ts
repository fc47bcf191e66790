/** Operations on sessions by their ids, and on all of them. */
import type { Session } from "sojourn";
import { Refusal, type AnswerHeaders } from "../answer.ts";
import type { ServedSessions } from "../app-options.ts";
import { etagOf, ifMatch } from "./if-match.ts";
import { mergePatch } from "./merge-patch.ts";
import { operation, pageOf, type Operation } from "./operation.ts";
import { API } from "./problem.ts";
import * as schemas from "./schemas.ts";

/** A session as a body, with the version of its data as the entity tag; `undefined` where there is none. */
export function versioned<S extends Session>(
  session: S | undefined,
  more?: AnswerHeaders,
): { readonly body: S; readonly headers: AnswerHeaders } | undefined {
  return session === undefined ? undefined : { body: session, headers: { ...more, etag: etagOf(session.version) } };
}

export function sessionOperations(sessions: ServedSessions): readonly Operation[] {
  return [startOperation(sessions), ...listings(sessions), ...byId(sessions)];
}

function startOperation(sessions: ServedSessions): Operation {
  return operation(
    {
      method: "POST",
      path: "/sessions",
      id: "startSession",
      summary: "Starts a session, and shows its token this once.",
      body: schemas.startBody,
      status: 201,
      answers: schemas.sessionWithToken,
      hasVersion: true,
      mayAnswer: [409],
    },
    async ({ body: { userId, data, ...options } }) => {
      const { ttl, absoluteTtl = sessions.policy.absoluteTtl } = options;
      // Nobody's sessions have a ttl that follows the absolute one.
      if ((ttl ?? (userId === null ? 0 : sessions.policy.ttl)) > absoluteTtl) {
        throw new Refusal(400, "Expected `ttl` to be at most `absoluteTtl`; one that is not given has its default");
      }
      const session = await sessions.create(userId, data, options);
      return versioned(session, { location: `${API}/sessions/${session.id}` });
    },
  );
}

function listings(sessions: ServedSessions): readonly Operation[] {
  return [
    operation(
      {
        method: "GET",
        path: "/sessions",
        id: "listSessions",
        summary: "The live sessions without their data, a page at a time, in the store's order.",
        query: schemas.pageQuery,
        answers: schemas.heads,
      },
      async ({ query }) => ({ body: await pageOf(() => sessions.list(query)) }),
    ),
    operation(
      {
        method: "GET",
        path: "/count",
        id: "countSessions",
        summary: "How many sessions are live.",
        answers: schemas.count,
      },
      async () => ({ body: { count: await sessions.count() } }),
    ),
  ];
}

function byId(sessions: ServedSessions): readonly Operation[] {
  const shared = { params: schemas.idParams, hasVersion: true };
  return [
    operation(
      {
        ...shared,
        method: "GET",
        path: "/sessions/{id}",
        id: "getSession",
        summary: "The live session of an id. Extends nothing.",
        answers: schemas.session,
        mayAnswer: [404],
      },
      async ({ params }) => versioned(await sessions.get(params.id)),
    ),
    operation(
      {
        ...shared,
        method: "PATCH",
        path: "/sessions/{id}",
        id: "updateSession",
        summary: "Changes the data of a live session, and nothing else of it. No update is lost.",
        headers: { "If-Match": 'The version that is to be changed, such as "3". By default any.' },
        body: schemas.patchBody,
        bodyType: "application/merge-patch+json",
        answers: schemas.session,
        mayAnswer: [404, 409, 412],
      },
      async ({ params, body, header }) => {
        const checkVersion = ifMatch(header("if-match"));
        const change = (data: unknown, version: number): never => {
          checkVersion(version);
          return mergePatch(data, body.data) as never;
        };
        return versioned(await sessions.update(params.id, change));
      },
    ),
    operation(
      {
        ...shared,
        method: "POST",
        path: "/sessions/{id}/refresh",
        id: "refreshSession",
        summary: "Extends a live session by its ttl, within its absolute lifetime.",
        answers: schemas.session,
        mayAnswer: [404],
      },
      async ({ params }) => versioned(await sessions.refresh(params.id)),
    ),
    operation(
      {
        ...shared,
        method: "POST",
        path: "/sessions/{id}/reauthenticate",
        id: "reauthenticateSession",
        summary: "Notes that the user has proved to be there again. Both lifetimes start anew.",
        body: schemas.reauthenticateBody,
        answers: schemas.session,
        mayAnswer: [404, 409],
      },
      async ({ params, body }) => versioned(await sessions.reauthenticate(params.id, body)),
    ),
    operation(
      {
        method: "DELETE",
        path: "/sessions/{id}",
        id: "endSession",
        summary: "Ends a session for good. That there is none is no error: 0 ended.",
        params: schemas.idParams,
        answers: schemas.ended,
      },
      async ({ params }) => ({ body: { ended: Number(await sessions.destroy(params.id)) } }),
    ),
  ];
}
