/** A guard against guessed tokens: it is told of each failure, and can refuse further look-ups. */
import { TooManyAttemptsError } from "../../errors.ts";
import type { CarrierKind } from "./carrier.ts";
import type { IncomingRequest } from "./http-messages.ts";

/**
 * A credential that let nobody in. Nothing of the credential is in it.
 *
 * - `malformed`: it cannot be one of ours, or it came several times
 * - `forged`: it has the right shape, and no key has signed it
 * - `not-live`: it was signed here, and its session has ended
 */
export interface LookupFailure {
  readonly reason: "malformed" | "forged" | "not-live";
  readonly carrier: CarrierKind;
  /** Where the request came from, as the framework knows it; `undefined` if it does not. */
  readonly address: string | undefined;
  /** In epoch milliseconds. */
  readonly at: number;
}

/** A counter of failed look-ups by address, for example. */
export interface LookupGuard {
  /**
   * Whether a credential from this address may be looked at: `false`, or after how many seconds to try again, refuses
   * the request (`too_many_attempts`, 429) before it is verified and before a store is asked. A request without a
   * credential is not asked about.
   */
  readonly admits?: (address: string | undefined) => boolean | { readonly retryAfter: number };
  /** Told of each credential that let nobody in. What it throws, the request fails with. */
  readonly failed?: (failure: LookupFailure) => void;
}

/** @throws TooManyAttemptsError if the guard refuses */
export function checkAdmitted(guard: LookupGuard, address: string | undefined): void {
  const verdict = guard.admits?.(address) ?? true;
  if (verdict === true) return;
  throw new TooManyAttemptsError(
    "Too many credentials from this address let nobody in",
    verdict === false ? undefined : verdict.retryAfter,
  );
}

/** Where a request came from: as the adapter says, or else what Node knows of the socket. */
export function addressOf(
  request: IncomingRequest,
  given: string | undefined | (() => string | undefined),
): string | undefined {
  const { socket } = request as { readonly socket?: { readonly remoteAddress?: string | undefined } };
  return (typeof given === "function" ? given() : given) ?? socket?.remoteAddress;
}
