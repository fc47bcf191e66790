/**
 * What SvelteKit does around a `handle` hook, of which a whole app is in frameworks/sveltekit: an event of each request, what
 * is thrown turned into an answer, and cookies that were set through the event in it.
 */
import { getRequestListener } from "@hono/node-server";
import type { Mode } from "../../../src/store/reply.ts";
import { sessionHandle, type SessionHandle, type SvelteKitCookie } from "../../../src/web/sveltekit.ts";
import type { Handle, Options } from "./adapters.ts";
import { visit, type SocketVisitor } from "./socket-visitor.ts";
import type { Data } from "./visitor.ts";

/** An event of SvelteKit's, with what the hook uses of it. */
export interface Event {
  readonly request: Request;
  readonly locals: { readonly n?: number };
  readonly cookies: { set(name: string, value: string, options: SvelteKitCookie): void };
  getClientAddress(): string;
}

export interface Answering {
  readonly handle: SessionHandle<Data, Mode>;
  readonly resolve: (event: Event) => Response | Promise<Response>;
  readonly address?: string | undefined;
}

/** As SvelteKit answers: what `handle` throws is a redirect with the event's cookies, or a 500. */
export async function svelteKit(request: Request, { handle, resolve, address }: Answering): Promise<Response> {
  const lines: string[] = [];
  const event: Event = {
    request,
    locals: {},
    cookies: {
      set: (name, value, { path, domain, maxAge, httpOnly, secure, sameSite, partitioned, encode }) => {
        const flags = [httpOnly && "HttpOnly", secure && "Secure", partitioned && "Partitioned"].filter(Boolean);
        const pairs = Object.entries({ Domain: domain, "Max-Age": maxAge, Path: path, SameSite: sameSite });
        const attributes = pairs.flatMap(([key, text]) => (text === undefined ? [] : [`${key}=${text}`]));
        lines.push([`${name}=${encode(value)}`, ...attributes, ...flags].join("; "));
      },
    },
    getClientAddress: () => {
      if (address === undefined) throw new Error("The adapter does not know it");
      return address;
    },
  };
  try {
    return await handle({ event, resolve });
  } catch (error) {
    const { status = 500, location, message = "" } = error as { status?: number; location?: string; message?: string };
    if (location === undefined) return new Response(message, { status: 500 });
    const headers = new Headers({ location });
    for (const line of lines) headers.append("set-cookie", line);
    return new Response(null, { status, headers });
  }
}

/** The one app of all adapters. */
export async function onSvelteKit(options: Options, handle: Handle): Promise<SocketVisitor> {
  const hook = sessionHandle<Data, Mode>(options);
  const listener = getRequestListener(async (request, { incoming }) =>
    svelteKit(request, {
      handle: hook,
      address: incoming.socket.remoteAddress,
      resolve: async (event) => new Response((await handle(hook.of(event), new URL(request.url).pathname)) as string),
    }),
  );
  return visit((request, response) => void listener(request, response));
}
