/** The fields of a session and its cookie, as JSON has them: what changed, and how two changes become one. */
import { InvalidDataError } from "../../errors.ts";
import { show } from "../../show.ts";

/** A session's JSON, parsed. */
export type Fields = Readonly<Record<string, unknown>>;

/** How many milliseconds a lifetime may differ and still be the same one: a cookie's `maxAge` is computed anew, by a clock that moves. */
const DRIFT = 1_000;

/** @throws InvalidDataError if a session's JSON is not that of an object */
export function parseFields(json: string): Fields {
  const fields = JSON.parse(json) as unknown;
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw new InvalidDataError(`Expected a session to be an object, got ${show(fields)}`);
  }
  return fields as Fields;
}

/** How long a session lives from now on: until its cookie's end, or for `ttl` if that has none. In milliseconds. */
export function lifetimeOf(fields: Fields, now: number, ttl: number): number {
  const expires = cookieOf(fields)?.["expires"];
  if (typeof expires !== "string" && typeof expires !== "number") return ttl;
  const end = new Date(expires).getTime();
  return Number.isNaN(end) ? ttl : end - now;
}

/** A session's fields with the end that the store knows, if its cookie has one: a touch moves only that. */
export function withEnd(fields: Fields, end: number): Fields {
  const cookie = cookieOf(fields);
  if (cookie === undefined || (cookie["expires"] ?? null) === null) return fields;
  return { ...fields, cookie: { ...cookie, expires: new Date(end).toISOString() } };
}

/** Whether two lifetimes are the same, but for the milliseconds between two looks at the clock. */
export function isSameLifetime(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) < Math.min(DRIFT, a / 10);
}

/** Whether two cookies are the same, but for the instant at which they end and the drift of their lifetime. */
export function isSameCookie(a: unknown, b: unknown): boolean {
  if (!isObject(a) || !isObject(b)) return a === b;
  if (((a["expires"] ?? null) === null) !== ((b["expires"] ?? null) === null)) return false;
  const [was, is] = [a["originalMaxAge"] ?? null, b["originalMaxAge"] ?? null];
  if (was !== is && !(typeof was === "number" && typeof is === "number" && isSameLifetime(was, is))) return false;
  return isSameSettings(a, b) && isSameSettings(b, a);
}

/** What a cookie has where it is not said, so that one written by hand is the same when a request has loaded it. */
const DEFAULTS: Fields = { path: "/", httpOnly: true };

/** Whether every setting of a cookie is the same in another one. */
function isSameSettings(a: Fields, b: Fields): boolean {
  for (const name of Object.keys(a)) {
    if (name === "expires" || name === "originalMaxAge") continue;
    const other = Object.hasOwn(b, name) ? b[name] : DEFAULTS[name];
    if (a[name] !== other && JSON.stringify(a[name]) !== JSON.stringify(other)) return false;
  }
  return true;
}

/** Whether two sessions have the same fields, whatever their cookies are. */
export function isSameData(a: Fields, b: Fields): boolean {
  return changedNames(a, b).length === 0;
}

/**
 * Three-way merge of top-level fields: what `mine` changed since `base`, on top of `theirs`. The cookie is left as
 * theirs, since its lifetime is judged by other rules.
 */
export function mergeFields(base: Fields, mine: Fields, theirs: Fields): Fields {
  // Entries, not assignment: a field may be named `__proto__`, and is then only a name.
  const merged = new Map(Object.entries(theirs));
  for (const name of changedNames(base, mine)) {
    if (Object.hasOwn(mine, name)) merged.set(name, mine[name]);
    else merged.delete(name);
  }
  return Object.fromEntries(merged);
}

/** The names of fields, the cookie aside, that differ. */
function changedNames(a: Fields, b: Fields): readonly string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  names.delete("cookie");
  // A touch takes all fields over from before; those are the same without being written out.
  return [...names].filter((name) => a[name] !== b[name] && textOf(a, name) !== textOf(b, name));
}

function textOf(fields: Fields, name: string): string | undefined {
  return Object.hasOwn(fields, name) ? JSON.stringify(fields[name]) : undefined;
}

function cookieOf(fields: Fields): Fields | undefined {
  const { cookie } = fields;
  return isObject(cookie) ? cookie : undefined;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
