/**
 * Access tokens that a logout reaches, and what happens to a stolen refresh token. After `npm run build`:
 *
 *     node examples/auth-tokens.ts [sessions.db]
 */
import { generateKeyPairSync } from "node:crypto";
import { createAuth } from "sojourn/auth";
import { manualClock } from "sojourn/testing";
import { store } from "./auth-store.ts";

// A clock that we can move. An application leaves this out.
const clock = manualClock();

// Keep the key in a file or a secret store; the first key signs, all of them verify.
const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
const auth = createAuth({ keys: [key], clock, store });
auth.sessions.on("ended", ({ reason }) => console.log("ended:", reason));

// Sign for the session, not for the user alone: then the token can be revoked, and refreshed.
const login = await auth.signToken(auth.createSession("user-42"), { scope: "read" });
const claims = await auth.verifyToken(login?.accessToken);
console.log("for", claims?.sub, "until", new Date((claims?.exp ?? 0) * 1000).toISOString());

// Every tab refreshes at once. All of them get the same successor.
const tabs = await Promise.all(Array.from({ length: 64 }, () => auth.refreshToken(login?.refreshToken)));
console.log("tabs:", tabs.length, "successors:", new Set(tabs.map((pair) => pair?.refreshToken)).size);
const current = tabs[0];

// Somebody comes with the old token after the grace: it has been stolen, and the session ends, for both.
clock.advance("11s");
console.log("the old token:", await auth.refreshToken(login?.refreshToken));
console.log("the new token:", await auth.refreshToken(current?.refreshToken));

// The signature alone still holds, for at most 15 minutes. Whoever asks the store knows better.
console.log("by its signature:", (await auth.verifyToken(current?.accessToken)) !== null);
console.log("by its session:", await auth.explainToken(current?.accessToken, { checkSession: true }));

console.log(
  "published:",
  auth
    .jwks()
    .keys.map(({ alg, use }) => `${alg} ${use}`)
    .join(),
);
store.close();
