/** What the calls of one manager share. */
import type { Mode, Replies, Reply } from "../store/reply.ts";
import type { Entry, GetOptions, Head, Store } from "../store/store.ts";
import type { DataCodec } from "./data.ts";
import type { EventHub } from "./event-hub.ts";
import { endReason } from "./lifecycle.ts";
import type { Policy } from "./options.ts";
import { decodeRecord, sessionHead, type SessionRecord } from "./record.ts";
import type { EndReason, RejectionReason, Session } from "./session.ts";

export interface Context<Data, M extends Mode> {
  readonly store: Store<M>;
  readonly steps: Replies<M>;
  readonly policy: Policy;
  readonly codec: DataCodec<Data, M>;
  readonly events: EventHub<Data>;
}

/** What an entry holds: its record, and its session, which is decoded when it is first asked for. */
export interface Known<Data> extends SessionRecord {
  session: Session<Data> | undefined;
}

/** What an entry holds; remembered with the entry where the store offers it, so that a repeat parses nothing. */
export function known<Data>(entry: Entry): Known<Data> {
  const { memo } = entry;
  if (memo?.decoded !== undefined) return memo.decoded as Known<Data>;
  const made: Known<Data> = { ...decodeRecord(entry), session: undefined };
  if (memo !== undefined) memo.decoded = made;
  return made;
}

/** The session that an entry holds. */
export function sessionOf<Data>(
  context: Context<Data, Mode>,
  entry: Entry,
  made: Known<Data> = known<Data>(entry),
): Session<Data> {
  made.session ??= Object.freeze({ ...sessionHead(entry, made), data: context.codec.decode(entry.value) });
  return made.session;
}

/** For what changes a session, or turns somebody away: no older copy may decide that. */
export const FRESH: GetOptions = Object.freeze({ fresh: true });

/**
 * An answer that is given when no node can answer any more from before what was just changed. On a store that has no
 * older copies, that is now.
 */
export function afterPropagation<M extends Mode, T>(
  { store, steps }: Pick<Context<never, M>, "store" | "steps">,
  answer: T,
): Reply<M, T> {
  return store.propagated === undefined ? steps.of(answer) : steps.chain(store.propagated(), () => steps.of(answer));
}

/** Reports the end of removed sessions: each with its own reason if its time was up, else with the given one. */
export function reportEnds(
  { events }: Pick<Context<never, Mode>, "events">,
  heads: readonly Head[],
  now: number,
  otherwise: EndReason | ((head: Head) => EndReason),
): void {
  if (heads.length === 0 || !events.listens("ended")) return;
  for (const head of heads) {
    const record = readableRecord(head);
    if (record === undefined) continue;
    const reason = endReason(head, record, now, typeof otherwise === "function" ? otherwise(head) : otherwise);
    events.emit("ended", { session: sessionHead(head, record), reason, at: now });
  }
}

/** The record of a head that is already gone. One that is not a session's must not cost the others their report. */
function readableRecord(head: Head): SessionRecord | undefined {
  try {
    return decodeRecord(head);
  } catch {
    return undefined;
  }
}

/** The answer to a token that lets nobody in: absence, which is also reported. */
export function rejected<M extends Mode>(
  { events, steps }: Pick<Context<never, M>, "events" | "steps">,
  reason: RejectionReason,
  id: string | null,
  at: number,
): Reply<M, undefined> {
  if (events.listens("rejected")) events.emit("rejected", { id, reason, at });
  return steps.of(undefined);
}

/** Reports that a change of a session came second. */
export function reportConflict({ events }: Pick<Context<never, Mode>, "events">, id: string, at: number): void {
  if (events.listens("conflicted")) events.emit("conflicted", { id, at });
}

/** How many of removed sessions were live: what the caller ended, not what time had ended before. */
export function countLive(heads: readonly Head[], now: number): number {
  return heads.reduce((live, head) => live + Number(now < head.expiresAt), 0);
}
