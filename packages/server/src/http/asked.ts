/** A request, as the gate and the handlers see it, whoever has received it: Hono, or `node:http`. */
import type { Context } from "hono";
import { readJson, type BodyType } from "./body.ts";

/** What is asked. */
export interface Asked {
  readonly method: string;
  /** As it was sent, not decoded, without the query. */
  readonly path: string;
  /** The query with its `?`, or an empty text. */
  readonly query: string;
  /** Whom the client takes us for: a name or an address, and a port where it is not the scheme's own. */
  readonly host: string;
  /** A header, by its name in lower case. One that came twice is both, with a comma between them. */
  header(name: string): string | undefined;
}

/** A request that may have a body. */
export interface AskedWithBody extends Asked {
  /** @param type the content type that it has to have, by default `application/json` @throws Refusal 415, 413 or 400 */
  json(type?: BodyType): Promise<unknown>;
}

/** What the Node adapter hands to a handler, as far as it is used here. */
interface NodeBindings {
  /** `rawHeaders`: names and values in turn. */
  readonly incoming?: { readonly rawHeaders: readonly string[] };
}

/** A request that Hono has received, from whatever serves it. */
export class AskedOfHono implements AskedWithBody {
  readonly #c: Context;
  readonly #maxBody: number;

  /** @param maxBody the most bytes that are read of a body */
  constructor(c: Context, maxBody: number) {
    this.#c = c;
    this.#maxBody = maxBody;
  }

  get method(): string {
    return this.#c.req.method;
  }

  get path(): string {
    return this.#c.req.path;
  }

  get query(): string {
    const { url } = this.#c.req;
    return url.includes("?") ? new URL(url).search : "";
  }

  get host(): string {
    return this.header("host") ?? new URL(this.#c.req.url).host;
  }

  /** From the headers as they came, where it is Node that serves: making a `Headers` of all of them costs more than the look at a session. */
  header(name: string): string | undefined {
    const incoming = (this.#c.env as NodeBindings | undefined)?.incoming;
    return incoming === undefined
      ? (this.#c.req.raw.headers.get(name) ?? undefined)
      : rawHeader(incoming.rawHeaders, name);
  }

  async json(type: BodyType = "application/json"): Promise<unknown> {
    return readJson(this.#c.req.raw, type, this.#maxBody);
  }
}

/**
 * A header among names and values in turn, by its name in lower case. One that came twice is both, as `Headers` has it:
 * Node's own `headers` would leave out a second host.
 */
export function rawHeader(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index] as string;
    if (given.length !== name.length || (given !== name && given.toLowerCase() !== name)) continue;
    const value = rawHeaders[index + 1] as string;
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}
