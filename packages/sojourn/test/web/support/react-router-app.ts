/** An app of React Router, as its compiler would build it. What renders a page here prints what the page is made from. */
import { getRequestListener } from "@hono/node-server";
import {
  createRequestHandler,
  type ActionFunction,
  type LoaderFunction,
  type LoaderFunctionArgs,
  type MiddlewareFunction,
  type ServerBuild,
} from "react-router";
import type { Mode } from "../../../src/store/reply.ts";
import { sessionMiddleware } from "../../../src/web/react-router.ts";
import type { Handle, Options } from "./adapters.ts";
import { visit, type SocketVisitor } from "./socket-visitor.ts";
import type { Data } from "./visitor.ts";

export interface Route {
  /** Below the root; empty for its index. */
  readonly path: string;
  readonly loader?: LoaderFunction;
  readonly action?: ActionFunction;
  readonly middleware?: readonly MiddlewareFunction<Response>[];
  /** Whether it has a component. @default true */
  readonly page?: boolean;
}

type BuiltRoute = ServerBuild["routes"][string];

/** The root's own loader, and its middlewares, come before those of the routes. */
export interface App {
  readonly middleware: readonly MiddlewareFunction<Response>[];
  readonly loader?: LoaderFunction;
  readonly routes: readonly Route[];
  readonly onError?: (error: unknown) => void;
  /** The whole page. @default its data and its errors, as JSON */
  readonly render?: () => Response;
  readonly isFlagged?: boolean;
}

const built = (id: string, parentId: string | undefined, { page = true, ...given }: Route): BuiltRoute => ({
  id,
  ...(parentId !== undefined && { parentId }),
  ...(given.path === "" && parentId !== undefined ? { index: true } : { path: given.path }),
  module: {
    ...(given.loader && { loader: given.loader }),
    ...(given.action && { action: given.action }),
    ...(given.middleware && { middleware: [...given.middleware] }),
    default: (page ? () => null : undefined) as never,
  },
});

/** What answers the app's requests: pages, `.data` of client navigations, and resource routes. */
export function reactRouterApp(app: App): (request: Request) => Promise<Response> {
  const { middleware, routes, onError = () => {}, render, isFlagged = true } = app;
  const root = built("root", undefined, { path: "", middleware, ...(app.loader && { loader: app.loader }) });
  const build: ServerBuild = {
    entry: {
      module: {
        default: (_request, status, headers, { staticHandlerContext: { loaderData, actionData, errors } }) =>
          render?.() ?? Response.json({ loaderData, actionData, errors }, { status, headers }),
        handleError: onError,
      },
    },
    routes: {
      root,
      ...Object.fromEntries(
        routes.map((route) => [`routes/${route.path}`, built(`routes/${route.path}`, "root", route)]),
      ),
    },
    assets: { entry: { imports: [], module: "" }, routes: {}, url: "", version: "1" },
    publicPath: "/",
    assetsBuildDirectory: "",
    future: { v8_middleware: isFlagged } as ServerBuild["future"],
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: "initial", manifestPath: "/__manifest" },
  };
  return createRequestHandler(build, "test");
}

/** The one app of all adapters, in a resource route. */
export async function onReactRouter(options: Options, handle: Handle): Promise<SocketVisitor> {
  const addressOf = new WeakMap<Request, string | undefined>();
  const address = ({ request }: { readonly request: Request }): string | undefined => addressOf.get(request);
  const session = sessionMiddleware<Data, Mode>({ ...options, address });
  async function answer({ context, request }: LoaderFunctionArgs): Promise<Response> {
    return new Response((await handle(session.of(context), new URL(request.url).pathname)) as string);
  }
  const app = reactRouterApp({
    middleware: [session],
    routes: ["", "*"].map((path) => ({ path, loader: answer, action: answer, page: false })),
  });
  const listener = getRequestListener(async (request, { incoming }) => {
    addressOf.set(request, incoming.socket.remoteAddress);
    return app(request);
  });
  return visit((request, response) => void listener(request, response));
}
