/** Random and mutated headers, the same for one seed. */
export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
}

/** A small generator (xorshift32): it only has to repeat. */
export function random(seed: number): Random {
  let state = seed | 0 || 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  return { below, pick: (items) => items[below(items.length)] as never };
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split("");
const ODD = [
  '"',
  ";",
  "=",
  " ",
  ",",
  ".",
  "\t",
  "%00",
  "\0",
  "\r\n",
  "\\",
  "ä",
  "\u{1f36a}",
  "\ud800",
  "__proto__",
  "sess_",
];
const NAMES = ["__Host-session", "session", "__host-session", "a", "__Host-session2", ""];

/** A text of the shape of a credential, with a signature that nobody made. */
function credential({ below, pick }: Random): string {
  const text = (length: number): string => {
    let made = "";
    while (made.length < length) made += pick(ALPHABET);
    return made;
  };
  return `sess_${text(pick([65, 86, 64, 0]))}${pick([".", ".", ".", "", ".."])}${text(pick([43, 43, 43, 42, 0, 300]))}${below(9) === 0 ? "=" : ""}`;
}

/** A text with one to four changes: characters changed, dropped, doubled, put in, or the text cut, turned, repeated. */
function mutated(text: string, from: Random): string {
  const { below, pick } = from;
  let changed = text;
  for (let count = 1 + below(4); count > 0; count--) {
    const at = below(changed.length + 1);
    const [before, after] = [changed.slice(0, at), changed.slice(at)];
    switch (below(8)) {
      case 0:
        changed = before + pick(ALPHABET) + after.slice(1);
        break;
      case 1:
        changed = before + after.slice(1 + below(3));
        break;
      case 2:
        changed = before + pick(ODD) + after;
        break;
      case 3:
        changed = before;
        break;
      case 4:
        changed = after + before;
        break;
      case 5:
        changed = `${changed}; ${changed}`;
        break;
      case 6:
        changed = before + after.toUpperCase();
        break;
      default:
        changed = before + pick(ODD).repeat(1 + below(40)) + after;
    }
  }
  return changed;
}

/** A `Cookie` header. */
export function cookieHeader(valid: string, from: Random): string {
  const { below, pick } = from;
  switch (below(4)) {
    case 0:
      return `${pick(NAMES)}=${credential(from)}`;
    case 1:
      return Array.from({ length: below(6) }, () => `${pick(NAMES)}=${credential(from)}`).join(pick(["; ", ";", ", "]));
    default:
      return mutated(valid, from);
  }
}

/** An `Authorization` header. */
export function authorizationHeader(valid: string, from: Random): string {
  const { below, pick } = from;
  return below(3) === 0
    ? `${pick(["Bearer ", "bearer  ", "Bearer", "Basic "])}${credential(from)}`
    : mutated(valid, from);
}
