/**
 * What a manager asks of its store. Law 11: whoever asks for more than the store guarantees is refused at the start,
 * not surprised later.
 */
import { GuaranteeError } from "../errors.ts";
import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import type { Guarantees, Store } from "../store/store.ts";

/** The least that a store has to guarantee. */
export interface Requirements {
  /** `"process"` is met by `"power"` as well. */
  readonly durability?: Guarantees["durability"];
  readonly atomic?: true;
  /** The most milliseconds that an answer may be out of date. */
  readonly staleMs?: number;
  readonly evicts?: false;
  readonly failoverLoss?: false;
  readonly exactOrder?: true;
  /** The most milliseconds within which the store tells of a removal; any number refuses a store that cannot tell. */
  readonly removalsMs?: number;
}

const REQUIREMENTS: OptionNames<Requirements> = {
  durability: true,
  atomic: true,
  staleMs: true,
  evicts: true,
  failoverLoss: true,
  exactOrder: true,
  removalsMs: true,
};
const DURABILITIES = ["none", "process", "power"] as const;

/** @throws GuaranteeError that lists everything that is not met */
export function checkRequirements(guarantees: Guarantees, wanted: Requirements): void {
  checkOptions("require", wanted, REQUIREMENTS);
  const unmet: string[] = [];
  const { durability = "none", staleMs = Number.POSITIVE_INFINITY, removalsMs = Number.POSITIVE_INFINITY } = wanted;
  if (DURABILITIES.indexOf(guarantees.durability) < DURABILITIES.indexOf(durability)) {
    unmet.push(`durability "${durability}" (it has "${guarantees.durability}")`);
  }
  if (wanted.atomic === true && !guarantees.atomic) unmet.push("atomic calls");
  if (guarantees.staleMs > staleMs)
    unmet.push(`answers at most ${staleMs} ms old (its are up to ${guarantees.staleMs})`);
  if (wanted.evicts === false && guarantees.evicts) unmet.push("no eviction of live sessions");
  if (wanted.failoverLoss === false && guarantees.failoverLoss)
    unmet.push("no loss of acknowledged writes in a failover");
  if (wanted.exactOrder === true && !guarantees.exactOrder) unmet.push("an exact order of revocations and logins");
  if (guarantees.removalsMs > removalsMs) {
    const soonest = Number.isFinite(guarantees.removalsMs) ? `within ${guarantees.removalsMs}` : "of none";
    unmet.push(`removals told within ${removalsMs} ms (it tells ${soonest})`);
  }
  if (unmet.length > 0) throw new GuaranteeError(`The store does not guarantee what is required: ${unmet.join("; ")}`);
}

/** @throws TypeError for what is not a store, or none that sessions can stand on */
export function checkStore(store: Store): void {
  if (typeof store?.get !== "function" || typeof store.put !== "function") {
    throw new TypeError(`Expected \`store\` to be a store, got ${show(store)}`);
  }
  if (typeof store.revokeOwner !== "function" || typeof store.touch !== "function") {
    throw new TypeError(
      "Expected a store that sessions can stand on, got a key-value store: where a delete or a compare-and-set is " +
        "not seen by everybody at once, a logout would not be one. Use it with storage.kv",
    );
  }
}
