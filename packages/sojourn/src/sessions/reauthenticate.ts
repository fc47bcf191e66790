/** How a user who has proved to be there again is noted: a step-up, and the way out of a lock. */
import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import { run, type Mode, type Steps } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { parseLifetime } from "../time/duration.ts";
import { parseSessionId, type Credential } from "../tokens/token.ts";
import { compareAndSet, type Made } from "./compare-and-set.ts";
import { decodedEntry, sessionOf } from "./decoded-entry.ts";
import { expiryFrom } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { ReauthenticateOptions } from "./options.ts";
import { encodeRecord, type SessionRecord } from "./record.ts";
import { replaceToken, type Replacement } from "./rotate.ts";
import { judge, succession, withoutEndedGraces, withoutSalts } from "./secrets.ts";
import type { Session, SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

const REAUTHENTICATE_OPTIONS: OptionNames<ReauthenticateOptions> = { for: true, rotate: true };

/** `reauthenticate` of a manager. */
export function reauthenticator<Data, M extends Mode>(
  context: ManagerContext<Data, M>,
): Sessions<Data, M>["reauthenticate"] {
  const { store, policy, events } = context;

  const reauthenticate = (idOrToken: string, options: ReauthenticateOptions = {}): unknown => {
    checkOptions("reauthenticate", options, REAUTHENTICATE_OPTIONS);
    const { rotate = false } = options;
    if (typeof rotate !== "boolean") throw new TypeError(`Expected \`rotate\` to be a boolean, got ${show(rotate)}`);
    const lasting = parseLifetime(options.for ?? "5m", "for");
    return run(store.mode, rotate ? withNewToken(idOrToken, lasting) : noted(idOrToken, lasting));
  };
  return reauthenticate as Sessions<Data, M>["reauthenticate"];

  function* noted(id: string, lasting: number): Steps<Session<Data> | undefined> {
    parseSessionId(id);
    const now = policy.clock.now();
    return yield* compareAndSet(context, { id, now, make: (entry) => note(entry, now, lasting) });
  }

  function* withNewToken(token: string | undefined, lasting: number): Steps<SessionWithToken<Data> | undefined> {
    return yield* replaceToken(context, token, (entry, credential, now) => replaced(entry, credential, now, lasting));
  }

  function note(entry: Entry, now: number, lasting: number): Made<Session<Data>> {
    // A token that was replaced before must not lead to one with a step-up.
    const record = withoutSalts(withoutEndedGraces(decodedEntry(entry), now));
    return {
      write: renewal(entry, record, now, lasting),
      stored(next) {
        const session = sessionOf(context, next);
        if (events.listens("reauthenticated")) events.emit("reauthenticated", { session, at: now });
        return session;
      },
    };
  }

  function replaced(entry: Entry, credential: Credential, now: number, lasting: number): Replacement<Data> {
    const verdict = judge(decodedEntry(entry), credential, now);
    if (verdict === "reused") return { answer: "reuse" };
    if (verdict === "unknown") return { answer: "wrong-secret" };
    if (verdict !== "current") return { answer: "replaced" };
    const next = succession(decodedEntry(entry), credential, now, { grace: 0, underway: policy.rotationGrace });
    return {
      write: renewal(entry, next.record, now, lasting),
      stored(changed) {
        const session = sessionOf(context, changed);
        if (events.listens("reauthenticated")) events.emit("reauthenticated", { session, at: now });
        if (events.listens("rotated")) events.emit("rotated", { session, at: now });
        return { token: next.token, ...session };
      },
    };
  }
}

/** Notes the step-up in a record, and starts both lifetimes anew. */
function renewal(
  entry: Entry,
  record: SessionRecord,
  now: number,
  lasting: number,
): Pick<Entry, "meta" | "touchedAt" | "expiresAt"> {
  const renewed: SessionRecord = {
    ...record,
    reauthenticatedUntil: now + lasting,
    absoluteExpiresAt: Math.max(now + record.absoluteTtl, record.absoluteExpiresAt),
  };
  const touchedAt = Math.max(now, entry.touchedAt);
  const expiresAt = Math.max(expiryFrom(now, renewed), entry.expiresAt);
  return { meta: encodeRecord(renewed), touchedAt, expiresAt };
}
