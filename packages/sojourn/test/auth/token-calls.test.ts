/** Signing access tokens, and verifying them with and without asking the store. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { createAuth, type AccessToken, type AccessTokenClaims, type TokenPair } from "../../src/auth/index.ts";
import { StoreError } from "../../src/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { handleOf, loggedIn, modes, openAuth, SECRET, type Open } from "./support/auths.ts";

test("types: a user's token cannot be refreshed, a session's may be null", () => {
  const auth = createAuth({ jwtSecret: SECRET });
  expectTypeOf(auth.signToken("u")).toEqualTypeOf<Promise<AccessToken>>();
  expectTypeOf(auth.signToken(auth.createSession("u"))).toEqualTypeOf<Promise<TokenPair | null>>();
  expectTypeOf(auth.refreshToken).returns.toEqualTypeOf<Promise<TokenPair | null>>();
  expectTypeOf(auth.verifyToken).returns.toEqualTypeOf<Promise<AccessTokenClaims | null>>();
});

describe.each(modes)("tokens: %s", (_, open) => {
  const opened: Open = (options) => openAuth(open, options);

  test("a misspelt option is refused, and accepts no token of a session that has ended", async () => {
    const { auth } = opened();
    const { id } = await auth.createSession("user-42");
    const pair = await auth.signToken({ id });
    await auth.destroySession(id);
    const misspelt = { checkSesion: true } as { readonly checkSession?: boolean };
    for (const call of [auth.verifyToken, auth.explainToken]) {
      await expect(call(pair?.accessToken, misspelt)).rejects.toThrow('such as `checkSession`, got "checkSesion"');
    }
  });

  describe("signing", () => {
    test("for a user: no session is started, nothing is stored", async () => {
      const { auth, clock } = opened({ issuer: "https://me.example", audience: "api" });
      const token = await auth.signToken("user-42", { scope: "read" });
      expect(Object.keys(token)).toEqual(["accessToken", "tokenType", "expiresIn", "expiresAt"]);
      expect(token).toMatchObject({ tokenType: "Bearer", expiresIn: 900, expiresAt: clock.now() + 900_000 });
      expect(await auth.verifyToken(token.accessToken)).toEqual({
        sub: "user-42",
        scope: "read",
        jti: expect.stringMatching(/^[\w-]{22}$/),
        iat: clock.now() / 1_000,
        exp: clock.now() / 1_000 + 900,
        iss: "https://me.example",
        aud: "api",
      });
      expect(await auth.sessions.count()).toBe(0);
    });

    test("for a session: its handle is in the token, its secret is not", async () => {
      const { auth, session, pair } = await loggedIn(open);
      expect(pair.refreshToken).toBe(session.id);
      const claims = await auth.verifyToken(pair.accessToken);
      expect(claims).toMatchObject({ sub: "user-42", sid: handleOf(session.id) });
      const readable = pair.accessToken.split(".").map((part) => Buffer.from(part, "base64url").toString());
      expect(readable.join()).not.toContain(session.id.slice(-43));
      expect(await auth.sessions.count()).toBe(1);
    });

    test("every token has a name of its own", async () => {
      const { auth, session } = await loggedIn(open);
      const names = new Set<unknown>();
      for (let n = 0; n < 20; n++)
        names.add((await auth.verifyToken((await auth.signToken(session))?.accessToken))?.jti);
      expect(names.size).toBe(20);
    });

    test("not for a session that has ended, or that is only listed", async () => {
      const { auth, session } = await loggedIn(open);
      const [listed] = await auth.getUserSessions("user-42");
      expect(listed).toBeDefined();
      // @ts-expect-error -- nor does it compile
      expect(await auth.signToken(listed ?? session)).toBeNull();
      await auth.destroySession(session.id);
      expect(await auth.signToken(session)).toBeNull();
      expect(await auth.signToken({ id: "sess_abc123" })).toBeNull();
    });

    test("what the session says now counts, not what an object says", async () => {
      const { auth, session } = await loggedIn(open);
      const forged = { ...session, userId: "root", data: { userId: "root" } };
      expect((await auth.verifyToken((await auth.signToken(forged))?.accessToken))?.sub).toBe("user-42");
    });

    test("a token does not outlive its session", async () => {
      const { auth, clock, session } = await loggedIn(open, { sessionTtl: 1_000, accessTokenTtl: 900 });
      clock.advance("200s");
      expect(await auth.signToken(session)).toMatchObject({ expiresIn: 800, expiresAt: session.expiresAt });
    });

    test("a session's token is not taken for a user id, since a JWT can be read", async () => {
      const { auth, session } = await loggedIn(open);
      await expect(auth.signToken(session.id)).rejects.toThrow(
        new TypeError("Expected a user id or a session, got a session's token; pass the session itself"),
      );
    });

    test.each(["sub", "sid", "jti", "iat", "exp", "nbf", "iss", "aud"])(
      "the claim %s is not the application's",
      async (claim) => {
        const { auth, session, pair } = await loggedIn(open, { rotationGrace: 0 });
        const rejected = new TypeError(`Expected claims without \`${claim}\`, which is set by the library`);
        await expect(auth.signToken("user-42", { [claim]: 1 })).rejects.toThrow(rejected);
        await expect(auth.refreshToken(pair.refreshToken, { [claim]: 1 })).rejects.toThrow(rejected);
        // And it has cost nothing: no rotation has begun.
        expect((await auth.getSession(session.id))?.id).toBe(session.id);
        expect(await auth.signToken(session)).toMatchObject({ refreshToken: session.id });
      },
    );

    test.each([[[]], ["text"], [null], [1]])("claims that are no object: %j", async (claims) => {
      const { auth } = opened();
      await expect(auth.signToken("user-42", claims as never)).rejects.toThrow(TypeError);
    });

    test.each(["", 42, null, undefined, {}, "a\0b"])("not a user id: %j", async (userId) => {
      const { auth } = opened();
      await expect(auth.signToken(userId as never)).rejects.toThrow(TypeError);
    });
  });

  describe("verifying against the store", () => {
    test("stateless: accepted until it expires, whatever became of the session", async () => {
      const { auth, clock, session, pair } = await loggedIn(open);
      await auth.destroySession(session.id);
      clock.advance(899_999);
      expect(await auth.verifyToken(pair.accessToken)).not.toBeNull();
      clock.advance(1);
      expect(await auth.explainToken(pair.accessToken)).toEqual({ valid: false, reason: "expired" });
    });

    test.each([
      [
        "destroySession",
        async ({ auth, session }: Awaited<ReturnType<typeof loggedIn>>) => auth.destroySession(session.id),
      ],
      [
        "its handle",
        async ({ auth, session }: Awaited<ReturnType<typeof loggedIn>>) => auth.destroySession(handleOf(session.id)),
      ],
      [
        "destroyAllUserSessions",
        async ({ auth }: Awaited<ReturnType<typeof loggedIn>>) => auth.destroyAllUserSessions("user-42"),
      ],
    ])("revoked at once by %s", async (_, end) => {
      const made = await loggedIn(open);
      const { auth, pair } = made;
      expect(await auth.verifyToken(pair.accessToken, { checkSession: true })).not.toBeNull();
      await end(made);
      expect(await auth.verifyToken(pair.accessToken, { checkSession: true })).toBeNull();
      // A new login of the same user does not bring it back.
      await auth.createSession("user-42");
      expect(await auth.explainToken(pair.accessToken, { checkSession: true })).toEqual({
        valid: false,
        reason: "session-ended",
      });
    });

    test("a token of no session is refused: there is nothing that a logout could end", async () => {
      const { auth } = opened();
      const { accessToken } = await auth.signToken("user-42");
      await auth.createSession("user-42");
      expect(await auth.explainToken(accessToken, { checkSession: true })).toEqual({
        valid: false,
        reason: "no-session",
      });
      expect(await auth.verifyToken(accessToken)).not.toBeNull();
    });

    test("a session that is not the subject's", async () => {
      const { auth, clock, store } = opened();
      const { accessToken } = (await auth.signToken(await auth.createSession("user-42"))) ?? { accessToken: "" };
      // The same id, somebody else's: as if the store had been tampered with.
      const sid = String((await auth.verifyToken(accessToken))?.sid);
      const entry = await store.get(sid, clock.now());
      if (entry === undefined) throw new Error("The entry should be there");
      await store.put({ ...entry, owner: "user-1", rev: "tampered" }, "any", clock.now());
      expect(await auth.explainToken(accessToken, { checkSession: true })).toMatchObject({ reason: "session-ended" });
    });

    test("it extends nothing", async () => {
      const { auth, clock, session, pair } = await loggedIn(open, { sessionTtl: 600, sessionRefreshThreshold: 600 });
      clock.advance("9m");
      expect(await auth.verifyToken(pair.accessToken, { checkSession: true })).not.toBeNull();
      expect((await auth.getUserSessions("user-42"))[0]?.expiresAt).toBe(session.expiresAt);
    });

    test("anything but true or false is a mistake of the program", async () => {
      const { auth, pair } = await loggedIn(open);
      await expect(auth.verifyToken(pair.accessToken, { checkSession: "no" as never })).rejects.toThrow(TypeError);
    });
  });

  test("a store that fails is neither a yes nor a no", async () => {
    const { auth, store, session, pair } = await loggedIn(open);
    await store.close();
    expect(await auth.verifyToken(pair.accessToken)).not.toBeNull();
    await expect(auth.verifyToken(pair.accessToken, { checkSession: true })).rejects.toThrow(StoreError);
    await expect(auth.refreshToken(pair.refreshToken)).rejects.toThrow(StoreError);
    await expect(auth.signToken(session)).rejects.toThrow(StoreError);
  });
});

test("two servers on one store refresh and verify for each other", async () => {
  const store = memoryStore();
  const one = createAuth({ jwtSecret: SECRET, store });
  const two = createAuth({ jwtSecret: SECRET, store });
  const pair = await one.signToken(one.createSession("user-42"));
  const next = await two.refreshToken(pair?.refreshToken);
  expect(await one.verifyToken(next?.accessToken, { checkSession: true })).toMatchObject({ sub: "user-42" });
});
