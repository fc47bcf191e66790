/** The token calls of `createAuth`: short-lived access tokens, with the session as what refreshes them. */
import type { Sessions } from "../sessions/sessions.ts";
import { checkOptions } from "../options.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import { parseUserId, readToken } from "../tokens/token.ts";
import {
  prepareToSign,
  signAccessToken,
  verifyAccessToken,
  type AccessTokenClaims,
  type SignedToken,
  type TokenPolicy,
  type TokenVerdict,
} from "./access-tokens.ts";
import {
  isOwned,
  named,
  type OwnedSession,
  type Session,
  type SessionData,
  type SessionToken,
  type TokenLike,
} from "./session.ts";
import type { PublicJwk } from "./signing-keys.ts";

/**
 * Claims of the application's own, as JSON has them. Not `sub`, `sid`, `jti`, `iat`, `exp`, `nbf`, `iss` or `aud`.
 *
 * @example
 * ```ts
 * import { createAuth, type ExtraClaims } from "sojourn/auth";
 *
 * const auth = createAuth({ jwtSecret: "an example: take 32 random bytes from your environment" });
 * const claims: ExtraClaims = { plan: "pro" };
 * const pair = await auth.signToken(auth.createSession("ann"), claims);
 * console.log(pair !== null); // true
 * ```
 */
export type ExtraClaims = Readonly<Record<string, unknown>>;

/** A signed access token, as an OAuth client expects it. */
export interface AccessToken {
  /** A JWT, for the `Authorization` header. Whoever has it is taken for the user until it expires. */
  readonly accessToken: string;
  readonly tokenType: "Bearer";
  /** In how many seconds it expires. */
  readonly expiresIn: number;
  /** The first instant at which it is no longer accepted, in epoch milliseconds. */
  readonly expiresAt: number;
}

/** An access token, and what gets the next one. */
export interface TokenPair extends AccessToken {
  /** The session's token, whole: it refreshes, and it is what `getSession` takes. Keep it where scripts cannot read it. */
  readonly refreshToken: SessionToken;
}

/** Options of `verifyToken`. */
export interface VerifyOptions {
  /** Whether the store is asked if the session still lives. @default false */
  readonly checkSession?: boolean;
}

/** The token calls. All of them return promises, on any store, since signing does. */
export interface TokenCalls {
  /**
   * Signs an access token for a user, of no session: nothing is stored, nothing refreshes it, and no logout reaches it
   * before it expires. `verifyToken` with `checkSession` refuses it. To be able to revoke, sign for a session.
   *
   * @param userId the `sub`, 1 to 1,024 characters
   * @throws TypeError for a session's token in place of a user id, or claims that are reserved or too large
   */
  signToken(userId: string, claims?: ExtraClaims): Promise<AccessToken>;
  /**
   * Signs an access token for a live session; its token is the `refreshToken`. `null` if the session does not live.
   * The access token expires no later than the session would without further use.
   *
   * @param session what `createSession` or `getSession` returned: its `id` is a token. One from `getUserSessions` has
   *   only a handle: it does not compile, and gets `null`.
   * @throws TypeError for claims that are reserved or too large
   * @throws StoreError
   */
  signToken(session: { readonly id: NonNullable<TokenLike> }, claims?: ExtraClaims): Promise<TokenPair | null>;

  /**
   * A new pair for a session's token: the session is extended, it gets a new token, and its id stays. `null` if the
   * token proves no live session.
   *
   * Repeated with the same old token within the grace, by any number of tabs, it gives the same new `refreshToken`, so
   * that none is logged out. After the grace, the old token is theft: the session ends, its access tokens fail
   * `checkSession`, and `sessions.on("ended")` reports it once, with the reason `reuse` (RFC 9700, 4.14.2).
   *
   * @param token a token, never a handle or an access token
   * @param claims for the new access token; those of the one before are not taken over
   * @throws ConflictError if others came first too often in a row; nothing was changed
   * @throws StoreError
   */
  refreshToken(token: TokenLike, claims?: ExtraClaims): Promise<TokenPair | null>;

  /**
   * The claims of an access token, or `null`.
   *
   * - Without options, no store is asked. What this promises about revocation is the lifetime of the token alone: after
   *   a logout, a token of that session is accepted for at most `accessTokenTtl` seconds more.
   * - With `checkSession: true`, the store is asked whether the session that the token was signed for still lives and
   *   is still that user's. Once `destroySession` or `destroyAllUserSessions` has resolved, no token of the session is
   *   accepted (as far as the store's `staleMs` allows). A token that was signed for no session is refused. Nothing is
   *   extended.
   *
   * @throws StoreError with `checkSession`, if the store failed: that is neither a yes nor a no
   */
  verifyToken(jwt: TokenLike, options?: VerifyOptions): Promise<AccessTokenClaims | null>;

  /** As `verifyToken`, with the reason for a no: for logs and developers. Nothing of the token is in it. @throws StoreError */
  explainToken(jwt: TokenLike, options?: VerifyOptions): Promise<TokenVerdict>;

  /**
   * The public keys, to be published as `/.well-known/jwks.json` for those who verify tokens without asking you. A
   * secret is never among them.
   */
  jwks(): { readonly keys: readonly PublicJwk[] };
}

/** The token calls over a manager. */
export function tokenCalls<Fields extends object>(
  sessions: Sessions<SessionData<Fields>, Mode>,
  policy: TokenPolicy,
): TokenCalls {
  const published = Object.freeze([...policy.keys.byKid.values()].flatMap((key) => key.published ?? []));

  async function pairFor(session: OwnedSession<Fields>, token: string, claims?: ExtraClaims): Promise<TokenPair> {
    const signed = await signAccessToken(policy, { userId: session.userId, session, claims });
    return Object.freeze({ ...accessToken(signed), refreshToken: token as SessionToken });
  }

  function signToken(userId: string, claims?: ExtraClaims): Promise<AccessToken>;
  function signToken(session: { readonly id: NonNullable<TokenLike> }, claims?: ExtraClaims): Promise<TokenPair | null>;
  async function signToken(
    subject: string | { readonly id: NonNullable<TokenLike> },
    claims?: ExtraClaims,
  ): Promise<AccessToken | null> {
    if (typeof subject === "string") {
      return Object.freeze(accessToken(await signAccessToken(policy, { userId: checkUserId(subject), claims })));
    }
    const token = tokenOf(subject);
    const session = await sessions.authenticate(token, { extend: false });
    return isOwned<Fields>(session) ? pairFor(session, token, claims) : null;
  }

  async function explainToken(jwt: TokenLike, options: VerifyOptions = {}): Promise<TokenVerdict> {
    // Misspelt, it would accept the token of a session that has ended.
    checkOptions("verifyToken", options, { checkSession: true });
    const { checkSession = false } = options;
    if (typeof checkSession !== "boolean") {
      throw new TypeError(`Expected \`checkSession\` to be true or false, got ${show(checkSession)}`);
    }
    const verdict = await verifyAccessToken(policy, jwt);
    if (!verdict.valid || !checkSession) return verdict;
    const { sub, sid } = verdict.claims;
    if (sid === undefined) return { valid: false, reason: "no-session" };
    const place = named(sid);
    const session = place === undefined || place.isToken ? undefined : await sessions.get(place.handle);
    return session?.userId === sub ? verdict : { valid: false, reason: "session-ended" };
  }

  return {
    signToken,
    async refreshToken(token, claims) {
      // Before anything is changed: what cannot be signed must not cost the client its token.
      await prepareToSign(claims);
      const rotated = await sessions.rotate(token ?? undefined);
      if (rotated === undefined) return null;
      const session = await sessions.refresh(rotated.id);
      return isOwned<Fields>(session) ? pairFor(session, rotated.token, claims) : null;
    },
    async verifyToken(jwt, options) {
      const verdict = await explainToken(jwt, options);
      return verdict.valid ? verdict.claims : null;
    },
    explainToken,
    jwks: () => ({ keys: published }),
  };
}

function accessToken({ jwt, iat, exp }: SignedToken): AccessToken {
  return { accessToken: jwt, tokenType: "Bearer", expiresIn: exp - iat, expiresAt: exp * 1_000 };
}

/** A JWT can be read by anybody: a session's token must not get into it as if it were a user's id. */
function checkUserId(text: string): string {
  const credential = readToken(text);
  // Only a minted token has no hash yet.
  if (credential !== undefined && credential.hash === undefined) {
    throw new TypeError("Expected a user id or a session, got a session's token; pass the session itself");
  }
  return parseUserId(text);
}

function tokenOf(session: unknown): string {
  const id = (session as Partial<Session> | null | undefined)?.id;
  if (typeof id !== "string") throw new TypeError(`Expected a user id or a session, got ${show(session)}`);
  return id;
}
