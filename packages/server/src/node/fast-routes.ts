/**
 * The routes that are asked most, answered on `node:http` itself. Hono, its adapter, and a `Request` and a `Response` cost
 * about as much as all of Node's own work for a request that only looks up a session.
 *
 * What is answered is the route's own business, and the same function as in Hono (`http/router.ts`). Here is only how a
 * request is received and an answer sent. A request whose target or host the adapter would look at twice is not taken:
 * an absolute URL, a query, a dot segment, a host that is none. Hono answers it, so that what is odd is decided in one
 * place.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, answerUnforeseen, type Answer } from "../http/answer.ts";
import { rawHeader, type Asked } from "../http/asked.ts";
import type { Log } from "../http/log.ts";
import type { FastRoute } from "../http/router.ts";

/** Answers a request if it is one of a fast route, and says whether it is. */
export type FastListener = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/**
 * A segment of a path that URL parsing leaves as it is. `.` and `..`, percent-encoded or not, begin with what this one may
 * not begin with.
 */
const SEGMENT = /^[\w~!$&'()*+,;=:@-][\w~!$&'()*+,;=:@.%-]*$/;
/** A host that the adapter takes, whatever stands before or behind it. */
const HOST = /^[a-z\d._-]+(?::(?:[1-5]\d{3,4}|[6-9]\d{3}))?$/;

/** @throws TypeError for a path that has more than one parameter, or one in the middle */
export function fastListener(routes: readonly FastRoute[], log: Log): FastListener {
  const table = routes.map(({ path, get }) => ({ isAskedBy: matcherOf(path), get }));
  return (incoming, outgoing) => {
    if (incoming.method !== "GET") return false;
    const path = incoming.url as string;
    const get = table.find(({ isAskedBy }) => isAskedBy(path))?.get;
    if (get === undefined) return false;
    const host = rawHeader(incoming.rawHeaders, "host");
    if (host === undefined || !HOST.test(host)) return false;
    const asked = new AskedOfNode(incoming.rawHeaders, path, host);
    try {
      const sent = after(get(asked), (answer) => send(outgoing, answer));
      if (sent instanceof Promise) sent.catch((error: unknown) => send(outgoing, answerUnforeseen(error, log)));
    } catch (error) {
      send(outgoing, answerUnforeseen(error, log));
    }
    return true;
  };
}

/** @param path as Hono takes it; a parameter may only be its last segment */
function matcherOf(path: string): (asked: string) => boolean {
  const [prefix = "", name, ...more] = path.split("/:");
  if (name === undefined) return (asked) => asked === path;
  if (more.length > 0 || name.includes("/")) {
    throw new TypeError(`Expected a fast route whose parameter comes last, got ${path}`);
  }
  const start = `${prefix}/`;
  return (asked) => asked.startsWith(start) && SEGMENT.test(asked.slice(start.length));
}

/** A GET without a query. */
class AskedOfNode implements Asked {
  readonly method = "GET";
  readonly query = "";
  readonly path: string;
  readonly host: string;
  readonly #rawHeaders: readonly string[];

  constructor(rawHeaders: readonly string[], path: string, host: string) {
    this.#rawHeaders = rawHeaders;
    this.path = path;
    this.host = host;
  }

  header(name: string): string | undefined {
    return rawHeader(this.#rawHeaders, name);
  }
}

function send(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, headers);
  if (body === null) outgoing.end();
  // A text with as many bytes as characters is ASCII, and for that Node has a cheaper way than UTF-8: a twentieth of all.
  else outgoing.end(body, headers["content-length"] === String(body.length) ? "latin1" : "utf8");
}
