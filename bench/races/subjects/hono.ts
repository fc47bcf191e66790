/** A Hono app on a socket of Node. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Running } from "../subject.ts";

export async function listenHono(app: {
  fetch(request: Request): Response | Promise<Response>;
}): Promise<Pick<Running, "url" | "close">> {
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}
