/** A request as the web floor sees it: a `Request`, or what Node hands to a server. No runtime's types are named. */

/** Headers by a call, as `Headers` of the Fetch standard has them. */
export interface HeaderReader {
  get(name: string): string | null;
}

/** Headers by their lower-case names, as Node has them. */
export interface HeaderRecord {
  readonly [name: string]: string | readonly string[] | undefined;
}

/** A `Request`, an `IncomingMessage` of Node, or anything of their shape. */
export interface IncomingRequest {
  /** @default "GET" */
  readonly method?: string | undefined;
  /** Whole, or only its path. It is never searched for a token. */
  readonly url?: string | undefined;
  readonly headers: HeaderReader | HeaderRecord;
}

/** A header's value; `undefined` if it is not there. Where one came several times, all of them, joined by commas. */
export function headerOf(headers: IncomingRequest["headers"], name: string): string | undefined {
  if (typeof headers.get === "function") return (headers as HeaderReader).get(name) ?? undefined;
  const value = (headers as HeaderRecord)[name];
  if (typeof value === "string" || value === undefined) return value;
  return value.join(name === "cookie" ? "; " : ", ");
}

/** The host and port that a request is for, in lower case; `undefined` if it does not tell. */
export function hostOf({ headers, url }: IncomingRequest): string | undefined {
  // Over HTTP/2 Node has the host under a name that `Headers` would refuse.
  const host =
    headerOf(headers, "host") ??
    (typeof headers.get === "function" ? undefined : headerOf(headers, ":authority")) ??
    /^https?:\/\/([^/?#]*)/i.exec(url ?? "")?.[1];
  return host?.toLowerCase();
}
