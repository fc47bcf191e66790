/** One command to a Redis server over a connection of its own, without a client library. */
import { connect } from "node:net";

/** What a server answers: RESP2, with errors as `Error`s. */
export type Answer = string | number | null | Error | readonly Answer[];

/** How long a server may take for an answer, in milliseconds. */
const PATIENCE = 1_000;

/**
 * Sends a command and resolves with its answer.
 *
 * @throws Error if the server cannot be reached, answers with an error, or takes longer than a second
 */
export async function ask(port: number, ...command: readonly string[]): Promise<Answer> {
  const answer = await new Promise<Answer>((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.setEncoding("latin1").setTimeout(PATIENCE, () => socket.destroy(new Error("The server is silent")));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("The server closed the connection")));
    socket.once("connect", () => socket.write(encode(command), "latin1"));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const parsed = parse(text, 0);
      if (parsed === undefined) return;
      resolve(parsed.answer);
      socket.destroy();
    });
  });
  if (answer instanceof Error) throw answer;
  return answer;
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => Buffer.from(part).toString("latin1"));
  return `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join("")}`;
}

interface Parsed {
  readonly answer: Answer;
  readonly end: number;
}

/** The answer that begins at a place; `undefined` if it is not all there yet. */
function parse(text: string, from: number): Parsed | undefined {
  const lineEnd = text.indexOf("\r\n", from);
  if (lineEnd < 0) return undefined;
  const line = text.slice(from + 1, lineEnd);
  const next = lineEnd + 2;
  switch (text.charAt(from)) {
    case "+":
      return { answer: line, end: next };
    case "-":
      return { answer: new Error(line), end: next };
    case ":":
      return { answer: Number(line), end: next };
    case "$":
      return parseBulk(text, next, Number(line));
    case "*":
      return parseArray(text, next, Number(line));
    default:
      throw new Error(`Not an answer of Redis: ${JSON.stringify(text.slice(from, from + 20))}`);
  }
}

function parseBulk(text: string, from: number, length: number): Parsed | undefined {
  if (length < 0) return { answer: null, end: from };
  if (text.length < from + length + 2) return undefined;
  const answer = Buffer.from(text.slice(from, from + length), "latin1").toString();
  return { answer, end: from + length + 2 };
}

function parseArray(text: string, from: number, length: number): Parsed | undefined {
  if (length < 0) return { answer: null, end: from };
  const answers: Answer[] = [];
  let end = from;
  while (answers.length < length) {
    const item = parse(text, end);
    if (item === undefined) return undefined;
    answers.push(item.answer);
    end = item.end;
  }
  return { answer: answers, end };
}
