/** The API under `/api/v1`: every operation as a route, and the document that describes them. */
import type { ServedSessions } from "../app-options.ts";
import type { Route } from "../router.ts";
import { openApiRoute } from "./openapi.ts";
import { routesOf, type Operation } from "./operation.ts";
import { sessionOperations } from "./session-operations.ts";
import { tokenOperations } from "./token-operations.ts";
import { userOperations } from "./user-operations.ts";

export function apiRoutes(sessions: ServedSessions): readonly Route[] {
  const operations = apiOperations(sessions);
  return [openApiRoute(operations), ...routesOf(operations)];
}

export function apiOperations(sessions: ServedSessions): readonly Operation[] {
  return [...sessionOperations(sessions), ...tokenOperations(sessions), ...userOperations(sessions)];
}
