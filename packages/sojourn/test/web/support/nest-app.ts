/** Applications of Nest whose controllers are written without the syntax of decorators, which the tests' compiler has not. */
import { All, Controller, HttpCode, Module, Req, Res, type DynamicModule, type INestApplication } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { onTestFinished } from "vitest";
import { CurrentSession, type RequestSession } from "../../../src/web/nest.ts";
import { visitPort, type SocketVisitor } from "./socket-visitor.ts";
import type { Data } from "./visitor.ts";

export const platforms = [
  ["Express", () => new ExpressAdapter()],
  ["Fastify", () => new FastifyAdapter()],
] as const;
export type Platform = (typeof platforms)[number][1];

/** A handler: `@CurrentSession() session, @Req() request`, and `@Res() response` for one that takes it as well. */
export type Handler = (session: RequestSession<Data>, request: never, response: never) => unknown;

export interface Route {
  readonly handle: Handler;
  /** Decorators of the handler. @default `@All(path)` */
  readonly decorators?: readonly MethodDecorator[];
}

/** A controller with a handler for each path. */
export function controllerOf(
  routes: Readonly<Record<string, Handler | Route>>,
  decorators: readonly ClassDecorator[] = [],
): new () => object {
  class Routes {
    readonly kind = "routes";
  }
  const { prototype } = Routes as unknown as { prototype: Record<string, unknown> };
  for (const [path, given] of Object.entries(routes)) {
    const { handle, decorators: own = [] } = typeof given === "function" ? { handle: given } : given;
    prototype[path] = handle;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, path) as PropertyDescriptor;
    for (const decorate of [All(path), HttpCode(200), ...own]) decorate(prototype, path, descriptor);
    if (handle.length > 0) CurrentSession()(prototype, path, 0);
    if (handle.length > 1) Req()(prototype, path, 1);
    if (handle.length > 2) Res()(prototype, path, 2);
  }
  for (const decorate of [Controller(), ...decorators]) decorate(Routes);
  return Routes;
}

/** An application that listens until the test is over. */
export async function nestApp(
  sessions: DynamicModule,
  controller: new () => object,
  { platform = platforms[0][1], prepare }: { platform?: Platform; prepare?: (app: INestApplication) => void } = {},
): Promise<SocketVisitor & { readonly app: INestApplication }> {
  class Root {
    readonly kind = "root";
  }
  Module({ imports: [sessions], controllers: [controller] })(Root);
  const app = await NestFactory.create(Root, platform(), { logger: false, abortOnError: false });
  prepare?.(app);
  await app.listen(0, "127.0.0.1");
  onTestFinished(async () => app.close());
  return { ...visitPort(Number(new URL(await app.getUrl()).port)), app };
}
