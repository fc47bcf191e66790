/** Where a strategy of OAuth 2 keeps its state while the user is away: in our session, for ten minutes. */
import { randomUUID } from "node:crypto";
import type { Request } from "express";
import type { StateStore } from "passport-oauth2";
import { session } from "./sessions.ts";

type Stored = (error: Error | null, state?: string) => void;
type Verified = (error: Error | null, ok: string | false, state?: unknown) => void;

export const oauthState = {
  store(req: Request, verifier: string, _state: unknown, _meta: unknown, done: Stored): void {
    const own = session.of(req);
    const state = randomUUID();
    // One for each tab that is on its way, and not more than a few.
    own.set("oauth", [...(own.get("oauth") ?? []).slice(-4), { state, verifier }], { ttl: "10m" });
    done(null, state);
  },
  verify(req: Request, state: string, done: Verified): void {
    const own = session.of(req);
    const kept = own.get("oauth") ?? [];
    const found = kept.find((one) => one.state === state);
    const others = kept.filter((one) => one !== found);
    if (found !== undefined) own.set("oauth", others, { ttl: "10m" });
    done(null, found?.verifier ?? false);
  },
  // Its types know the form without PKCE only.
} as unknown as StateStore;
