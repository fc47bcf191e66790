/** Answers to what is not HTTP, or not all of it: Node reports it on the socket, where no request exists. */
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { answerError } from "../http/answer.ts";
import type { Log } from "../http/log.ts";

/** What of a bad request each code of Node's parser tells; anything else is a 400. */
const ANSWERS: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "The request line and headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "The chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request took too long to arrive"],
};

/** For an answer that is its connection's last. */
const LAST = { connection: "close" } as const;

/** For how long a refused connection may linger, in milliseconds, so that its client gets to read why. */
const LINGER = 1_000;

/** Makes a server answer malformed requests with a 4xx and `{ "error": … }`, and close the connection. */
export function answerClientErrors(server: Server, log: Log): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const [status, message] = ANSWERS[error.code ?? ""] ?? [400, "Expected a valid HTTP request"];
    // Only the code: the error also holds the bytes that were sent, and with those maybe a token.
    log.info({ status, code: error.code }, "a malformed request");
    refuse(socket, status, message);
  });
  server.on("connect", (_request: IncomingMessage, socket: Duplex) => refuse(socket, 405, "Expected no CONNECT"));
  server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
    const { status, headers, body } = answerError(417, "Expected no other expectation than 100-continue", LAST);
    response.writeHead(status, headers).end(body);
  });
}

/** Answers on a socket, and closes it. One that is in the middle of an answer is cut: another would look like a part of it. */
export function refuse(socket: Duplex, status: number, message: string): void {
  if (!socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const { headers, body } = answerError(status, message, LAST);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on("error", () => undefined);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  // Not at once: closing a socket with unread bytes resets it, and the answer is lost on the way.
  setTimeout(() => socket.destroy(), LINGER).unref();
}

/** Whether a part of an answer has gone out, and not yet all of it. The socket of an answer that has begun is known to Node alone. */
function isAnswering(socket: Duplex): boolean {
  const { _httpMessage: message } = socket as { _httpMessage?: ServerResponse | null };
  return message?.headersSent === true && !message.writableEnded;
}
