/** Numbers that look random and come again with their seed. */
export interface Random {
  /** A whole number from 0 up to, not including, `below`. */
  under(below: number): number;
  /** One of several; one that is to come more often is there more often. */
  pick<T>(from: readonly [T, ...T[]]): T;
}

/** Mulberry32, by Tommy Ettinger: 32 bits of state. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const under = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
  return { under, pick: (from) => from[under(from.length)] ?? from[0] };
}
