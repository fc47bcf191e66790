/** Whether all that was to be told has been, up to a short time ago: as the near cache's link, for who is told of ends. */
import type { Watch } from "../../store/store.ts";
import { isWithin, type Moment } from "../../time/moment.ts";

/** The way by which ends come. */
export interface EndLink {
  /** Whether all that was acknowledged up to a short time ago has been told. */
  isFresh(): boolean;
  /** Resolves when all that was acknowledged before this call has been told. @throws StoreError if that cannot be proven */
  prove(): Promise<void>;
  close(): void;
}

export interface EndLinkOptions {
  /**
   * For how long a proof counts, in milliseconds; `Infinity` where ends are told in the very step in which they happen, and
   * only a store that is closed proves nothing.
   */
  readonly span: number;
  readonly present: () => Moment;
  /** The time that was waited, as a `Pulse` counts it. */
  readonly waited: () => number;
  /** Called with each proof, and with the time that had been waited when it was asked for. */
  readonly onProven: (askedAt: number) => void;
}

export function endLink(watch: Watch, { span, present, waited, onProven }: EndLinkOptions): EndLink {
  let proven: Moment | undefined;
  let hasFailed = false;
  let running: Promise<void> | undefined;

  async function ask(): Promise<void> {
    // What counts is the moment before the question: all that was acknowledged up to then is known here.
    const before = present();
    const askedAt = waited();
    try {
      // Within a promise: it is under way when it fails, also where a store of somebody's own throws.
      await (async () => watch.confirm())();
      proven = before;
      hasFailed = false;
      onProven(askedAt);
    } catch (error) {
      hasFailed = true;
      throw error;
    } finally {
      running = undefined;
    }
  }

  /** All who waited for it share the next question, which the first of them asks. */
  async function next(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    return (running ??= ask());
  }

  return {
    isFresh: () =>
      span === Number.POSITIVE_INFINITY ? !hasFailed : proven !== undefined && isWithin(span, proven, present()),
    // The question that is under way began too early for whoever comes now.
    prove: async () => (running === undefined ? (running = ask()) : next(running)),
    close() {
      watch.close().catch(() => undefined);
    },
  };
}
