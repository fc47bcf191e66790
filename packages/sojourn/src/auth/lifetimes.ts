/** How the seconds of these calls become the lifetimes of a manager. */

/** The lifetime that no activity extends, in milliseconds, unless told otherwise. */
const DEFAULT_ABSOLUTE_TTL = 30 * 86_400_000;

/** The default absolute lifetime of sessions with a ttl, both in milliseconds. */
export function defaultAbsoluteTtl(ttl: number): number {
  return Math.max(DEFAULT_ABSOLUTE_TTL, ttl);
}
