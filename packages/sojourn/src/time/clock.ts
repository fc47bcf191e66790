/** Where instants come from. Everything that judges time takes one, so that a test can move it. */
export interface Clock {
  /** The current instant, in whole epoch milliseconds. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = Object.freeze({ now: Date.now });
