/**
 * Strings as SQLite and Redis can keep them. They store UTF-8, in which a lone surrogate has no place: drivers put U+FFFD there,
 * so that two different keys would become one. And some drivers read a text up to its first NUL. Such a character is
 * therefore kept as U+10FFFF and its four hexadecimal digits, and so is U+10FFFF itself, a noncharacter that no text
 * should hold. Every other string is kept as it is.
 */
const MARK = "\u{10FFFF}";
const UNSTORABLE = /[\0\u{10FFFF}\p{Surrogate}]/u;
const EACH_UNSTORABLE = /[\0\u{10FFFF}\p{Surrogate}]/gu;
const EACH_MARKED = /\u{10FFFF}([0-9a-f]{4})/gu;

/** A string as it is stored. */
export function toStored(text: string): string {
  if (!UNSTORABLE.test(text)) return text;
  return text.replace(EACH_UNSTORABLE, (character) => {
    return MARK + (character === MARK ? "ffff" : character.charCodeAt(0).toString(16).padStart(4, "0"));
  });
}

/** A stored string as it was given. */
export function fromStored(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replace(EACH_MARKED, (_, digits: string) => {
    return digits === "ffff" ? MARK : String.fromCharCode(Number.parseInt(digits, 16));
  });
}

/** The least stored string above all that begin with this one; `undefined` if there is none. */
export function endOfPrefix(stored: string): string | undefined {
  const points = Array.from(stored, (character) => character.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // SQLite compares bytes of UTF-8, which is the order of code points; surrogates are not among them.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
