/**
 * A value as an error message shows it: short, on one line, and never the text of something that could be a token.
 * Strings of up to 32 characters are shown; of a longer one, only its length.
 */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return value.length <= 32 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  }
  if (typeof value === "bigint") return `${value}n`;
  if (value === null || typeof value !== "object") {
    return typeof value === "function" ? "a function" : String(value);
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Promise) return "a Promise that was not awaited";
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" && name !== "Object" && name !== "" ? `a ${name}` : "an object";
}
