import { answer } from "../answer.ts";
import type { Route } from "../router.ts";

/** The public keys of access tokens, for those who verify one without asking. */
export function jwksRoute(jwks: () => object | Promise<object>): Route {
  return { path: "/.well-known/jwks.json", GET: async () => answer(200, await jwks()) };
}
