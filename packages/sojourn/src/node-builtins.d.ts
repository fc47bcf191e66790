/**
 * The little of Node's built-in modules that the library uses, declared by hand: with `types: []` no Node global
 * compiles by accident, and the published types need no runtime's types. The tests compile the same sources
 * against @types/node, so a declaration here that is wrong does not get far.
 */
declare module "node:crypto" {
  export function randomFillSync(bytes: Uint8Array): Uint8Array;
  export function hash(algorithm: "sha256", data: string, encoding: "base64url"): string;
  export function createHash(algorithm: "sha256"): Digest;
  export function createHmac(algorithm: "sha256", key: string): Digest;
  interface Digest {
    update(data: string): Digest;
    digest(encoding: "base64url"): string;
  }
}
