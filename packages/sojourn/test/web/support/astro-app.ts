/**
 * What Astro does around its middleware, of which a whole app is in frameworks/astro: a context of each request; the middleware
 * once more for a rewrite, with another request and the same `locals`, and for the page of an error, the other way round.
 */
import { getRequestListener } from "@hono/node-server";
import type { Mode } from "../../../src/store/reply.ts";
import { sessionMiddleware, type AstroContext, type SessionMiddleware } from "../../../src/web/astro.ts";
import type { Handle, Options } from "./adapters.ts";
import { visit, type SocketVisitor } from "./socket-visitor.ts";
import type { Data } from "./visitor.ts";

/** What a page is given. */
export interface Page extends AstroContext {
  rewrite(path: string, page: Answer): Promise<Response>;
}
export type Answer = (page: Page) => Response | Promise<Response>;

export interface Answering {
  readonly onRequest: SessionMiddleware<Data, Mode>;
  readonly page: Answer;
  /** Answers in the place of an empty 404 or 500, and of what is thrown. */
  readonly errorPage?: Answer | undefined;
  readonly isPrerendered?: boolean | undefined;
  readonly address?: string | undefined;
}

export async function astro(request: Request, { onRequest, page, errorPage, ...given }: Answering): Promise<Response> {
  const { isPrerendered = false, address } = given;
  async function run(from: Request, locals: object, answer: Answer): Promise<Response> {
    const context: Page = {
      request: from,
      locals,
      isPrerendered,
      get clientAddress() {
        if (address === undefined) throw new Error("The adapter does not know it");
        return address;
      },
      rewrite: async (path, other) => run(new Request(new URL(path, from.url), from), locals, other),
    };
    return onRequest(context, async () => answer(context));
  }
  let first: Response | undefined;
  try {
    first = await run(request, {}, page);
  } catch (error) {
    if (errorPage === undefined) return new Response(String(error), { status: 500 });
  }
  const isEmpty = first === undefined || (first.body === null && [404, 500].includes(first.status));
  if (!isEmpty || errorPage === undefined) return first ?? new Response(null, { status: 500 });
  const { status, headers, body } = await run(request, {}, errorPage);
  const merged = new Headers(first?.headers);
  for (const [name, value] of headers) {
    if (name === "set-cookie" || !merged.has(name)) merged.append(name, value);
  }
  return new Response(body, { status: first?.status ?? (status === 200 ? 500 : status), headers: merged });
}

/** The one app of all adapters. */
export async function onAstro(options: Options, handle: Handle): Promise<SocketVisitor> {
  const onRequest = sessionMiddleware<Data, Mode>(options);
  const listener = getRequestListener(async (request, { incoming }) =>
    astro(request, {
      onRequest,
      address: incoming.socket.remoteAddress,
      page: async (page) => new Response((await handle(onRequest.of(page), new URL(request.url).pathname)) as string),
    }).catch((error: unknown) => {
      const { status = 500, message } = error as { readonly status?: number; readonly message: string };
      return new Response(message, { status });
    }),
  );
  return visit((request, response) => void listener(request, response));
}
