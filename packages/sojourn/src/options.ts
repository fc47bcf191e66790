/** Which options a factory knows. A name that is misspelt must not leave a default in its place. */
import { show } from "./show.ts";

/** The names of all options of a type: one that is missing here does not compile. */
export type OptionNames<Options> = { readonly [Name in keyof Required<Options>]: true };

/**
 * Checks that options are an object, and that it has no others than are known.
 *
 * @param name whose options they are, as the message calls it: `createSessions`
 * @throws TypeError that names the first unknown option, and the known one that is nearest
 */
export function checkOptions<Options extends object>(
  name: string,
  given: Options | undefined,
  known: OptionNames<Options>,
): void {
  if (given !== undefined) requireOptions(name, given, known);
}

/** The same for a call that cannot do without options. @throws TypeError as `checkOptions` does, and for `undefined` */
export function requireOptions<Options extends object>(
  name: string,
  given: Options,
  known: OptionNames<Options>,
): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(`Expected the options of \`${name}\` to be an object, got ${show(given)}`);
  }
  for (const option of Object.keys(given)) {
    if (Object.hasOwn(known, option)) continue;
    const names = Object.keys(known);
    const near = nearest(option, names);
    const wanted = near === undefined ? `one of ${names.join(", ")}` : `\`${near}\``;
    throw new TypeError(`Expected an option of \`${name}\`, such as ${wanted}, got ${show(option)}`);
  }
}

/** The name that differs least, if few enough letters differ, or if one begins with the other: `ttl` for `ttlSeconds`. */
function nearest(text: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  const most = Math.max(2, Math.floor(text.length / 3));
  let least = most + 1;
  if (text.length > 64) return undefined;
  for (const name of names) {
    const [a, b] = [text.toLowerCase(), name.toLowerCase()];
    const isPart = Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a));
    const difference = isPart ? Math.min(editDistance(a, b), most) : editDistance(a, b);
    if (difference < least) [best, least] = [name, difference];
  }
  return best;
}

/** How many letters have to be inserted, removed or replaced to make one text of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + Number(a[i] !== b[j]);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
