/**
 * As much of a web framework as `auth-complete.ts` needs, on node:http. Use a real one: the handlers are the same in
 * any that has a request, a response and middleware.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a handler gets. */
export interface Context {
  readonly req: Request;
  /** What middleware leaves for the handlers behind it; untyped, as in many frameworks. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly store: Record<string, any>;
  /** The body as JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any
  body(): Promise<any>;
  json(value: unknown, status?: number): Response;
}

type Handler = (c: Context) => Promise<Response>;
type Middleware = (c: Context, next: () => Promise<void>) => Promise<void>;

export interface App {
  get(path: string, handler: Handler): void;
  post(path: string, handler: Handler): void;
  /** Middleware runs before every handler, in the order in which it was added. */
  use(middleware: Middleware): void;
  listen(): Promise<{ readonly url: string; close(): void }>;
}

export function tinyApp(): App {
  const handlers = new Map<string, Handler>();
  const middlewares: Middleware[] = [];

  async function answer(request: Request): Promise<Response> {
    const c: Context = {
      req: request,
      store: {},
      body: async () => request.json(),
      json: (value, status = 200) => Response.json(value, { status }),
    };
    const handler = handlers.get(`${request.method} ${new URL(request.url).pathname}`);
    let response = c.json({ error: "Not found" }, 404);
    const from = async (place: number): Promise<void> => {
      const middleware = middlewares[place];
      if (middleware !== undefined) await middleware(c, async () => from(place + 1));
      else if (handler !== undefined) response = await handler(c);
    };
    await from(0);
    return response;
  }

  return {
    get: (path, handler) => void handlers.set(`GET ${path}`, handler),
    post: (path, handler) => void handlers.set(`POST ${path}`, handler),
    use: (middleware) => void middlewares.push(middleware),
    async listen() {
      const server = createServer((incoming, outgoing) => void serve(answer, incoming, outgoing));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
    },
  };
}

async function serve(
  answer: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
    const { method = "GET", url = "/", headers } = incoming;
    const body = method === "GET" ? null : Buffer.concat(chunks);
    const request = new Request(new URL(url, "http://localhost"), { method, headers: headers as HeadersInit, body });
    const response = await answer(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
  } catch (error) {
    console.error(error);
    outgoing.writeHead(500).end();
  }
}
