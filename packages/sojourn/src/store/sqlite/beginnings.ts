import { checkBegun } from "../begun.ts";
import type { Begun } from "../store.ts";
import type { ChangeWatch } from "./change-watch.ts";

/**
 * When creations begin, as the namespace's count of changes. A revocation's number is the count after its transaction:
 * whoever begins with that number or a higher one began after it was committed, whoever has a lower one before.
 */
export interface Beginnings {
  /** With a watch, the count is read again only if something was committed. @throws StoreError */
  begin(): Begun;
  /** The count in what `begin` gave. @throws TypeError for what it did not give */
  countIn(begun: Begun): number;
  /** A transaction of the store's own has brought the count here. */
  wrote(changes: number): void;
  /** Whether a transaction was committed is not known. */
  forget(): void;
}

/**
 * @param watch tells that others have changed the database; nobody else asks it
 * @param changes reads the count
 */
export function beginnings(watch: ChangeWatch | undefined, changes: () => number): Beginnings {
  const source = {};
  let known = -1;
  return {
    begin() {
      if (watch === undefined || watch.changed() || known < 0) known = changes();
      return Object.freeze({ source, seen: [known] });
    },
    countIn: (begun) => checkBegun(source, begun).seen[0] ?? 0,
    wrote(count) {
      watch?.wrote();
      // Before the first look it is not known what others have done.
      if (known >= 0) known = Math.max(known, count);
    },
    forget() {
      known = -1;
    },
  };
}
