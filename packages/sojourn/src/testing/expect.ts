/** The kit's own assertions: it has to run under any test runner, in any runtime. */

/** @throws Error that shows both, if they are not deeply equal */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!isEqual(actual, expected)) throw new Error(`${what}: expected ${format(expected)}, got ${format(actual)}`);
}

/** @throws Error if the condition does not hold */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Runs a call that must fail with a `TypeError`, thrown or as a rejection. */
export async function refuses(call: () => unknown, what: string): Promise<void> {
  const error = await failureOf(call, what);
  if (!(error instanceof TypeError)) throw new Error(`${what}: expected a TypeError, got ${String(error)}`);
}

/** Runs a call that must fail with an error of this `code`, thrown or as a rejection. */
export async function fails(call: () => unknown, code: string, what: string): Promise<void> {
  const error = await failureOf(call, what);
  const actual: unknown = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (actual !== code) throw new Error(`${what}: expected an error with the code ${code}, got ${String(error)}`);
}

async function failureOf(call: () => unknown, what: string): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await call();
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: expected an error, got ${format(answer)}`);
}

/** Deep equality of plain data and bytes. A `Uint8Array` equals another with the same bytes, whatever its class. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return false;
    return a.length === b.length && a.every((byte, index) => byte === b[index]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isEqual(Reflect.get(a, key), Reflect.get(b, key)));
}

const LONGEST = 300;

function format(value: unknown): string {
  if (value === undefined) return "undefined";
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Uint8Array) return `${part.length} bytes [${part.slice(0, 8).join(" ")} …]`;
    if (typeof part === "string" && part.length > 80) return `${part.slice(0, 80)}… (${part.length} characters)`;
    return part === undefined ? "(undefined)" : part;
  });
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
