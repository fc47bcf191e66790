/** The shop's sessions: where they are kept, how long they live, and how a request gets its own. */
import { createSessions, type Mode, type Sessions } from "sojourn";
import { sessionMiddleware, type SessionEnv } from "sojourn/hono";
import { openStore } from "../open-store.ts";

/**
 * What a session holds besides its user: the cart, which a visitor has before there is a user. Each article is a field of
 * its own, so that of two requests at the same time that add different articles, neither undoes the other.
 */
export interface ShopData {
  [article: `cart:${string}`]: number;
}

/** The types of `c.var.session`, for routes in files of their own. */
export type ShopEnv = SessionEnv<ShopData>;

const store = await openStore(process.env["STORE"] ?? "memory:", "shop");

export const sessions: Sessions<ShopData, Mode> = createSessions<ShopData>({ store, ttl: "30m", absoluteTtl: "12h" });

export const withSession = sessionMiddleware({
  sessions,
  // All processes of the shop need the same key: openssl rand -base64 32
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this example only"],
  // For http on this machine. A real shop has https and leaves this out.
  development: true,
});
