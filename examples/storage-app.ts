/**
 * Login, profile and logout on `storage.kv`, as routes from a `Request` to a `Response`: they run on Node, Bun, Deno
 * and in a Cloudflare Worker, over any store. `storage-sessions.ts` serves them.
 */
import type { KvStorage } from "sojourn/kv";

export type Handler = (request: Request) => Promise<Response>;

/** Just enough of a framework: a path and a method lead to a handler. */
export interface Backend {
  post(path: string, handler: Handler): void;
  get(path: string, handler: Handler): void;
  /** Takes what the application uses. Here it needs nothing of that. */
  use(part: object): void;
  fetch(request: Request): Promise<Response>;
}

export function backend(): Backend {
  const routes = new Map<string, Handler>();
  return {
    post: (path, handler) => void routes.set(`POST ${path}`, handler),
    get: (path, handler) => void routes.set(`GET ${path}`, handler),
    use: () => {},
    async fetch(request) {
      const handler = routes.get(`${request.method} ${new URL(request.url).pathname}`);
      return handler === undefined ? new Response("Not found", { status: 404 }) : handler(request);
    },
  };
}

/** The routes of an application whose sessions are in `sessionsStore`. */
export function sessionRoutes(app: Backend, sessionsStore: KvStorage): void {
  app.post("/api/auth/login", async (request) => {
    const body = (await request.json()) as { email: string; rememberMe?: boolean };

    const sessionId = crypto.randomUUID();
    const sessionData = {
      userId: "usr_100",
      email: body.email,
      roles: ["admin"],
      createdAt: new Date().toISOString(),
    };

    // "Remember me" sessions live for 30 days, all others as long as the storage says.
    const ttlOverride = body.rememberMe ? 30 * 24 * 60 * 60 : undefined;

    await sessionsStore.put(`session:${sessionId}`, JSON.stringify(sessionData), {
      contentType: "application/json",
      ...(ttlOverride ? { ttlSeconds: ttlOverride } : {}),
    });

    return Response.json({ status: "logged_in", token: sessionId });
  });

  app.get("/api/profile", async (request) => {
    const authHeader = request.headers.get("authorization");
    if (!authHeader?.startsWith("Bearer ")) {
      return new Response("Unauthorized", { status: 401 });
    }
    const token = authHeader.split(" ")[1];
    const sessionHandle = await sessionsStore.get(`session:${token}`);

    // `null`: there is no such session, or it has expired.
    if (!sessionHandle) {
      return new Response("Session expired or invalid", { status: 401 });
    }

    const userSession = await sessionHandle.json<{ userId: string; email: string; roles: string[] }>();
    return Response.json({ message: `Hello, ${userSession.email}!`, roles: userSession.roles });
  });

  app.post("/api/auth/logout", async (request) => {
    const authHeader = request.headers.get("authorization");
    const token = authHeader?.split(" ")[1];
    if (token) {
      await sessionsStore.delete(`session:${token}`);
    }
    return Response.json({ loggedOut: true });
  });
}
