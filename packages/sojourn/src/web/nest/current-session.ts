/** `@CurrentSession()`, and how a session is found in what Nest calls an execution context. */
import { createParamDecorator, type ExecutionContext } from "@nestjs/common";
import type { RequestSession } from "../cookies/request-session.ts";

/**
 * The request's session, as a parameter of a handler. A decorator cannot know a parameter's type, so it is written down:
 * `@CurrentSession() session: RequestSession<Data>`, with `RequestSession` imported by `import type`.
 *
 * In a resolver of GraphQL it is that of the request which its context holds as `req` or `request`, or `reply.request`.
 *
 * @example
 * ```ts
 * import { Controller, Get } from "@nestjs/common";
 * import { CurrentSession } from "sojourn/nest";
 * import type { RequestSession } from "sojourn/nest";
 *
 * @Controller()
 * export class ProfileController {
 *   @Get()
 *   profile(@CurrentSession() session: RequestSession) {
 *     return { user: session.userId };
 *   }
 * }
 * ```
 * @throws TypeError in a context that has no request, such as a gateway's, and where `SojournModule` is not imported
 */
export const CurrentSession: () => ParameterDecorator = createParamDecorator((_data: undefined, context) =>
  sessionIn(context),
);

/** @throws TypeError as `CurrentSession` does */
export function sessionIn(context: ExecutionContext): RequestSession {
  const type = context.getType<string>();
  const request = type === "http" ? context.getArgByIndex<unknown>(0) : requestOfGraphQl(type, context);
  if (typeof request !== "object" || request === null) {
    throw new TypeError(
      `Expected a request over HTTP, which has a session, got a context of type "${type}" without one. ` +
        "The session of a socket comes from `sojourn/ws`",
    );
  }
  const { session } = request as { readonly session?: RequestSession };
  if (typeof session?.commit !== "function") {
    throw new TypeError("Expected a request that has a session: import `SojournModule.forRoot(…)` in the root module");
  }
  return session;
}

/** The context of a resolver holds the request where its driver, or the application, has put it. */
interface GraphQlContext {
  readonly req?: unknown;
  readonly request?: unknown;
  readonly reply?: { readonly request?: unknown };
}

function requestOfGraphQl(type: string, context: ExecutionContext): unknown {
  if (type !== "graphql") return undefined;
  const { req, request, reply } = context.getArgByIndex<GraphQlContext | undefined>(2) ?? {};
  return req ?? request ?? reply?.request;
}
