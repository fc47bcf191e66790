/** A TCP proxy on loopback between a client and a server, whose line can be cut, slow, or dead without a word. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Which way bytes go. */
export type Direction = "to server" | "to client";

/** A line that can be disturbed. What was disturbed stays so until `mend`, for new connections as well. */
export interface RedisProxy {
  readonly port: number;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** How many connections are open. */
  connections(): number;
  /** Closes every connection with a reset, and each new one at once. */
  cut(): void;
  /** Forwards what comes from now on so many milliseconds later, in order. @default both directions */
  delay(milliseconds: number, direction?: Direction): void;
  /** Takes connections and bytes, and forwards nothing. @default both directions */
  hold(direction?: Direction): void;
  /** Undoes all of it: what was held back goes on its way, in order. */
  mend(): void;
  stop(): Promise<void>;
}

/** What befalls the bytes of one direction. */
interface Lane {
  delay: number;
  held: boolean;
}

/** One direction of one connection. */
interface Pipe {
  readonly lane: Lane;
  release(): void;
}

/** Starts a proxy to a port of loopback. */
export async function startProxy(to: number): Promise<RedisProxy> {
  const lanes: Record<Direction, Lane> = {
    "to server": { delay: 0, held: false },
    "to client": { delay: 0, held: false },
  };
  const each = (direction?: Direction): Lane[] => (direction ? [lanes[direction]] : Object.values(lanes));
  const sockets = new Set<Socket>();
  const pipes = new Set<Pipe>();
  let isCut = false;

  const server = createServer({ noDelay: true }, (client) => {
    if (isCut) {
      client.on("error", () => {}).resetAndDestroy();
      return;
    }
    const upstream = connect({ port: to, host: "127.0.0.1", noDelay: true });
    const both = [pipe(client, upstream, lanes["to server"]), pipe(upstream, client, lanes["to client"])];
    for (const each of both) pipes.add(each);
    sockets.add(client);
    client.once("close", () => {
      sockets.delete(client);
      for (const each of both) pipes.delete(each);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    connections: () => sockets.size,
    cut,
    delay: (milliseconds, direction) => each(direction).forEach((lane) => (lane.delay = milliseconds)),
    hold: (direction) => each(direction).forEach((lane) => (lane.held = true)),
    mend() {
      isCut = false;
      for (const lane of each()) Object.assign(lane, { delay: 0, held: false });
      for (const each of pipes) each.release();
    },
    async stop() {
      cut();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** Carries bytes from one socket to the other as their lane says; the end of one is the end of both. */
function pipe(from: Socket, to: Socket, lane: Lane): Pipe {
  const waiting: { readonly chunk: Buffer; readonly at: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const release = (): void => {
    clearTimeout(timer);
    for (;;) {
      const first = waiting[0];
      if (first === undefined || lane.held) return;
      // A mended line keeps no one waiting for a delay that is over.
      const left = lane.delay === 0 ? 0 : first.at - performance.now();
      if (left > 0) return void (timer = setTimeout(release, left));
      waiting.shift();
      to.write(first.chunk);
    }
  };
  from.on("data", (chunk) => {
    waiting.push({ chunk, at: performance.now() + lane.delay });
    if (waiting.length === 1) release();
  });
  // A reset is what `cut` is for.
  from.on("error", () => {});
  from.once("close", () => {
    clearTimeout(timer);
    to.destroy();
  });
  return { lane, release };
}
