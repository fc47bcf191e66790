/**
 * The little of Node's built-in modules that the library uses, declared by hand: with `types: []` no Node global
 * compiles by accident, and the published types need no runtime's types. The tests compile the same sources
 * against @types/node, so a declaration here that is wrong does not get far.
 */
declare module "node:async_hooks" {
  export class AsyncLocalStorage<T> {
    getStore(): T | undefined;
    run<R>(store: T, call: () => R): R;
  }
}

declare module "node:buffer" {
  export const Buffer: {
    alloc(size: number): Buffer;
    from(text: string, encoding: "base64url" | "utf8"): Buffer;
    concat(list: readonly Uint8Array[]): Buffer;
  };
  export interface Buffer extends Uint8Array {
    toString(encoding?: "base64url" | "utf8", start?: number, end?: number): string;
  }
}

declare module "node:crypto" {
  import type { Buffer } from "node:buffer";
  export function randomFillSync(bytes: Uint8Array): Uint8Array;
  export function hash(algorithm: "sha256", data: string, encoding: "base64url"): string;
  export function createHash(algorithm: "sha256"): Digest;
  export function createHmac(algorithm: "sha256", key: string | KeyObject): Digest;
  export function createSecretKey(key: string, encoding: "base64url"): KeyObject;
  export function createCipheriv(algorithm: "aes-256-gcm", key: KeyObject, iv: Uint8Array): Cipher;
  export function createDecipheriv(algorithm: "aes-256-gcm", key: KeyObject, iv: Uint8Array): Decipher;
  interface Cipher {
    update(text: string, encoding: "utf8"): Uint8Array;
    final(): Uint8Array;
    getAuthTag(): Uint8Array;
  }
  interface Decipher {
    setAuthTag(tag: Uint8Array): unknown;
    update(data: Uint8Array, inputEncoding: undefined, outputEncoding: "utf8"): string;
    final(outputEncoding: "utf8"): string;
  }
  export class KeyObject {
    readonly type: "secret" | "public" | "private";
  }
  interface Digest {
    update(data: string): Digest;
    digest(): Buffer;
    digest(encoding: "base64url"): string;
  }
}

interface ImportMeta {
  readonly url: string;
}

declare module "node:fs" {
  export const constants: { readonly R_OK: number; readonly W_OK: number };
  export function accessSync(path: string, mode: number): void;
  export function openSync(path: string, flags: string, mode?: number): number;
  export function closeSync(descriptor: number): void;
  export function readSync(
    descriptor: number,
    into: Int32Array,
    offset: number,
    length: number,
    position: number,
  ): number;
  import type { URL } from "node:url";
  export function existsSync(path: URL): boolean;
  export function realpathSync(path: string): string;
  export function chmodSync(path: string, mode: number): void;
  export function statSync(path: string): Stats;
  export function statSync(path: string, options: { readonly throwIfNoEntry: false }): Stats | undefined;
  export function fstatSync(descriptor: number): Stats;
  export interface Stats {
    readonly dev: number;
    readonly ino: number;
    readonly nlink: number;
    readonly mode: number;
    readonly size: number;
    readonly mtimeMs: number;
    readonly mtime: Date;
    readonly birthtimeMs: number;
    readonly birthtime: Date;
  }
}

declare module "node:path" {
  export function dirname(path: string): string;
  export function resolve(path: string): string;
}

declare module "node:process" {
  export const platform: string;
  export function emitWarning(warning: string, options: { readonly type: string; readonly code: string }): void;
}

declare module "node:timers" {
  export function setImmediate(callback: () => void): unknown;
}

declare module "node:url" {
  export class URL {
    readonly href: string;
    readonly pathname: string;
    constructor(path: string, base: string);
  }
}

declare module "node:worker_threads" {
  import type { URL } from "node:url";
  export const isMainThread: boolean;
  export const workerData: unknown;
  export const parentPort: {
    on(event: "message", listener: (message: never) => void): unknown;
    postMessage(message: unknown): void;
  } | null;
  export class Worker {
    constructor(file: URL, options: { readonly workerData: unknown });
    on(event: "message", listener: (message: never) => void): this;
    on(event: "error", listener: (error: unknown) => void): this;
    on(event: "exit", listener: () => void): this;
    postMessage(message: unknown): void;
    ref(): void;
    unref(): void;
    terminate(): Promise<unknown>;
  }
}
