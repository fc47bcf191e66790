/** What Neon puts before its servers, before one of ours: SQL over HTTP, and Postgres over a WebSocket. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { neonConfig } from "@neondatabase/serverless";
import pg from "pg";
import { WebSocketServer } from "ws";
import type { PostgresServer } from "./postgres-server.ts";

export interface NeonEndpoint {
  /** For `neon(…)` and for its `Pool`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it. The settings of the driver are those of the whole process: the port of a URL is that of its endpoint. */
export async function startNeonEndpoint(server: PostgresServer | { readonly port: number }): Promise<NeonEndpoint> {
  const pool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${server.port}/postgres`, max: 10 });
  pool.on("error", () => {});
  const http = createServer((request, response) => {
    void (async () => {
      const { status, body } = await answer(pool, request);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    })();
  });
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket) => {
    const tcp = connect(server.port, "127.0.0.1");
    socket.on("message", (data: Buffer) => tcp.write(data));
    socket.on("close", () => tcp.destroy());
    tcp.on("data", (data) => socket.send(data));
    tcp.on("error", () => {});
    tcp.on("close", () => socket.terminate());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  neonConfig.fetchEndpoint = (host, to) => `http://${host}:${to}/sql`;
  neonConfig.wsProxy = (host, to) => `${host}:${to}/v2`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
  return {
    url: `postgres://postgres:secret@127.0.0.1:${port}/postgres`,
    async stop() {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      http.close();
      await pool.end();
    },
  };
}

interface Sent {
  readonly query: string;
  readonly params: unknown[];
}

/** One statement by the extended protocol, so that a text with several is refused; values come as texts. */
async function answer(pool: pg.Pool, request: IncomingMessage): Promise<{ status: number; body: object }> {
  try {
    const { query, params } = (await json(request)) as Sent;
    const types = { getTypeParser: () => (text: string) => text };
    const named = { text: query, values: params, rowMode: "array" as const, types, queryMode: "extended" };
    const { command, rowCount, rows, fields } = await pool.query<unknown[]>(named);
    return { status: 200, body: { command, rowCount, rows, fields, rowAsArray: true } };
  } catch (error) {
    const { message, code, severity, detail } = error as Record<string, unknown>;
    return {
      status: typeof code === "string" && code.length === 5 ? 400 : 500,
      body: { message, code, severity, detail },
    };
  }
}
