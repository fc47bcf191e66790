/** What the calls of a `SessionStore` share. */
import type { SessionData } from "express-session";
import { dataCodec, type DataCodec } from "../../sessions/data.ts";
import { replies, type Mode, type Replies } from "../../store/reply.ts";
import type { Entry, Store } from "../../store/store.ts";
import { parseUserId } from "../../tokens/token.ts";
import { KnownEnds, type Beginning } from "./known-ends.ts";
import { UnstoredSessions } from "./held-session.ts";
import { parseFields, type Fields } from "./session-fields.ts";
import type { StorePolicy } from "./store-policy.ts";

/** How often a change that lost against others is made anew, before it is a conflict. */
export const MAX_ATTEMPTS = 64;

export interface Context {
  readonly store: Store;
  readonly steps: Replies<Mode>;
  readonly policy: StorePolicy;
  /** Always synchronous: what is stored is what the session was when it was given. */
  readonly codec: DataCodec<Fields, "sync">;
  readonly ends: KnownEnds;
  readonly unstored: UnstoredSessions;
}

export function sessionContext(store: Store, policy: StorePolicy): Context {
  const codec = dataCodec<Fields, "sync">(undefined, policy.maxDataLength, "sync", replies("sync"));
  const [ends, unstored] = [new KnownEnds(), new UnstoredSessions()];
  return { store, steps: replies(store.mode), policy, codec, ends, unstored };
}

/** What begins now. @throws StoreError */
export function beginning({ store, ends, policy }: Context): Beginning {
  return { begun: store.begin(), place: ends.next(), date: policy.clock.now() };
}

/** The fields of an entry that is a session. @throws StoreError `store_corrupt` */
export function fieldsOf({ codec }: Context, entry: Entry): Fields {
  return codec.copy(entry.value);
}

/** A session as it is now, in JSON within the bounds, and its fields as JSON has them. @throws InvalidDataError */
export function encode({ codec }: Context, session: unknown): { readonly json: string; readonly fields: Fields } {
  const json = codec.encode(session);
  return { json, fields: parseFields(json) };
}

/** Whose session these fields are. @throws TypeError if `owner` answers with neither a user id nor nothing */
export function ownerOf({ policy }: Context, fields: Fields): string | null {
  const owner = policy.owner(fields as unknown as SessionData) ?? null;
  return owner === null ? null : parseUserId(owner);
}
