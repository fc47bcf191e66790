/**
 * The instants by which `destroyByUser` tells sessions that were there, or on their way, from those that come after.
 *
 * A floor refuses whatever was created at or before it. So a creation is stamped after the last floor of this
 * manager, and a floor is set at or after the last creation that it has stamped, also when both happen within one
 * millisecond, or the clock has jumped back. Expiry is reckoned from the clock, never from a stamp.
 */
export interface Stamps {
  /** The `createdAt` of a session that is being started: now, but after the last floor and not before `earliest`. */
  creation(now: number, earliest?: number): number;
  /** The floor of a `destroyByUser`. */
  floor(now: number): number;
}

export function stamps(): Stamps {
  let lastCreation = Number.NEGATIVE_INFINITY;
  let lastFloor = Number.NEGATIVE_INFINITY;
  return {
    creation(now, earliest = now) {
      const stamp = Math.max(now, earliest, lastFloor + 1);
      lastCreation = Math.max(lastCreation, stamp);
      return stamp;
    },
    floor: (now) => (lastFloor = Math.max(now, lastCreation)),
  };
}
