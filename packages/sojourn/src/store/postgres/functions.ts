/**
 * The functions that change something: each call of the store is one statement, and so one transaction.
 *
 * They are functions, not statements with several parts, because each statement in a function of READ COMMITTED sees what
 * was committed before it began. The parts of one statement all see what was there before the first: a login would look
 * for a revocation that it has just waited for, and not find it. For the same reason they refuse every other isolation
 * level: there, a lock is waited for with an old view.
 *
 * What is locked, in the order in which everybody locks: the owner (an advisory lock of the transaction: shared by puts,
 * alone by a revocation), then entries, then one row of the total, then the row of the namespace. An entry that others
 * hold is not waited for by a sweep. The number of an advisory lock is a hash of the owner; where it meets a lock of
 * the application's, one waits for the other.
 *
 * Their names end in a version, since processes of an old and a new version of the library run side by side.
 */
import { entryFunctions } from "./entry-functions.ts";
import { manyFunctions } from "./many-functions.ts";
import { namespaceFunctions } from "./namespace-functions.ts";
import { watchFunctions } from "./watch-functions.ts";

/** @param s the schema */
export const functions = (s: string): string =>
  [namespaceFunctions(s), entryFunctions(s), manyFunctions(s), watchFunctions(s)].join("\n");
