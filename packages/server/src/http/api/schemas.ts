/**
 * What the API takes and gives. The `error` of a schema goes on where `Expected … to be` ends, and what a schema checks by
 * a function is told to the document by its `meta`.
 */
import { isSessionId, parseToken, parseUserId } from "sojourn";
import * as z from "zod";

/** Whether a parser of the library's takes a text: what a token is, or an id, is decided there. */
function takes(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      return parse(text) !== false;
    } catch {
      return false;
    }
  };
}

const expecting = (expected: string): { readonly error: string } => ({ error: expected });

const TOKEN = expecting("a token of 1 to 128 characters");
/** A token that somebody presents. */
export const token = z
  .string(TOKEN)
  .refine(takes(parseToken), TOKEN)
  .meta({ minLength: 1, maxLength: 128, description: "What the client holds. A secret: never in a URL." });

const OWN_TOKEN = expecting("a token of the caller's own, of 1 to 128 characters, without the shape of a minted one");
/** A token that a caller brings: whoever knows an id could start a session under it if it had the minted shape. */
const ownToken = z
  .string(OWN_TOKEN)
  .refine(takes(parseToken), OWN_TOKEN)
  .refine(
    takes((text) => (isSessionId(text), true)),
    OWN_TOKEN,
  )
  .meta({ minLength: 1, maxLength: 128, description: "A token that the caller brings, in place of a new one." });

const ID = expecting("a session id: sess_ and 22 or 43 characters of base64url");
export const sessionId = z.string(ID).refine(takes(isSessionId), ID).meta({
  pattern: "^sess_(?:[A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{43})$",
  description: "The session's public handle. It stays the same when the token is rotated.",
});

const USER = expecting("a user id of 1 to 1,024 characters without NUL, and neither . nor ..");
export const userId = z
  .string(USER)
  .refine(takes(parseUserId), USER)
  // No path can hold these as a segment, not even percent-encoded: nobody could end that user's sessions.
  .refine((text) => text !== "." && text !== "..", USER)
  .meta({ minLength: 1, maxLength: 1024, description: "Whose session it is." });

/** A thousand years, the longest duration of the library. */
const LONGEST = 31_536_000_000_000;

function duration(least: number, description: string) {
  const error = expecting(`a duration in whole milliseconds, ${least} to ${LONGEST}`);
  return z.int(error).min(least, error).max(LONGEST, error).meta({ description });
}

const instant = (description: string) => z.int().meta({ description: `${description} In epoch milliseconds.` });

const DATA = expecting("an object");
/** Passed on as it is: the library checks it, and a copy by a schema would lose what the schema does not foresee. */
const data = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    DATA,
  )
  .meta({ type: "object", description: "The session's data: any JSON object." });

const DEVICE = expecting("an object of ip and userAgent, both texts");
export const device = z
  .strictObject(
    {
      ip: z.string(expecting("a text")).exactOptional().meta({ description: "64 characters are kept." }),
      userAgent: z.string(expecting("a text")).exactOptional().meta({ description: "256 characters are kept." }),
    },
    { error: (issue) => (issue.code === "invalid_type" ? DEVICE.error : undefined) },
  )
  .meta({ id: "Device", description: "Where a session was started from." });

const head = {
  id: sessionId,
  userId: z.string().nullable().meta({ description: "Whose session it is; null for an anonymous one." }),
  createdAt: instant("When it was started."),
  lastAccessedAt: instant("When its expiry was last moved."),
  expiresAt: instant("The first instant at which it is no longer live."),
  absoluteExpiresAt: instant("The instant that no activity extends it beyond."),
  version: z.int().min(1).meta({ description: "Counts the changes of its data." }),
  reauthenticatedUntil: instant("Until when its user counts as just authenticated.").exactOptional(),
  device: device.exactOptional(),
};

export const sessionHead = z.object(head).meta({ id: "SessionHead", description: "A session without its data." });
const whole = {
  ...head,
  data,
  locked: z.literal(true).exactOptional().meta({ description: "It waits for a re-authentication." }),
};
export const session = z.object(whole).meta({ id: "Session", description: "A live session." });
export const sessionWithToken = z
  .object({ ...whole, token: z.string().meta({ description: "For the client to keep. It is shown here only." }) })
  .meta({ id: "SessionWithToken", description: "A session and its token." });

const next = z.string().optional().meta({ description: "What to give as `after` for the page behind this one." });
export const heads = z.object({ items: z.array(sessionHead).readonly(), next }).meta({ id: "SessionHeads" });
export const ofUser = z.object({ items: z.array(session).readonly(), next }).meta({ id: "Sessions" });

export const ended = z
  .object({ ended: z.int().min(0).meta({ description: "How many live sessions ended." }) })
  .meta({ id: "Ended" });
export const count = z.object({ count: z.int().min(0) }).meta({ id: "Count" });

export const explanation = z
  .discriminatedUnion("state", [
    z.object({
      state: z.literal("live"),
      session: sessionHead,
      idleLeft: z.int().meta({ description: "Milliseconds until it expires if it is not used." }),
      absoluteLeft: z.int().meta({ description: "Milliseconds until it expires whatever happens." }),
      token: z.enum(["current", "replaced"]),
      locked: z.boolean(),
    }),
    z.object({
      state: z.literal("expired"),
      reason: z.enum(["expired-idle", "expired-absolute"]),
      at: instant("When its time was up."),
      id: sessionId,
    }),
    z.object({
      state: z.literal("replaced-token"),
      id: sessionId,
      graceEndedAt: instant("When its grace ended.").exactOptional(),
    }),
    z.object({ state: z.literal("wrong-secret"), id: sessionId }),
    z.object({ state: z.literal("malformed") }),
    z.object({ state: z.literal("unknown-or-ended") }),
  ])
  .meta({ id: "Explanation", description: "Why a token is, or is not, a live session's." });

export const problem = z
  .object({
    type: z.string().meta({ description: "urn:sojourn:problem: and the code." }),
    status: z.int(),
    detail: z.string().meta({ description: "For people. It may change." }),
    code: z.string().meta({ description: "For programs. It stays the same." }),
  })
  .meta({ id: "Problem", description: "What is wrong (RFC 9457)." });

const USER_OR_NULL = expecting("a user id of 1 to 1,024 characters, or null");
const flag = (description: string) => z.boolean(expecting("true or false")).exactOptional().meta({ description });
const grace = duration(0, "For how long the old token still works; 0 for not at all.").refine(
  (value) => value === 0 || value >= 1_000,
  expecting("0, or a duration of at least 1000 milliseconds"),
);
const stepUp = duration(60_000, "For how long that counts. By default 5 minutes.").exactOptional();

export const startBody = z
  .strictObject({
    userId: z.union([userId, z.null()], USER_OR_NULL).meta({ description: "Whose session it is to be." }),
    data: data.exactOptional(),
    device: device.exactOptional(),
    ttl: duration(60_000, "How long it lives if it is not used.").exactOptional(),
    absoluteTtl: duration(60_000, "How long it lives whatever happens.").exactOptional(),
    token: ownToken.exactOptional(),
  })
  .meta({ id: "Start" });
export const tokenBody = z.strictObject({ token }).meta({ id: "OfToken" });
export const authenticateBody = z
  .strictObject({
    token,
    extend: flag("false looks without extending. By default true."),
    allowLocked: flag("true gets a locked session as well. By default false."),
  })
  .meta({ id: "Authenticate" });
export const rotateBody = z.strictObject({ token, grace: grace.exactOptional() }).meta({ id: "Rotate" });
export const reauthenticateBody = z.strictObject({ for: stepUp }).meta({ id: "Reauthenticate" });
export const reauthenticateTokenBody = z.strictObject({ token, for: stepUp }).meta({ id: "ReauthenticateToken" });
export const patchBody = z
  .strictObject({ data })
  .meta({ id: "Patch", description: "Fields of the data to set; null removes one (RFC 7396)." });

const LIMIT = expecting("a whole number from 1 to 1000");
export const pageQuery = z.strictObject({
  after: z
    .string()
    .refine((text) => text.isWellFormed() && !text.includes("\0"), expecting("the `next` of a page"))
    .exactOptional()
    .meta({ description: "The `next` of the page before." }),
  limit: z
    .string()
    .refine((text) => /^(?:[1-9]\d{0,2}|1000)$/.test(text), LIMIT)
    .transform(Number)
    .exactOptional()
    .meta({
      type: "integer",
      minimum: 1,
      maximum: 1000,
      description: "How many at most, 1 to 1,000; by default 100. A page may hold fewer although it has a next.",
    }),
});
export const exceptQuery = z.strictObject({
  except: sessionId.exactOptional().meta({ description: "The id of a session that stays." }),
});
export const idParams = z.strictObject({ id: sessionId });
export const userParams = z.strictObject({ user: userId });
