/** A port of loopback behind which the server can change: what a virtual address or a proxy is in a failover. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Switchboard {
  readonly port: number;
  /** Ends all connections; new ones go to another port. */
  to(port: number): void;
  stop(): Promise<void>;
}

export async function startSwitchboard(first: number): Promise<Switchboard> {
  let target = first;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target, host: "127.0.0.1", noDelay: true });
    sockets.add(client);
    client.pipe(upstream).pipe(client);
    client
      .on("error", () => {})
      .once("close", () => {
        sockets.delete(client);
        upstream.destroy();
      });
    upstream.on("error", () => {}).once("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const end = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    to(port) {
      target = port;
      end();
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      end();
      await closed;
    },
  };
}
