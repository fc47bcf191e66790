/** Operations on the sessions of one user. */
import type { ServedSessions } from "../app-options.ts";
import { operation, pageOf, type Operation } from "./operation.ts";
import * as schemas from "./schemas.ts";

export function userOperations(sessions: ServedSessions): readonly Operation[] {
  return [
    operation(
      {
        method: "GET",
        path: "/users/{user}/sessions",
        id: "listUserSessions",
        summary: "The live sessions of a user, a page at a time, in the store's order.",
        params: schemas.userParams,
        query: schemas.pageQuery,
        answers: schemas.ofUser,
      },
      async ({ params, query }) => ({ body: await pageOf(() => sessions.listByUser(params.user, query)) }),
    ),
    operation(
      {
        method: "DELETE",
        path: "/users/{user}/sessions",
        id: "endUserSessions",
        summary: "Ends every session of a user, or every one but one, also those that are being started.",
        params: schemas.userParams,
        query: schemas.exceptQuery,
        answers: schemas.ended,
      },
      async ({ params, query }) => ({ body: { ended: await sessions.destroyByUser(params.user, query) } }),
    ),
  ];
}
