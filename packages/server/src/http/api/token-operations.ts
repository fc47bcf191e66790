/** Operations with the token of a session. It comes in the body: an adopted one may hold what no header can. */
import type { ServedSessions } from "../app-options.ts";
import { operation, type Operation } from "./operation.ts";
import * as schemas from "./schemas.ts";
import { versioned } from "./session-operations.ts";

export function tokenOperations(sessions: ServedSessions): readonly Operation[] {
  return [
    operation(
      {
        method: "POST",
        path: "/sessions/authenticate",
        id: "authenticate",
        summary: "The live session that a token proves. Extends it when little of its time is left.",
        body: schemas.authenticateBody,
        answers: schemas.session,
        hasVersion: true,
        mayAnswer: [404],
      },
      async ({ body: { token, ...options } }) => versioned(await sessions.authenticate(token, options)),
    ),
    operation(
      {
        method: "POST",
        path: "/sessions/rotate",
        id: "rotateToken",
        summary: "Gives a live session a new token, and shows it this once. The id stays.",
        body: schemas.rotateBody,
        answers: schemas.sessionWithToken,
        hasVersion: true,
        mayAnswer: [404, 409],
      },
      async ({ body: { token, ...options } }) => versioned(await sessions.rotate(token, options)),
    ),
    operation(
      {
        method: "POST",
        path: "/sessions/reauthenticate",
        id: "reauthenticateToken",
        summary: "Notes that the user has proved to be there again, and gives the session a new token, in one write.",
        body: schemas.reauthenticateTokenBody,
        answers: schemas.sessionWithToken,
        hasVersion: true,
        mayAnswer: [404, 409],
      },
      async ({ body: { token, ...options } }) =>
        versioned(await sessions.reauthenticate(token, { ...options, rotate: true })),
    ),
    operation(
      {
        method: "POST",
        path: "/sessions/end",
        id: "endByToken",
        summary: "Ends the session of a token for good. That there is none is no error: 0 ended.",
        body: schemas.tokenBody,
        answers: schemas.ended,
      },
      async ({ body }) => ({ body: { ended: Number(await sessions.destroyByToken(body.token)) } }),
    ),
    operation(
      {
        method: "POST",
        path: "/explain",
        id: "explainToken",
        summary: "Why a token is, or is not, a live session's. Changes nothing.",
        body: schemas.tokenBody,
        answers: schemas.explanation,
      },
      async ({ body }) => ({ body: await sessions.explain(body.token) }),
    ),
  ];
}
