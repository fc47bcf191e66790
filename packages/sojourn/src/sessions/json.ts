/** Session data as JSON text, and back. */
import { InvalidDataError, StoreError } from "../errors.ts";
import { show } from "../show.ts";

/**
 * What of a type JSON gives back as it was: itself, or `never` where a value would come back as something else, such as a
 * `Date` as a text. `unknown` and `any` pass; there the check at run time is all there is.
 */
export type Json<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends object
      ? T extends (...given: never) => unknown
        ? never
        : { [Key in keyof T]: Key extends string | number ? Json<T[Key]> : never }
      : never;

/** The same of an object's fields: for a type parameter, which may not be compared with itself. */
export type JsonFields<T> = { [Key in keyof T]: Key extends string | number ? Json<T[Key]> : never };

/** The deepest nesting of data. Far beyond any use, and far below where a recursion would end the process. */
const MAX_DEPTH = 256;

/**
 * The JSON of data that comes back from it as it was, but for what has a `toJSON`, and properties that are `undefined`,
 * which are left out.
 *
 * @throws InvalidDataError for what JSON would drop or empty, with its path; and as `toJson` does
 */
export function toStrictJson(data: unknown, maxLength: number): string {
  checkJson(data, maxLength);
  return toJson(data, maxLength);
}

/** @throws InvalidDataError for what JSON would drop or empty, with its path */
export function checkJson(data: unknown, maxLength: number = Infinity): void {
  checkValue(data, { path: [], inside: [], left: maxLength });
}

/** @throws InvalidDataError if it cannot be written as JSON, is too long, or nested too deep */
export function toJson(data: unknown, maxLength: number): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    // A cycle, a BigInt, a toJSON that throws, or nesting so deep that the stack ends.
    throw new InvalidDataError("The session data cannot be written as JSON", [], { cause });
  }
  if (json === undefined) {
    throw new InvalidDataError(`Expected session data that can be written as JSON, got ${show(data)}`);
  }
  if (json.length > maxLength) {
    throw new InvalidDataError(`Expected session data of at most ${maxLength} characters of JSON, got ${json.length}`);
  }
  checkDepth(json);
  return json;
}

/** Where a walk through data is. */
interface Place {
  /** The keys that lead there. */
  readonly path: (string | number)[];
  /** The objects that it is in, to find a cycle. */
  readonly inside: object[];
  /** How many more values there may be: each has at least one character of JSON. */
  left: number;
}

function checkValue(given: unknown, place: Place): void {
  const value = jsonForm(given, place);
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) return;
  if (typeof value !== "object") refuse(show(value), place);
  if (place.inside.includes(value)) refuse("a cycle", place);
  if (place.inside.length >= MAX_DEPTH) {
    throw new InvalidDataError(`Expected session data nested at most ${MAX_DEPTH} deep, got more`);
  }
  place.inside.push(value);
  if (Array.isArray(value)) {
    spend(value.length, place);
    for (let index = 0; index < value.length; index++) checkField(value[index], index, place);
  } else {
    checkPlain(value, place);
    const keys = Object.keys(value);
    spend(keys.length, place);
    for (const key of keys) {
      const field: unknown = (value as Record<string, unknown>)[key];
      if (field !== undefined) checkField(field, key, place);
    }
  }
  place.inside.pop();
}

function checkField(value: unknown, key: string | number, place: Place): void {
  place.path.push(key);
  checkValue(value, place);
  place.path.pop();
}

/** What a value is written as: what its `toJSON` answers, as for a `Date`. */
function jsonForm(value: unknown, { path }: Place): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value, String(path.at(-1) ?? "")) as unknown) : value;
}

/** Of a class, JSON would keep the fields and forget the class; of a `Map`, not even those. */
function checkPlain(value: object, place: Place): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  // That there is nothing behind it, not which it is: an object of another realm has another Object.prototype.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse(show(value), place);
  if (Object.getOwnPropertySymbols(value).length > 0) refuse("symbol keys", place);
}

function spend(count: number, place: Place): void {
  place.left -= count;
  if (place.left < 0)
    throw new InvalidDataError("Expected session data of fewer values than its length allows, got more");
}

function refuse(what: string, { path }: Place): never {
  const place = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  const message = `Expected session data that JSON keeps, got ${what}${place === "" ? "" : ` at ${place.replace(/^\./, "")}`}`;
  throw new InvalidDataError(message, [{ message, path: [...path] }]);
}

/** Brackets in strings are passed over, so that the depth is that of the values. */
function checkDepth(json: string): void {
  let depth = 0;
  let inString = false;
  // What cannot nest too deep, because it has too few characters for it, need not be looked at.
  if (json.length <= 2 * MAX_DEPTH) return;
  for (let index = 0; index < json.length; index++) {
    const character = json[index];
    if (inString) {
      if (character === "\\") index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") {
      if (++depth > MAX_DEPTH) {
        throw new InvalidDataError(`Expected session data nested at most ${MAX_DEPTH} deep, got more`);
      }
    } else if (character === "}" || character === "]") depth--;
  }
}

/** @throws StoreError `store_corrupt` */
export function fromJson(value: string | Uint8Array): unknown {
  try {
    if (typeof value !== "string") throw new TypeError("its value is binary");
    // It was checked when it was written; but a store can be changed by others than us.
    checkDepth(value);
    return JSON.parse(value);
  } catch (cause) {
    throw new StoreError("store_corrupt", "The store holds a session whose data is not JSON", { cause });
  }
}
