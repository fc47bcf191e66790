import { InvalidDataError, type DataIssue } from "../errors.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";

/**
 * The part of Standard Schema (version 1, standardschema.dev) that is used here: any validator that implements it
 * fits, such as Zod, Valibot or ArkType.
 */
export interface StandardSchema<Output, Input = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a validator answers: a value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong, and where. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** @throws TypeError if it is there, and is not a Standard Schema */
export function checkSchema(schema: StandardSchema<unknown> | undefined): void {
  if (schema !== undefined && typeof schema["~standard"]?.validate !== "function") {
    throw new TypeError(`Expected \`schema\` to be a Standard Schema validator, got ${show(schema)}`);
  }
}

/**
 * What a schema makes of data, at once or later.
 *
 * @throws InvalidDataError with everything that is wrong with it
 * @throws TypeError for a schema that answers later, on a store that answers at once
 */
export function validated<Output>(
  schema: StandardSchema<Output>,
  data: unknown,
  mode: Mode,
): { readonly output: Output } | Promise<Output> {
  const result = schema["~standard"].validate(data);
  if (!isPromise(result)) return { output: accepted(result) };
  if (mode === "sync") {
    result.catch(() => undefined);
    throw new TypeError("Expected `schema` to validate synchronously on a synchronous store, got a promise");
  }
  return Promise.resolve(result).then(accepted);
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>>).then === "function";
}

function accepted<Output>(result: SchemaResult<Output>): Output {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(toIssue);
  const [first] = issues;
  const place = first === undefined || first.path.length === 0 ? "" : ` at ${first.path.map(String).join(".")}`;
  throw new InvalidDataError(`The session data is not valid${place}: ${first?.message ?? "no reason given"}`, issues);
}

function toIssue({ message, path = [] }: SchemaIssue): DataIssue {
  return { message, path: path.map((part) => (typeof part === "object" ? part.key : part)) };
}
