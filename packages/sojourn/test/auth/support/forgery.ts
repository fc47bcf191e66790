/** What forgers need: the parts of a token, signatures by hand, and tokens to start from. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createAuth, type Auth, type Jwk, type TokenFault } from "../../../src/auth/index.ts";
import { manualClock, type ManualClock } from "../../../src/time/manual-clock.ts";
import { SECRET } from "./auths.ts";

export type Json = Record<string, unknown>;

export const encode = (value: Json | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const decode = (part: string | undefined): Json => JSON.parse(Buffer.from(part ?? "", "base64url").toString()) as Json;

export const hs256 = (key: string | Buffer, input: string): string =>
  createHmac("sha256", key).update(input).digest("base64url");
export const es256 = (key: KeyObject, input: string): string =>
  sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
export const rs256 = (key: KeyObject, input: string): string =>
  sign("sha256", Buffer.from(input), key).toString("base64url");
export const ed25519 = (key: KeyObject, input: string): string =>
  sign(null, Buffer.from(input), key).toString("base64url");

export const ec: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
});
export const ecJwk: Jwk = ec.privateKey.export({ format: "jwk" });
const edJwk: Jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });

export const clock: ManualClock = manualClock();
const names = { issuer: "https://me.example", audience: "https://api.example" };

/** One of each algorithm. */
export const kinds: Readonly<Record<"HS256" | "ES256" | "EdDSA", Auth<"sync">>> = {
  HS256: createAuth({ jwtSecret: SECRET, clock, ...names }),
  ES256: createAuth({ keys: [ecJwk], clock, ...names }),
  EdDSA: createAuth({ keys: [edJwk], clock, ...names }),
};

export interface Parts {
  readonly header: Json;
  readonly payload: Json;
}

/** A token as it should be, whole and in parts. */
export async function genuine(auth: Auth<"sync">): Promise<Parts & { jwt: string; pieces: [string, string, string] }> {
  const { accessToken: jwt } = await auth.signToken("user-42", { scope: "read" });
  const pieces = jwt.split(".") as [string, string, string];
  return { jwt, pieces, header: decode(pieces[0]), payload: decode(pieces[1]) };
}

/** Why a token is refused. */
export async function refusalOf(auth: Auth<"sync">, jwt: unknown): Promise<TokenFault | "accepted"> {
  const verdict = await auth.explainToken(jwt as string);
  const claims = await auth.verifyToken(jwt as string);
  if (verdict.valid !== (claims !== null)) throw new Error("verifyToken and explainToken should agree");
  return verdict.valid ? "accepted" : verdict.reason;
}

/** A token that is signed as the server of `kinds.HS256` would sign it, but for what is changed. */
export async function resigned(change: (parts: Parts) => Partial<Parts>): Promise<string> {
  const { header, payload } = await genuine(kinds.HS256);
  const changed = { header, payload, ...change({ header, payload }) };
  const input = `${encode(changed.header)}.${encode(changed.payload)}`;
  return `${input}.${hs256(SECRET, input)}`;
}
