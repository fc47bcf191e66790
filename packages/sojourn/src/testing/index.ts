/** For tests: a clock and a timer that are moved by hand, stores that fail on purpose, and the store contract as data. */
export { manualClock, type ManualClock } from "../time/manual-clock.ts";
export { manualTimer, type ManualTimer } from "../time/manual-timer.ts";
export { asyncStore, type AsyncStoreOptions } from "./async-store.ts";
export type { ContractCase, KeyValueCase, OpenOptions, OpenStore, StoreCase } from "./contract-case.ts";
export { keyValueContract, storeContract } from "./contract.ts";
export { faultyStore, gate, type Fault, type Gate, type StoreCall } from "./faulty-store.ts";
