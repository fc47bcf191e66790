/**
 * A request and a response as the web layer sees them: those of the Fetch standard, or Node's own. No runtime's types are
 * named.
 */
import { show } from "../../show.ts";

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

/** Headers that can be set, as `Headers` of the Fetch standard. */
export interface ResponseHeaders {
  get(name: string): string | null;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
}

/** Where nothing is sent: what is set is dropped. */
export const NO_HEADERS: ResponseHeaders = Object.freeze({ get: () => null, set() {}, append() {} });

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

/** @throws TypeError for what has no headers that can be set, such as a `Response` in place of its `headers` */
export function checkTarget(target: CommitTarget): CommitTarget {
  const given: Partial<ResponseHeaders & NodeResponse> = Object(target);
  if (typeof given.append === "function" || typeof given.setHeader === "function") return target;
  throw new TypeError(`Expected a response's \`Headers\`, or a response of Node's, to commit to, got ${show(target)}`);
}

export function isNodeResponse(target: CommitTarget): target is NodeResponse {
  return "setHeader" in target;
}

/** Sets them, and drops nothing that others have set but a `Cache-Control` that allows to store a credential. */
export function setHeaders(target: CommitTarget, changes: HeaderChanges): void {
  const { setCookie, credential, clearSiteData, vary } = changes;
  if (setCookie !== undefined) append(target, "Set-Cookie", setCookie);
  if (credential !== undefined) set(target, credential[0], credential[1]);
  if (clearSiteData !== undefined) set(target, "Clear-Site-Data", clearSiteData);
  if (setCookie !== undefined || credential !== undefined) forbidStoring(target);
  for (const name of vary) varyBy(target, name);
}

function forbidStoring(target: CommitTarget): void {
  const present = headerOn(target, "Cache-Control");
  if (!/(^|[\s,])no-store([\s,]|$)/i.test(present)) set(target, "Cache-Control", "no-store");
}

function varyBy(target: CommitTarget, name: string): void {
  const present = headerOn(target, "Vary");
  if (present === "") set(target, "Vary", name);
  else if (!lists(present, name)) set(target, "Vary", `${present}, ${name}`);
}

function lists(vary: string, name: string): boolean {
  return vary.split(",").some((part) => part.trim() === "*" || part.trim().toLowerCase() === name.toLowerCase());
}

/** All values of a response's header, joined by commas; empty if it is not there. */
export function headerOn(target: CommitTarget, name: string): string {
  if (!isNodeResponse(target)) return target.get(name) ?? "";
  const value = target.getHeader(name);
  if (value === undefined) return "";
  return typeof value === "object" ? value.join(", ") : String(value);
}

function set(target: CommitTarget, name: string, value: string): void {
  if (isNodeResponse(target)) target.setHeader(name, value);
  else target.set(name, value);
}

/** The very line that is there already, as after a commit to other headers of the same response, is not set twice. */
function append(target: CommitTarget, name: string, value: string): void {
  if (!isNodeResponse(target)) return target.append(name, value);
  const present = [target.getHeader(name) ?? []].flat().map(String);
  if (!present.includes(value)) target.setHeader(name, [...present, value]);
}
