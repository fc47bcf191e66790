import type { ShardStorage } from "./durable-object.ts";

/** The furthest alarm that is set, in milliseconds from now: the runtime takes none of a far future. */
const LONGEST = 30 * 86_400_000;
/** So long after its time, in milliseconds, an alarm will not come: the runtime gives one up after several failures. */
const LOST = 600_000;

/** The alarm of one Durable Object, and what is known of it. */
export interface ReclaimAlarm {
  /**
   * Sees to it that the alarm rings when an entry that is due then can be reclaimed, or before.
   *
   * @returns `undefined` if it does already
   */
  cover(dueAt: number, now: number): Promise<void> | undefined;
  /** It has rung: there is none any more, and the next one is not to ring before an instant. */
  rang(notBefore: number): void;
}

export function reclaimAlarm(storage: ShardStorage): ReclaimAlarm {
  /** `undefined`: not known. `null`: there is none. */
  let setFor: number | null | undefined;
  let earliest = Number.NEGATIVE_INFINITY;

  function covers(at: number, now: number): boolean {
    return typeof setFor === "number" && setFor <= at && now < setFor + LOST;
  }

  async function set(at: number, now: number): Promise<void> {
    if (setFor === undefined) setFor = await storage.getAlarm();
    if (covers(at, now)) return;
    setFor = at;
    try {
      await storage.setAlarm(at);
    } catch (error) {
      setFor = undefined;
      throw error;
    }
  }

  return {
    cover(dueAt, now) {
      const at = Math.min(Math.max(dueAt, earliest, now), now + LONGEST);
      return covers(at, now) ? undefined : set(at, now);
    },
    rang(notBefore) {
      setFor = null;
      earliest = notBefore;
    },
  };
}
