/** A browser with one cookie, over a real socket. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { keptOf } from "./visitor.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** The `Set-Cookie` lines. */
  readonly lines: readonly string[];
  readonly body: string;
}

export interface SocketVisitor {
  readonly port: number;
  /** The `Cookie` header that it sends. */
  cookie: string | undefined;
  ask(path: string, init?: { readonly method?: string; readonly headers?: Record<string, string> }): Promise<Answer>;
}

/** Serves until the test is over. */
export async function visit(listener: RequestListener): Promise<SocketVisitor> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return visitPort((server.address() as AddressInfo).port);
}

export function visitPort(port: number): SocketVisitor {
  const self: SocketVisitor = {
    port,
    cookie: undefined,
    async ask(path, { method = "GET", headers = {} } = {}) {
      const cookie = self.cookie === undefined ? {} : { cookie: self.cookie };
      const sent = request({ port, path, method, headers: { ...cookie, ...headers }, agent: false }).end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      const lines = response.headers["set-cookie"] ?? [];
      for (const line of lines) if (line.startsWith("__Host-session=")) self.cookie = keptOf(line);
      return { status: response.statusCode ?? 0, headers: response.headers, lines, body: await text(response) };
    },
  };
  return self;
}
