/** Options for who is told of ends, resolved once. */
import { checkOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import { systemTimer, type Timer } from "../../time/timer.ts";

/** Options of `ends`: what `signal`, `watch` and `on("ended", …, { everywhere: true })` go by. */
export interface EndsOptions {
  /**
   * For how long it may be unknown whether a session still lives: the link to the store is down, the store does not
   * answer. Nothing is told of it earlier. @default "500ms"
   */
  readonly maxStale?: Duration;
  /**
   * What then becomes of what is watched. `"abort"` ends it, with the reason `lost`. `"recheck"` lets it stay, and asks
   * about every session when the store answers again; until then `ends.isCurrent` is `false`.
   * @default "abort"
   */
  readonly onLost?: "abort" | "recheck";
  /**
   * How often a store is asked about each watched session that cannot tell of ends by itself
   * (`guarantees.removalsMs` is `Infinity`). @default "10s"
   */
  readonly poll?: Duration;
  /** What measures time, and waits. @default the machine's */
  readonly timer?: Timer;
}

export interface ResolvedEnds {
  readonly maxStale: number;
  readonly onLost: "abort" | "recheck";
  readonly poll: number;
  readonly timer: Timer;
}

const ENDS_OPTIONS: OptionNames<EndsOptions> = { maxStale: true, onLost: true, poll: true, timer: true };

/** @throws TypeError for an option that is not known, or not what it should be */
export function resolveEnds(options: EndsOptions): ResolvedEnds {
  checkOptions("ends", options, ENDS_OPTIONS);
  const { maxStale = "500ms", onLost = "abort", poll = "10s", timer = systemTimer } = options;
  if (onLost !== "abort" && onLost !== "recheck") {
    throw new TypeError(`Expected \`ends.onLost\` to be "abort" or "recheck", got ${show(onLost)}`);
  }
  if (typeof timer?.after !== "function" || typeof timer.elapsed !== "function") {
    throw new TypeError(`Expected \`ends.timer\` to have \`elapsed()\` and \`after()\`, got ${show(timer)}`);
  }
  return {
    maxStale: parseDuration(maxStale, "ends.maxStale"),
    onLost,
    poll: parseDuration(poll, "ends.poll"),
    timer,
  };
}
