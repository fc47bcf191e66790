/** Law 11: whoever asks for more than the store guarantees is refused at the start, not surprised later. */
import { GuaranteeError } from "../errors.ts";
import type { Guarantees } from "../store/store.ts";
import type { Requirements } from "./options.ts";

const DURABILITIES = ["none", "process", "power"] as const;

/** @throws GuaranteeError that lists everything that is not met */
export function checkRequirements(guarantees: Guarantees, wanted: Requirements): void {
  const unmet: string[] = [];
  const { durability = "none", staleMs = Number.POSITIVE_INFINITY } = wanted;
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
  if (unmet.length > 0) throw new GuaranteeError(`The store does not guarantee what is required: ${unmet.join("; ")}`);
}
