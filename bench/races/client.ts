/** A browser's part in the races: it sends the cookies that it was given, and sees the head of an answer before its end. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

/** A request under way. */
export interface Exchange {
  /** Resolves when the head of the answer is there; the cookies in it are kept by then. */
  readonly head: Promise<IncomingMessage>;
  /** The whole answer. */
  readonly text: Promise<string>;
}

export class Client {
  readonly url: string;
  readonly #cookies: Map<string, string>;

  constructor(url: string, cookies: ReadonlyMap<string, string> = new Map()) {
    this.url = url;
    this.#cookies = new Map(cookies);
  }

  /** The cookies that it has now, by name. */
  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies;
  }

  /** Another client with the cookies of this one, as they are now: somebody who has copied them. */
  copy(): Client {
    return new Client(this.url, this.#cookies);
  }

  async get(path: string): Promise<string> {
    return this.begin(path).text;
  }

  begin(path: string): Exchange {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    // What @fastify/session needs to set a cookie that is Secure, as it should be.
    const headers = { "x-forwarded-proto": "https", ...(cookie !== "" && { cookie }) };
    const sent = request(this.url + path, { agent: false, headers }).end();
    const head = once(sent, "response").then(([answer]) => {
      this.#keep((answer as IncomingMessage).headers["set-cookie"] ?? []);
      return answer as IncomingMessage;
    });
    return { head, text: head.then(async (answer) => text(answer)) };
  }

  #keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1];
      const isGone =
        /;\s*max-age=0\s*(;|$)/i.test(line) || (expires !== undefined && Date.parse(expires) <= Date.now());
      if (isGone) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}
