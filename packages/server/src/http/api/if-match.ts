/** `If-Match` with the version of a session's data (RFC 9110, section 13.1.1). */
import { Refusal } from "../answer.ts";

const LIST = /^(?:W\/)?"[^"]*"(?:[\t ]*,[\t ]*(?:W\/)?"[^"]*")*$/;

/** The entity tag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * What lets a version pass, or throws a {@link Refusal} (412).
 *
 * @throws Refusal (400) for what is neither `*` nor a list of entity tags
 */
export function ifMatch(header: string | undefined): (version: number) => void {
  const given = header?.trim();
  if (given === undefined || given === "*") return () => undefined;
  if (!LIST.test(given)) throw new Refusal(400, 'Expected If-Match to be *, or versions such as "3"');
  // A weak tag never matches: it still begins with W/.
  const tags: readonly string[] = given.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return (version) => {
    if (tags.includes(etagOf(version))) return;
    throw new Refusal(412, "The session's data has another version by now", undefined, "version_mismatch");
  };
}
