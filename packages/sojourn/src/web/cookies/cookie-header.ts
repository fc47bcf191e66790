/**
 * Our own cookie, out of a `Cookie` header: nothing else in there is taken apart.
 *
 * Browsers send `name=value` pairs between semicolons and blanks (RFC 6265bis, 4.2.1). The name is compared exactly, as
 * servers must; it can also occur within another cookie's value, where it does not count.
 */

/** What stands for a cookie that came more than once: which of them is ours cannot be told, so none is. */
export const AMBIGUOUS = "";

/** The value of the cookie; `undefined` if it did not come, {@link AMBIGUOUS} if it came several times. */
export function cookieValue(header: string, nameAndEquals: string): string | undefined {
  const start = nextPair(header, nameAndEquals, 0);
  if (start === -1) return undefined;
  const from = start + nameAndEquals.length;
  const end = header.indexOf(";", from);
  if (end === -1) return header.slice(from).trimEnd();
  return nextPair(header, nameAndEquals, end) === -1 ? header.slice(from, end).trimEnd() : AMBIGUOUS;
}

/** Where the next pair of this name begins. */
function nextPair(header: string, nameAndEquals: string, from: number): number {
  let start = header.indexOf(nameAndEquals, from);
  while (start !== -1 && !beginsPair(header, start)) start = header.indexOf(nameAndEquals, start + 1);
  return start;
}

function beginsPair(header: string, start: number): boolean {
  let before = start - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--;
  return before < 0 || header.charCodeAt(before) === SEMICOLON;
}

const SEMICOLON = 0x3b;
const isBlank = (unit: number): boolean => unit === 0x20 || unit === 0x09;
