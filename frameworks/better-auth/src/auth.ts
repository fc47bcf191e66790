import { openStore } from "app-support";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { betterAuthStorage, storage } from "sojourn/kv";

export const store = await openStore();

export const auth = betterAuth({
  baseURL: `http://localhost:${process.env["PORT"] ?? 3_000}`,
  secret: process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only",
  // Where users are. Sessions, verifications and rate limits are in the store.
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true, autoSignIn: false },
  session: { expiresIn: Number(process.env["SESSION_TTL_SECONDS"] ?? 1_800), updateAge: 0 },
  secondaryStorage: betterAuthStorage({ store }),
});

/** better-auth's sessions have no data of ours: it is kept beside them. */
export const notes = storage.kv({ name: "notes", store, ttlSeconds: 1_800 });
