/**
 * Faults are thrown as a {@link SojournError} with a literal `code`; an expected outcome is a value, and
 * misuse is a `TypeError`. No message ever holds a token.
 */

/** Every code that a {@link SojournError} can carry. */
export type ErrorCode =
  | StoreErrorCode
  | "conflict"
  | "revoked"
  | "too_many_sessions"
  | "invalid_data"
  | "guarantee_unmet"
  | "session_ended"
  | "cross_site_request"
  | "development_host"
  | "too_many_attempts";

/** What went wrong in a store. None of them means "there is no such session". */
export type StoreErrorCode =
  | "store_unavailable"
  | "store_timeout"
  | "store_rate_limited"
  | "store_full"
  | "store_readonly"
  | "store_corrupt"
  | "store_schema"
  | "store_closed";

/**
 * The HTTP status that answers each code: one table, for every carrier and for the server.
 *
 * @example
 * ```ts
 * import { httpStatus } from "sojourn";
 *
 * console.log(httpStatus.store_unavailable, httpStatus.revoked); // 503 409
 * ```
 */
export const httpStatus: Readonly<Record<ErrorCode, number>> = Object.freeze({
  store_unavailable: 503,
  store_timeout: 503,
  store_rate_limited: 503,
  store_full: 503,
  store_readonly: 503,
  store_corrupt: 503,
  store_schema: 503,
  store_closed: 503,
  conflict: 409,
  revoked: 409,
  too_many_sessions: 409,
  invalid_data: 400,
  guarantee_unmet: 500,
  session_ended: 401,
  cross_site_request: 403,
  development_host: 403,
  too_many_attempts: 429,
});

/**
 * The base of every fault that this library throws.
 *
 * @example
 * ```ts
 * import { createSessions, SojournError } from "sojourn";
 *
 * const sessions = createSessions({ maxPerUser: { limit: 1, onLimit: "reject" } });
 * sessions.create("ann");
 * try {
 *   sessions.create("ann");
 * } catch (error) {
 *   if (error instanceof SojournError) console.log(error.code, error.status); // too_many_sessions 409
 * }
 * ```
 */
export abstract class SojournError extends Error {
  abstract readonly code: ErrorCode;
  /** The HTTP status that answers it, by the name that Express looks for. */
  get status(): number {
    return httpStatus[this.code];
  }
  /** Koa writes it to an error that it answers, and a request without an answer would be left if it could not. */
  set status(value: number) {
    Object.defineProperty(this, "status", { value, writable: true, configurable: true });
  }
  /** The same, by the name that Fastify and Nest look for. */
  get statusCode(): number {
    return this.status;
  }
  /** Whether a client may read the message, as http-errors has it: where the mistake is the client's. */
  get expose(): boolean {
    return this.status < 500;
  }
  /** Headers of that answer, by the name that Express, Fastify and Koa look for. */
  get headers(): Readonly<Record<string, string>> {
    return { "Cache-Control": "no-store" };
  }
}

/**
 * The store could not answer. Nobody is let in and nobody is logged out because of it: answer with HTTP 503.
 * `cause` is the driver's own error.
 *
 * @example
 * ```ts
 * import { createSessions, memoryStore, StoreError } from "sojourn";
 *
 * const store = memoryStore({ maxEntries: 1 });
 * const sessions = createSessions({ store });
 * sessions.create("ann");
 * try {
 *   sessions.create("ben");
 * } catch (error) {
 *   if (error instanceof StoreError) console.log(error.code, error.status); // store_full 503
 * }
 * ```
 */
export class StoreError extends SojournError {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A change lost its compare-and-set too often in a row; nothing was changed. Try again.
 *
 * @example
 * ```ts
 * import { ConflictError } from "sojourn";
 *
 * // Tries a change again that others have come before.
 * async function again<T>(change: () => Promise<T>): Promise<T> {
 *   try {
 *     return await change();
 *   } catch (error) {
 *     if (error instanceof ConflictError) return change();
 *     throw error;
 *   }
 * }
 * console.log(await again(async () => "changed")); // changed
 * ```
 */
export class ConflictError extends SojournError {
  override readonly name = "ConflictError";
  readonly code = "conflict";
}

/**
 * A login that began before `destroyByUser` of the same user, and arrived after it. No session was started.
 *
 * @example
 * ```ts
 * import { createSessions, RevokedError } from "sojourn";
 *
 * const sessions = createSessions();
 * const begun = sessions.begin(); // the password is checked
 * sessions.destroyByUser("ann"); // meanwhile, "log out everywhere"
 * try {
 *   sessions.create("ann", {}, { begun });
 * } catch (error) {
 *   console.log(error instanceof RevokedError); // true
 * }
 * ```
 */
export class RevokedError extends SojournError {
  override readonly name = "RevokedError";
  readonly code = "revoked";
}

/**
 * The user has `maxPerUser.limit` live sessions and `onLimit` is `"reject"`. No session was started.
 *
 * @example
 * ```ts
 * import { createSessions, TooManySessionsError } from "sojourn";
 *
 * const sessions = createSessions({ maxPerUser: { limit: 1, onLimit: "reject" } });
 * sessions.create("ann");
 * try {
 *   sessions.create("ann");
 * } catch (error) {
 *   if (error instanceof TooManySessionsError) console.log(error.limit); // 1
 * }
 * ```
 */
export class TooManySessionsError extends SojournError {
  override readonly name = "TooManySessionsError";
  readonly code = "too_many_sessions";
  /** The limit that was reached. */
  readonly limit: number;
  constructor(limit: number) {
    super(`The user already has ${limit} live session${limit === 1 ? "" : "s"}, which is the limit`);
    this.limit = limit;
  }
}

/** One thing that a schema found wrong, as Standard Schema reports it. */
export interface DataIssue {
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

/**
 * Session data that the schema refuses, that is not JSON, or that is too large. Nothing was stored.
 *
 * @example
 * ```ts
 * import { createSessions, InvalidDataError } from "sojourn";
 *
 * const sessions = createSessions();
 * try {
 *   sessions.create("ann", { visited: new Map() });
 * } catch (error) {
 *   if (error instanceof InvalidDataError) console.log(error.issues[0]?.path); // [ 'visited' ]
 * }
 * ```
 */
export class InvalidDataError extends SojournError {
  override readonly name = "InvalidDataError";
  readonly code = "invalid_data";
  readonly issues: readonly DataIssue[];
  constructor(message: string, issues: readonly DataIssue[] = [], options?: ErrorOptions) {
    super(message, options);
    this.issues = issues;
  }
}

/**
 * More was asked of a manager than its store guarantees; it did not start.
 *
 * @example
 * ```ts
 * import { createSessions, GuaranteeError } from "sojourn";
 *
 * try {
 *   createSessions({ require: { durability: "power" } }); // over memory
 * } catch (error) {
 *   console.log(error instanceof GuaranteeError); // true
 * }
 * ```
 */
export class GuaranteeError extends SojournError {
  override readonly name = "GuaranteeError";
  readonly code = "guarantee_unmet";
}

/**
 * Another site made the browser send this request; it was refused before anything was looked at. Its message is for the
 * visitor, as frameworks send it; what a developer can do is in `hint`, and in the stack, as they log it.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cookieSessions, CrossSiteRequestError } from "sojourn/cookies";
 *
 * const web = cookieSessions({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const headers = { "sec-fetch-site": "cross-site", origin: "https://other.example" };
 * try {
 *   web.start(new Request("https://shop.example/pay", { method: "POST", headers }));
 * } catch (error) {
 *   if (error instanceof CrossSiteRequestError) console.log(error.status, error.message); // 403 The request was made by another site, and was refused
 * }
 * ```
 */
export class CrossSiteRequestError extends SojournError {
  override readonly name = "CrossSiteRequestError";
  readonly code = "cross_site_request";
  /** Which origin it was, and the option that lets it through. */
  readonly hint: string;
  /** @param toDevelopers whether only developers see the answers, so that the message has the hint as well */
  constructor(hint: string, toDevelopers: boolean) {
    const message = "The request was made by another site, and was refused";
    const whole = `${message}. ${hint}`;
    super(toDevelopers ? whole : message);
    this.hint = hint;
    this.stack = `${this.name}: ${whole}`;
  }
}

/**
 * With `development`, a request for another machine than those of developers; the message says how to name it.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cookieSessions, DevelopmentHostError } from "sojourn/cookies";
 *
 * const web = cookieSessions({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"], development: true });
 * try {
 *   web.start(new Request("http://shop.example/"));
 * } catch (error) {
 *   console.log(error instanceof DevelopmentHostError); // true
 * }
 * ```
 */
export class DevelopmentHostError extends SojournError {
  override readonly name = "DevelopmentHostError";
  readonly code = "development_host";
  constructor(message: string) {
    super(message);
    // Frameworks show it as a page, where only the message helps.
    this.stack = `${this.name}: ${message}`;
  }
}

/**
 * Too many credentials from one address let nobody in; this one was not looked at.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cookieSessions, TooManyAttemptsError } from "sojourn/cookies";
 *
 * const guard = { failed: () => {}, admits: () => ({ retryAfter: 60 }) };
 * const web = cookieSessions({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"], guard });
 * try {
 *   web.start(new Request("https://shop.example/", { headers: { cookie: "__Host-session=sess_guess" } }));
 * } catch (error) {
 *   if (error instanceof TooManyAttemptsError) console.log(error.headers["Retry-After"]); // 60
 * }
 * ```
 */
export class TooManyAttemptsError extends SojournError {
  override readonly name = "TooManyAttemptsError";
  readonly code = "too_many_attempts";
  /** After how many seconds to try again, for `Retry-After`; `undefined` if that is not known. */
  readonly retryAfter: number | undefined;
  constructor(message: string, retryAfter?: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
  override get headers(): Readonly<Record<string, string>> {
    const { retryAfter } = this;
    return { ...super.headers, ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }) };
  }
}

/**
 * A union of all faults, so that a `switch` over `code` narrows to the class.
 *
 * @example
 * ```ts
 * import { SojournError, type AnySojournError } from "sojourn";
 *
 * function textFor(error: AnySojournError): string {
 *   switch (error.code) {
 *     case "too_many_sessions":
 *       return `You are logged in on ${error.limit} devices`;
 *     case "invalid_data":
 *       return error.issues.map(({ message }) => message).join(", ");
 *     default:
 *       return error instanceof SojournError ? "Try again" : "";
 *   }
 * }
 * console.log(typeof textFor); // function
 * ```
 */
export type AnySojournError =
  | StoreError
  | ConflictError
  | RevokedError
  | TooManySessionsError
  | InvalidDataError
  | GuaranteeError
  | CrossSiteRequestError
  | DevelopmentHostError
  | TooManyAttemptsError;
