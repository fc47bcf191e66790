/** The store contract as data: a case for each thing that `store.ts` promises, numbered by its rules. */
import { faultCases } from "./cases/fault-cases.ts";
import { orderCases } from "./cases/order-cases.ts";
import { ownerCases } from "./cases/owner-cases.ts";
import { pageCases } from "./cases/page-cases.ts";
import { putCases } from "./cases/put-cases.ts";
import { removalCases } from "./cases/removal-cases.ts";
import { stepCases } from "./cases/step-cases.ts";
import { timeCases } from "./cases/time-cases.ts";
import { touchCases } from "./cases/touch-cases.ts";
import { valueCases } from "./cases/value-cases.ts";
import { watchCases } from "./cases/watch-cases.ts";
import type { ContractCase, KeyValueCase } from "./contract-case.ts";

/**
 * All cases of the store contract, by rule. There is no test runner in it: a case has a name and a `run`, which takes
 * a function that opens a store, and rejects with an `Error` that names the rule and shows what was expected.
 *
 * Each run asks for namespaces of its own, so that cases can share a file or a server. The store must hold at least
 * 200 live entries at a time. The instants that the cases give are about a day ahead of the machine's clock.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { storeContract } from "sojourn/testing";
 *
 * // With a test runner: test(`rule ${rule}: ${name}`, () => run(…)) for each. In memory, no store is opened twice.
 * const inPlace = storeContract.filter(({ needs }) => needs !== "two stores");
 * for (const { run } of inPlace) await run(() => memoryStore());
 * console.log(inPlace.length > 20); // true
 * ```
 */
export const storeContract: readonly ContractCase[] = Object.freeze(
  [
    ...timeCases,
    ...putCases,
    ...valueCases,
    ...touchCases,
    ...ownerCases,
    ...orderCases,
    ...removalCases,
    ...pageCases,
    ...stepCases,
    ...faultCases,
    ...watchCases,
  ].sort((a, b) => a.rule - b.rule),
);

/**
 * The cases that need no more than a `KeyValue`; a part of `storeContract`.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { keyValueContract } from "sojourn/testing";
 *
 * for (const { run } of keyValueContract) await run(() => memoryStore());
 * console.log(keyValueContract.length > 5); // true
 * ```
 */
export const keyValueContract: readonly KeyValueCase[] = Object.freeze(
  storeContract.filter((each) => each.needs === "keyvalue"),
);
