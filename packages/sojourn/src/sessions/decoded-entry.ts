/** A store's entry, decoded for the calls of a manager. */
import type { Mode } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import type { ManagerContext } from "./manager-context.ts";
import { decodeRecord, sessionHead, type SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { VerifiedSecret } from "./verified-secrets.ts";

/** An entry's record, and its session, which is decoded when it is first asked for. */
export interface DecodedEntry<Data> extends SessionRecord {
  session: Session<Data> | undefined;
  /** The secret of its hash, once somebody has presented it. */
  verified: VerifiedSecret | undefined;
}

/** What an entry holds; remembered with the entry where the store offers it, so that a repeat parses nothing. */
export function decodedEntry<Data>(entry: Entry): DecodedEntry<Data> {
  const { memo } = entry;
  if (memo?.decoded !== undefined) return memo.decoded as DecodedEntry<Data>;
  const decoded: DecodedEntry<Data> = { ...decodeRecord(entry), session: undefined, verified: undefined };
  if (memo !== undefined) memo.decoded = decoded;
  return decoded;
}

/** The session that an entry holds. */
export function sessionOf<Data>(
  context: ManagerContext<Data, Mode>,
  entry: Entry,
  decoded: DecodedEntry<Data> = decodedEntry<Data>(entry),
): Session<Data> {
  return (decoded.session ??= sessionWith(context, entry, decoded));
}

/** The session of an entry whose record is at hand, as after a write: its meta is not decoded for it. */
export function sessionWith<Data>(
  { codec }: Pick<ManagerContext<Data, Mode>, "codec">,
  entry: Entry,
  record: SessionRecord,
): Session<Data> {
  return Object.freeze({ ...sessionHead(entry, record), data: codec.decode(entry.value) });
}
