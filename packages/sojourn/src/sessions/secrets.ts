/**
 * What a presented secret is to a session, and how one secret follows another: pure functions.
 *
 * The new secret is computed from the old one and a salt that the session keeps for the grace, so that whoever repeats
 * the rotation with the old token meanwhile (a second tab, a lost reply) gets the same new token, and nobody else can
 * compute it. After its grace every former secret is theft, however long ago it was replaced.
 */
import { ConflictError } from "../errors.ts";
import { equalDigests } from "../tokens/crypto.ts";
import { hashOf, rotationSalt, succeedingToken, wasOwn, type Credential } from "../tokens/token.ts";
import { MAX_REPLACED, type ReplacedSecret, type SessionRecord } from "./record.ts";

/** For how many replaced secrets there is room in a session of before there were keys. Its former secrets are known only as long as they are kept. */
const MAX_REPLACED_WITHOUT_KEY = 2;

/**
 * What a presented secret is to a session. `replaced` is one that a rotation without grace has just replaced: it does
 * not work, but a request that was on its way with it is no theft.
 */
export type Verdict = "current" | "in-grace" | "replaced" | "reused" | "unknown";

/** Judges a presented credential. All comparisons take the same time wherever they differ. */
export function judge(record: SessionRecord, credential: Credential, now: number): Verdict {
  if (equalDigests(record.hash, hashOf(credential))) return "current";
  const old = replacedSecret(record, credential);
  if (old !== undefined && now < old.graceUntil) return old.works ? "in-grace" : "replaced";
  return old !== undefined || wasOwn(credential, record.key) ? "reused" : "unknown";
}

/** What the record still has of the secret of a credential. */
export function replacedSecret(record: SessionRecord, credential: Credential): ReplacedSecret | undefined {
  const hash = hashOf(credential);
  return record.previous.find((old) => equalDigests(old.hash, hash));
}

/** What a rotation makes: the new token, and the record that knows it. */
export interface Succession {
  readonly token: string;
  readonly record: SessionRecord;
}

/**
 * Replaces the current secret.
 *
 * @param grace for how long the old one still works, in milliseconds; with 0 no token that was replaced before can
 *   lead to the new one either
 * @param underway with a grace of 0, for how long the old one is refused and not yet theft, in milliseconds
 * @throws ConflictError if the graces of as many secrets still run as a record has room for; none is cut short
 */
export function succession(
  record: SessionRecord,
  current: Credential,
  now: number,
  { grace, underway }: { readonly grace: number; readonly underway: number },
): Succession {
  const salt = rotationSalt();
  const { token, hash } = succeedingToken(current, salt, record.key);
  const before = withoutEndedGraces(grace === 0 ? withoutSalts(record) : record, now).previous;
  const running = before.filter(({ works, graceUntil }) => works && now < graceUntil);
  const room = record.key === undefined ? MAX_REPLACED_WITHOUT_KEY : MAX_REPLACED;
  if (running.length >= room) {
    throw new ConflictError(`The session's token was replaced ${room} times within the grace of the first`);
  }
  const works = grace > 0;
  const graceUntil = now + (works ? grace : underway);
  const replaced: ReplacedSecret = { hash: record.hash, salt: works ? salt : undefined, graceUntil, works };
  const isKept = works || underway > 0 || record.key === undefined;
  return { token, record: { ...record, hash, previous: isKept ? withinRoom([replaced, ...before], room) : before } };
}

/** Where there are too many, the oldest that does not work goes: from then on its use is theft. */
function withinRoom(previous: readonly ReplacedSecret[], room: number): readonly ReplacedSecret[] {
  if (previous.length <= room) return previous;
  const oldest = previous.findLastIndex(({ works }) => !works);
  return oldest === -1 ? previous.slice(0, room) : withinRoom(previous.toSpliced(oldest, 1), room);
}

/** The current token, computed from one in its grace, over every rotation since; `undefined` where that is cut off. */
export function currentToken(record: SessionRecord, inGrace: Credential): string | undefined {
  const hash = hashOf(inGrace);
  const place = record.previous.findIndex((old) => equalDigests(old.hash, hash));
  let token: string | undefined;
  let credential = inGrace;
  for (const { salt } of record.previous.slice(0, place + 1).toReversed()) {
    if (salt === undefined) return undefined;
    ({ token, ...credential } = succeedingToken(credential, salt, record.key));
  }
  return token;
}

/**
 * The record without what only a running grace needs. Until it is written, a salt is there: whoever has a copy of
 * the store and the secret that was replaced can compute the current one.
 */
export function withoutEndedGraces<Record extends SessionRecord>(record: Record, now: number): Record | SessionRecord {
  if (record.previous.every((old) => now < old.graceUntil || (record.key === undefined && old.salt === undefined))) {
    return record;
  }
  const previous =
    record.key === undefined
      ? record.previous.map((old) => (now < old.graceUntil ? old : { ...old, salt: undefined }))
      : record.previous.filter((old) => now < old.graceUntil);
  return { ...record, previous };
}

/** The record in which no replaced secret leads to the current one any more. Their graces run on. */
export function withoutSalts(record: SessionRecord): SessionRecord {
  return { ...record, previous: record.previous.map((old) => ({ ...old, salt: undefined })) };
}
