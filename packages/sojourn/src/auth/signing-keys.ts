/** The keys that access tokens are signed and verified with: which are accepted, and what each is called. */
import { utf8Length } from "../store/check.ts";
import { hmacSha256, sha256 } from "../tokens/crypto.ts";
import { warnOnce } from "../warn.ts";

/**
 * A JSON Web Key (RFC 7517) of one of three kinds: P-256 (`kty: "EC"`), Ed25519 (`kty: "OKP"`), or a secret
 * (`kty: "oct"`). With `d` it is private and can sign; without, it only verifies.
 */
export interface Jwk {
  readonly kty?: string | undefined;
  /** What tokens call it. @default its thumbprint (RFC 7638); of a secret, a digest under that secret */
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
  readonly use?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly d?: string | undefined;
  readonly k?: string | undefined;
}

/** A public key as `jwks()` publishes it. */
export interface PublicJwk {
  readonly kty: "EC" | "OKP";
  readonly crv: string;
  readonly x: string;
  readonly y?: string;
  readonly kid: string;
  readonly alg: "ES256" | "EdDSA";
  readonly use: "sig";
}

/** What signs and verifies with a key; a text is a secret that is not encoded. */
export type KeyMaterial = Readonly<Record<string, string>> | string;

/** A key that was accepted. */
export interface SigningKey {
  readonly kid: string;
  /** The only algorithm that it is used with, whatever a token says. */
  readonly alg: "HS256" | "ES256" | "EdDSA";
  /** `undefined` if it can only verify. */
  readonly signsWith: KeyMaterial | undefined;
  readonly verifiesWith: KeyMaterial;
  /** `undefined` for a secret, which is never published. */
  readonly published: PublicJwk | undefined;
}

/** The keys of one `createAuth`: the first one signs, all of them verify. */
export interface KeyRing {
  readonly signing: SigningKey & { readonly signsWith: KeyMaterial };
  readonly byKid: ReadonlyMap<string, SigningKey>;
}

/** Below this many bytes, a secret is found by trying in a moment. */
const FEWEST_BYTES = 8;
/** RFC 7518, 3.2: a key for HS256 has at least as many bytes as its hash. */
const ENOUGH_BYTES = 32;

/** @throws TypeError that names the key by its place, and shows nothing of it */
export function keyRing(options: { readonly jwtSecret?: unknown; readonly keys?: unknown }): KeyRing {
  const keys = givenKeys(options).map(([key, name]) =>
    typeof key === "string" ? secretKey(key, name) : jwkKey(key, name),
  );
  const byKid = new Map(keys.map((key) => [key.kid, key]));
  if (byKid.size < keys.length) throw new TypeError("Expected `keys` that differ, got two with one `kid`");
  const [first] = keys;
  if (first?.signsWith === undefined) {
    throw new TypeError("Expected the first of `keys` to be able to sign, got a public key");
  }
  return { signing: { ...first, signsWith: first.signsWith }, byKid };
}

function givenKeys({
  jwtSecret,
  keys,
}: {
  readonly jwtSecret?: unknown;
  readonly keys?: unknown;
}): [unknown, string][] {
  if ((jwtSecret === undefined) === (keys === undefined)) {
    throw new TypeError(
      `Expected \`jwtSecret\` or \`keys\`, to sign access tokens with, got ${keys === undefined ? "neither" : "both"}`,
    );
  }
  if (keys === undefined) return [[typeof jwtSecret === "string" ? jwtSecret : null, "jwtSecret"]];
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new TypeError("Expected `keys` to be an array of at least one key");
  }
  return keys.map((key: unknown, index) => [key, `keys[${index}]`]);
}

function secretKey(secret: string, name: string): SigningKey {
  checkLength(utf8Length(secret), name);
  return symmetric(secret, secret, undefined);
}

function jwkKey(given: unknown, name: string): SigningKey {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(
      `Expected \`${name}\` to be a secret${name === "jwtSecret" ? "" : " or a JSON Web Key"}, got a value of type ${given === null ? "another kind" : typeof given}`,
    );
  }
  const jwk = given as Jwk;
  const { kty, crv, kid, alg, use, x, y, d, k } = jwk;
  if (kid !== undefined && (typeof kid !== "string" || !/^[\x20-\x7e]{1,128}$/.test(kid))) {
    throw new TypeError(`Expected the \`kid\` of \`${name}\` to be 1 to 128 printable ASCII characters`);
  }
  if (use !== undefined && use !== "sig") throw new TypeError(`Expected the \`use\` of \`${name}\` to be "sig"`);
  const kind = kty === "oct" ? "oct" : `${kty} ${crv}`;
  const algorithms = ALGORITHMS[kind];
  if (algorithms === undefined) {
    throw new TypeError(
      `Expected \`${name}\` to be a key for ES256 (EC, P-256), EdDSA (OKP, Ed25519) or HS256 (oct), got another`,
    );
  }
  if (alg !== undefined && !algorithms.includes(alg)) {
    throw new TypeError(`Expected the \`alg\` of \`${name}\` to be ${algorithms.join(" or ")}`);
  }
  if (kty === "oct") {
    checkPart(k, "k", name, /^[\w-]+$/);
    checkLength(Math.floor((k.length * 3) / 4), name);
    return symmetric({ kty, k, alg: "HS256" }, k, kid);
  }
  checkPart(x, "x", name);
  if (kty === "EC") checkPart(y, "y", name);
  if (d !== undefined) checkPart(d, "d", name);
  return asymmetric({ kty: kty as "EC" | "OKP", crv: crv as string, x, ...(kty === "EC" && { y: y as string }) }, jwk);
}

/** By kind of key: its algorithm's name, and then others for the same. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  oct: ["HS256"],
  "EC P-256": ["ES256"],
  "OKP Ed25519": ["EdDSA", "Ed25519"],
};

/** 32 bytes in base64url: a coordinate of P-256, a key of Ed25519. */
const BYTES_32 = /^[\w-]{43}$/;

function checkPart(value: unknown, part: string, name: string, shape = BYTES_32): asserts value is string {
  if (typeof value !== "string" || !shape.test(value)) {
    throw new TypeError(
      `Expected the \`${part}\` of \`${name}\` to be ${shape === BYTES_32 ? "32 bytes in " : ""}base64url`,
    );
  }
}

function checkLength(bytes: number, name: string): void {
  if (bytes < FEWEST_BYTES) {
    throw new TypeError(`Expected \`${name}\` to be a secret of at least ${FEWEST_BYTES} bytes, got ${bytes}`);
  }
  if (bytes >= ENOUGH_BYTES) return;
  warnOnce(
    "SOJOURN_SHORT_SECRET",
    `Access tokens are signed with a secret of ${bytes} bytes: whoever finds it by trying can sign any. ` +
      `Take at least ${ENOUGH_BYTES} bytes: openssl rand -base64 32`,
  );
}

/** A thumbprint would be a plain hash of the secret; one under the secret itself tells no more than a signature does. */
function symmetric(material: KeyMaterial, secret: string, kid: string | undefined): SigningKey {
  return {
    kid: kid ?? hmacSha256(secret, "kid").slice(0, 22),
    alg: "HS256",
    signsWith: material,
    verifiesWith: material,
    published: undefined,
  };
}

function asymmetric(point: Pick<PublicJwk, "kty" | "crv" | "x" | "y">, { kid: given, d }: Jwk): SigningKey {
  const { kty, crv, x, y } = point;
  const alg = kty === "EC" ? "ES256" : "EdDSA";
  // RFC 7638, 3: the required members, in alphabetical order.
  const kid = given ?? sha256(JSON.stringify({ crv, kty, x, ...(y !== undefined && { y }) }));
  const verifiesWith = Object.freeze({ ...point, alg });
  return {
    kid,
    alg,
    signsWith: d === undefined ? undefined : Object.freeze({ ...verifiesWith, d }),
    verifiesWith,
    published: Object.freeze({ ...point, kid, alg, use: "sig" }),
  };
}
