/** Login, profile and logout on bare node:http. Run it with `node examples/web/node-http.ts` after `npm run build`. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { cookieSessions } from "sojourn/cookies";
import { options, port } from "./open-sessions.ts";

const web = cookieSessions(options);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const session = await web.start(request);
  const body = await route();
  // Before the headers go out.
  await session.commit(response);
  return body;

  async function route(): Promise<unknown> {
    switch (`${request.method} ${request.url}`) {
      case "POST /login":
        await session.login("42", { role: "admin" });
        return { logged_in: true };
      case "GET /profile":
        if (session.userId !== null) return { user_id: session.userId };
        response.statusCode = 401;
        return { error: "not logged in" };
      case "POST /logout":
        await session.logout();
        return { logged_out: true };
      default:
        response.statusCode = 404;
        return { error: "not found" };
    }
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await answer(request, response).catch((error: { status?: number }) => {
    // A store that is down, for example: 503.
    response.statusCode = error.status ?? 500;
    return { error: "failed" };
  });
  response.setHeader("Content-Type", "application/json").end(JSON.stringify(body));
}

const server = createServer((request, response) => void serve(request, response));
server.listen(port, "127.0.0.1", () =>
  console.log(`node:http on http://localhost:${(server.address() as AddressInfo).port}`),
);
