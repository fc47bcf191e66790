/** Clients with one connection each. */
import { Agent, request } from "node:http";

/** Sends requests over one connection, one after the other. */
export interface Connection {
  /** @returns the status and the body, such as `200 "u_42"` @throws Error if the connection breaks */
  send(method: "GET" | "POST", path: string, body?: object): Promise<string>;
  close(): void;
}

export function openConnection(url: string): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    send: async (method, path, body) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? "" : JSON.stringify(body);
        const headers =
          text === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
        const outgoing = request(url + path, { agent, method, headers }, (incoming) => {
          let answer = `${incoming.statusCode} `;
          incoming.setEncoding("utf8");
          incoming.on("data", (chunk: string) => (answer += chunk));
          incoming.on("end", () => resolve(answer));
          incoming.on("error", reject);
        });
        outgoing.on("error", reject);
        outgoing.end(text);
      }),
    close: () => agent.destroy(),
  };
}

/** Does something with each item, over so many connections at once. */
export async function overConnections<T>(
  url: string,
  count: number,
  items: readonly T[],
  use: (connection: Connection, item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const connections = Array.from({ length: count }, () => openConnection(url));
  await Promise.all(
    connections.map(async (connection) => {
      for (const item of left) await use(connection, item);
      connection.close();
    }),
  );
}
