/** Session data: validated before it is stored, frozen when it is returned. */
import type { Mode } from "../store/reply.ts";
import { fromJson, toStrictJson } from "./json.ts";
import type { Policy } from "./options.ts";
import { checkSchema, validated, type StandardSchema } from "./standard-schema.ts";

/** How a manager reads and writes data. */
export interface DataCodec<Data> {
  /**
   * The JSON of data that the schema, if there is one, has let through; later, where the schema answers later. Data of
   * nobody has a limit of its own.
   *
   * @throws InvalidDataError
   */
  encode(data: unknown, owner: string | null): string | Promise<string>;
  /** The data of a value, deeply frozen. @throws StoreError `store_corrupt` */
  decode(value: string | Uint8Array): Readonly<Data>;
  /** The data of a value, for the caller to change. @throws StoreError `store_corrupt` */
  copy(value: string | Uint8Array): Data;
}

/** @throws TypeError if the schema is not a Standard Schema */
export function dataCodec<Data>(
  schema: StandardSchema<Data> | undefined,
  policy: Pick<Policy, "maxDataLength" | "maxAnonymousDataLength">,
  mode: Mode,
): DataCodec<Data> {
  checkSchema(schema);
  return {
    encode(data, owner) {
      const maxLength = owner === null ? policy.maxAnonymousDataLength : policy.maxDataLength;
      if (schema === undefined) return toStrictJson(data, maxLength);
      const valid = validated(schema, data, mode);
      return valid instanceof Promise
        ? valid.then((output) => toStrictJson(output, maxLength))
        : toStrictJson(valid.output, maxLength);
    },
    decode: (value) => freezeDeep(fromJson(value) as Data),
    copy: (value) => fromJson(value) as Data,
  };
}

function freezeDeep<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const key in value) freezeDeep(value[key]);
    Object.freeze(value);
  }
  return value;
}
