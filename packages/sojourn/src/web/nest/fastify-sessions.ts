/** Sessions on the Fastify of an application of Nest. */
import type { FastifyInstance } from "fastify";
import type { Mode } from "../../store/reply.ts";
import { sessionPlugin, type SessionPluginOptions } from "../fastify.ts";
import { deferResponse } from "../node/defer-response.ts";
import type { MiddlewareResponse } from "../node/server-response.ts";

/**
 * The plugin, and what it has no hook for: Nest writes the events of `@Sse()` to Node's own response, and so may a handler
 * with `@Res()`. What Fastify sends is committed in `onSend` already, so that an error reaches its error handler.
 */
export function fastifySessions<Data, M extends Mode>(
  instance: FastifyInstance,
  options: SessionPluginOptions<Data, M>,
): void {
  const plugin = sessionPlugin(options);
  const isSync = options.sessions.mode === "sync";

  function withRawResponses(inner: FastifyInstance, given: object, done: (error?: Error) => void): void {
    plugin(inner, given, () => {
      inner.addHook("onRequest", (request, { raw }, next) => {
        deferResponse({ response: raw, session: plugin.of(request), isSync }, () => refuse(raw));
        next();
      });
      done();
    });
  }
  void instance.register(Object.assign(withRawResponses, plugin));
}

/** The status is set, as for an answer of Fastify's; no error handler could send another one. */
function refuse(response: MiddlewareResponse): void {
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end("The session could not be saved\n" as never);
}
