/**
 * The instants by which `destroyByUser` tells sessions that were there, or on their way, from those that come after.
 *
 * A floor refuses whatever was created at or before it. So a creation is stamped after the last floor of this
 * manager, and a floor is set at or after the last creation that it has stamped, also when both happen within one
 * millisecond, or the clock has jumped back. Expiry is reckoned from the clock, never from a stamp.
 */
export interface Stamps {
  /** The `createdAt` of a session whose creation begins now. */
  creation(now: number): number;
  /**
   * A stamp, raised so that its session is younger than one that it has seen. A stamp that a floor has meanwhile
   * overtaken stays, so that the floor still refuses it.
   */
  after(stamp: number, youngest: number | undefined): number;
  /** The floor of a `destroyByUser`. */
  floor(now: number): number;
}

export function stamps(): Stamps {
  let lastCreation = Number.NEGATIVE_INFINITY;
  let lastFloor = Number.NEGATIVE_INFINITY;
  function stamped(stamp: number): number {
    lastCreation = Math.max(lastCreation, stamp);
    return stamp;
  }
  return {
    creation: (now) => stamped(Math.max(now, lastFloor + 1)),
    after: (stamp, youngest = stamp - 1) => (stamp <= lastFloor ? stamp : stamped(Math.max(stamp, youngest + 1))),
    floor: (now) => (lastFloor = Math.max(now, lastCreation)),
  };
}
