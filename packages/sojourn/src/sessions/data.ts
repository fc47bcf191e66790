/** A session's data on its way to JSON and back: validated before a store sees it, frozen when it is handed out. */
import { InvalidDataError, StoreError, type DataIssue } from "../errors.ts";
import { show } from "../show.ts";
import type { Mode, Replies, Reply } from "../store/reply.ts";
import type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.ts";

/** The deepest nesting of data. Far beyond any use, and far below where a recursion would end the process. */
const MAX_DEPTH = 256;

/** How a manager reads and writes data. */
export interface DataCodec<Data, M extends Mode> {
  /** The JSON of data that the schema, if there is one, has let through. @throws InvalidDataError */
  encode(data: unknown): Reply<M, string>;
  /** The data of a value, deeply frozen. @throws StoreError `store_corrupt` */
  decode(value: string | Uint8Array): Readonly<Data>;
  /** The data of a value, for the caller to change. @throws StoreError `store_corrupt` */
  copy(value: string | Uint8Array): Data;
}

/** @throws TypeError if the schema is not a Standard Schema */
export function dataCodec<Data, M extends Mode>(
  schema: StandardSchema<Data> | undefined,
  maxLength: number,
  mode: M,
  steps: Replies<M>,
): DataCodec<Data, M> {
  if (schema !== undefined && typeof schema["~standard"]?.validate !== "function") {
    throw new TypeError(`Expected \`schema\` to be a Standard Schema validator, got ${show(schema)}`);
  }

  function validated(data: unknown): Reply<M, unknown> {
    if (schema === undefined) return steps.of(data);
    const result = schema["~standard"].validate(data);
    if (!isPromise(result)) return steps.of(accepted(result));
    if (mode === "sync") {
      result.catch(() => undefined);
      throw new TypeError("Expected `schema` to validate synchronously on a synchronous store, got a promise");
    }
    return result.then(accepted) as Reply<M, unknown>;
  }

  return {
    encode: (data) => steps.chain(validated(data), (valid) => steps.of(toJson(valid, maxLength))),
    decode: (value) => freezeDeep(fromJson(value) as Data),
    copy: (value) => fromJson(value) as Data,
  };
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>>).then === "function";
}

function accepted(result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(toIssue);
  const [first] = issues;
  const place = first === undefined || first.path.length === 0 ? "" : ` at ${first.path.map(String).join(".")}`;
  throw new InvalidDataError(`The session data is not valid${place}: ${first?.message ?? "no reason given"}`, issues);
}

function toIssue({ message, path = [] }: SchemaIssue): DataIssue {
  return { message, path: path.map((part) => (typeof part === "object" ? part.key : part)) };
}

function toJson(data: unknown, maxLength: number): string {
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

function fromJson(value: string | Uint8Array): unknown {
  try {
    if (typeof value !== "string") throw new TypeError("its value is binary");
    return JSON.parse(value);
  } catch (cause) {
    throw new StoreError("store_corrupt", "The store holds a session whose data is not JSON", { cause });
  }
}

function freezeDeep<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const key in value) freezeDeep(value[key]);
    Object.freeze(value);
  }
  return value;
}
