/** A response's headers, wherever they are, and how ours join those that are there. */

/** Headers that can be set, as `Headers` of the Fetch standard. */
export interface ResponseHeaders {
  get(name: string): string | null;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
}

/** What of a `ServerResponse` of Node is used. */
export interface NodeResponse {
  readonly statusCode: number;
  getHeader(name: string): number | string | readonly string[] | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** Where `commit` sets headers. */
export type CommitTarget = ResponseHeaders | NodeResponse;

/** The headers that a commit has made. */
export interface HeaderChanges {
  /** A whole `Set-Cookie` line. */
  readonly setCookie: string | undefined;
  /** Name and value of the header that carries a credential back. */
  readonly credential: readonly [name: string, value: string] | undefined;
  readonly clearSiteData: string | undefined;
  /** Request headers that the answer depends on. */
  readonly vary: readonly string[];
}

export function isNodeResponse(target: CommitTarget): target is NodeResponse {
  return "setHeader" in target;
}

/** Sets them, and drops nothing that others have set but a `Cache-Control` that allows to store a credential. */
export function setHeaders(target: CommitTarget, changes: HeaderChanges): void {
  const headers = isNodeResponse(target) ? nodeHeaders(target) : target;
  const { setCookie, credential, clearSiteData, vary } = changes;
  if (setCookie !== undefined) headers.append("Set-Cookie", setCookie);
  if (credential !== undefined) headers.set(credential[0], credential[1]);
  if (clearSiteData !== undefined) headers.set("Clear-Site-Data", clearSiteData);
  if (setCookie !== undefined || credential !== undefined) forbidStoring(headers);
  for (const name of vary) varyBy(headers, name);
}

function forbidStoring(headers: ResponseHeaders): void {
  const present = headers.get("Cache-Control");
  if (present === null || !/(^|[\s,])no-store([\s,]|$)/i.test(present)) headers.set("Cache-Control", "no-store");
}

function varyBy(headers: ResponseHeaders, name: string): void {
  const present = headers.get("Vary");
  if (present === null || present === "") headers.set("Vary", name);
  else if (!lists(present, name)) headers.set("Vary", `${present}, ${name}`);
}

function lists(vary: string, name: string): boolean {
  return vary.split(",").some((part) => part.trim() === "*" || part.trim().toLowerCase() === name.toLowerCase());
}

function nodeHeaders(response: NodeResponse): ResponseHeaders {
  const values = (name: string): readonly string[] => {
    const value = response.getHeader(name);
    if (value === undefined) return [];
    return Array.isArray(value) ? (value as readonly string[]) : [String(value)];
  };
  return {
    get(name) {
      const present = values(name);
      return present.length === 0 ? null : present.join(", ");
    },
    set: (name, value) => void response.setHeader(name, value),
    append: (name, value) => void response.setHeader(name, [...values(name), value]),
  };
}
