/** A client on a bare socket, which sends and reads as a test says. */
import { connect } from "node:net";

/** A connection, and all that comes over it. */
export interface Client {
  send(text: string): void;
  /** Says that nothing more will come, and goes on reading. */
  end(): void;
  /** Goes away in the middle. */
  reset(): void;
  /** Waits until something has come. */
  until(pattern: RegExp): Promise<void>;
  text(): string;
  /** Resolves once the server has ended its side. */
  readonly ended: Promise<void>;
  /** `undefined` for a proper end, or such as `ECONNRESET`. */
  readonly closed: Promise<string | undefined>;
}

export async function client(url: string): Promise<Client> {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  const state = { text: "", error: undefined as string | undefined };
  const waiting = new Set<() => void>();
  socket.setEncoding("latin1").on("data", (data: string) => {
    state.text += data;
    for (const look of waiting) look();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => (state.error = error.code));
  const closed = new Promise<string | undefined>((resolve) => socket.once("close", () => resolve(state.error)));
  const ended = new Promise<void>((resolve) => socket.once("end", resolve));
  return {
    send: (text) => void socket.write(text),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    until: async (pattern) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!pattern.test(state.text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    text: () => state.text,
    ended,
    closed,
  };
}
