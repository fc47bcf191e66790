/** What a server answers to bytes that no HTTP client would send. */
import { connect } from "node:net";

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  /** All that came, should there be several answers. */
  readonly text: string;
}

/** How the client behaves once it has sent everything. */
export interface RawOptions {
  /** Says that nothing more will come. @default false */
  readonly end?: boolean;
}

/**
 * Sends bytes and waits until the server closes the connection.
 *
 * @throws Error if the server keeps it open for more than 10 seconds
 */
export async function sendRaw(url: string, bytes: string | Buffer, options: RawOptions = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname.replaceAll(/[[\]]/g, ""));
    const chunks: Buffer[] = [];
    socket.setTimeout(10_000, () => socket.destroy(new Error("the server keeps the connection open")));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(parse(Buffer.concat(chunks).toString())));
    if (options.end === true) socket.end(bytes);
    else socket.write(bytes);
  });
}

function parse(text: string): RawAnswer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), headers: head.toLowerCase(), body: rest.join("\r\n\r\n"), text };
}
