/** The kit's own assertions: it has to run under any test runner, in any runtime. */

/** @throws Error that shows where they differ, and both, if they are not deeply equal */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const path = difference(actual, expected);
  if (path === undefined) return;
  const where = path === "" ? "" : `, at ${path.replace(/^\./, "")}`;
  throw new Error(`${what}${where}: expected ${format(expected)}, got ${format(actual)}`);
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

/**
 * The path to the first difference between plain data, `""` for the whole; `undefined` if they are equal. A
 * `Uint8Array` equals another with the same bytes, whatever its class.
 */
function difference(a: unknown, b: unknown): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return "";
  if (a instanceof Uint8Array || b instanceof Uint8Array) return areSameBytes(a, b) ? undefined : "";
  if (Array.isArray(a) !== Array.isArray(b)) return "";
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!Object.hasOwn(a, key) || !Object.hasOwn(b, key)) return Array.isArray(a) ? "" : `.${key}`;
    const path = difference(Reflect.get(a, key), Reflect.get(b, key));
    if (path !== undefined) return `${Array.isArray(a) ? `[${key}]` : `.${key}`}${path}`;
  }
  return undefined;
}

function areSameBytes(a: unknown, b: unknown): boolean {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return false;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
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
