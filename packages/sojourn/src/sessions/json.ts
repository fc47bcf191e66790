/** Session data as JSON text, and back. */
import { InvalidDataError, StoreError } from "../errors.ts";
import { show } from "../show.ts";

/** The deepest nesting of data. Far beyond any use, and far below where a recursion would end the process. */
const MAX_DEPTH = 256;

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
