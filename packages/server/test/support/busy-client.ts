/** A client that asks again as soon as it has an answer, on one connection, until the server has it closed. */
import { connect } from "node:net";

/** How a connection ended. */
export interface BusyEnd {
  readonly answers: number;
  /** Whether the last answer said that the connection closes. */
  readonly told: boolean;
  /** Whether a request was sent that got no answer. */
  readonly unanswered: boolean;
  /** Such as `ECONNRESET`. */
  readonly error: string | undefined;
}

/** A connection that is busy. */
export interface BusyClient {
  /** Resolves with the first answer. */
  readonly started: Promise<void>;
  readonly ended: Promise<BusyEnd>;
}

/** @param request one whole request, whose answers have a Content-Length, or no body */
export function busyClient(url: string, request: string): BusyClient {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  const started = Promise.withResolvers<void>();
  const state = { answers: 0, told: false, isWaiting: false, text: "", error: undefined as string | undefined };
  const ask = (): void => {
    state.isWaiting = true;
    socket.write(request);
  };
  socket.setEncoding("latin1").on("data", (data: string) => {
    state.text += data;
    const end = state.text.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = state.text.slice(0, end);
    const length = end + 4 + Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (state.text.length < length) return;
    state.text = state.text.slice(length);
    state.answers++;
    state.isWaiting = false;
    started.resolve();
    state.told = /^connection: close/im.test(head);
    if (!state.told) ask();
  });
  socket.on("connect", ask).on("error", (error: NodeJS.ErrnoException) => {
    state.error = error.code ?? error.message;
  });
  const ended = new Promise<BusyEnd>((resolve) => {
    socket.once("close", () => {
      const { answers, told, isWaiting, error } = state;
      started.resolve();
      resolve({ answers, told, unanswered: isWaiting, error });
    });
  });
  return { started: started.promise, ended };
}
