/**
 * Where the keys of a storage lie in its store: `namespace:name:key`. A namespace and a name hold no colon, so that
 * two storages never meet, and the key follows as it is, so that a store which lists by key keeps its order and can
 * find a prefix. Nothing is hashed or cut: a key that does not fit is refused.
 */
import { show } from "../show.ts";
import { utf8Length } from "../store/check.ts";
import { MAX_KEY_BYTES } from "../store/store.ts";
import { StorageError } from "./storage-error.ts";

/** The keys of one storage. */
export interface KeySpace {
  /** The longest key, in bytes of UTF-8. */
  readonly maxKeyBytes: number;
  /** @throws StorageError `storage_invalid_key` */
  storeKey(key: string): string;
  /**
   * The same for what only looks: `undefined` for a text that no key can be.
   *
   * @throws StorageError `storage_invalid_key` if it is not even a string
   */
  findKey(key: string): string | undefined;
  /**
   * What the store keys begin with; `undefined` if no key can begin so.
   *
   * @throws StorageError `storage_invalid_list`
   */
  storePrefix(prefix: string): string | undefined;
  /** The key of a store key. */
  keyOf(storeKey: string): string;
}

const PART = /^[A-Za-z0-9._-]{1,64}$/;
/** Runtimes and drivers change a lone surrogate, or end a text at NUL: two keys would become one. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** @throws TypeError for a name or a namespace that is not one */
export function keySpace(namespace: string, name: string): KeySpace {
  const start = `${checkPart(namespace, "namespace")}:${checkPart(name, "name")}:`;
  const maxKeyBytes = MAX_KEY_BYTES - start.length;

  return {
    maxKeyBytes,
    storeKey(key) {
      const fault = faultOf(key, maxKeyBytes);
      if (fault !== undefined) throw new StorageError("storage_invalid_key", `Expected a key ${fault}`);
      return start + key;
    },
    findKey(key) {
      const fault = faultOf(key, maxKeyBytes);
      if (fault === undefined) return start + key;
      if (typeof key === "string") return undefined;
      throw new StorageError("storage_invalid_key", `Expected a key ${fault}`);
    },
    storePrefix(prefix) {
      if (typeof prefix !== "string" || UNSTORABLE.test(prefix)) {
        const wanted = "a string of well-formed Unicode without NUL";
        throw new StorageError(
          "storage_invalid_list",
          `Expected \`prefix\` to be ${wanted}, got ${typeof prefix === "string" ? "another string" : show(prefix)}`,
        );
      }
      return utf8Length(prefix) > maxKeyBytes ? undefined : start + prefix;
    },
    keyOf: (storeKey) => storeKey.slice(start.length),
  };
}

function checkPart(part: string, option: string): string {
  if (typeof part !== "string" || !PART.test(part)) {
    throw new TypeError(`Expected \`${option}\` to be 1 to 64 of the characters A-Z a-z 0-9 . _ -, got ${show(part)}`);
  }
  return part;
}

/** What is wrong with a key. It is not told: it may hold a token. */
function faultOf(key: unknown, maxKeyBytes: number): string | undefined {
  if (typeof key !== "string") return `that is a string, got ${show(key)}`;
  // No string has fewer bytes than units, so that a very long one is not read.
  const bytes = key.length > maxKeyBytes ? key.length : utf8Length(key);
  if (bytes < 1 || bytes > maxKeyBytes) {
    const got = key.length > maxKeyBytes ? `more` : `${bytes}`;
    return `of 1 to ${maxKeyBytes} bytes here (${MAX_KEY_BYTES} with the namespace and the name), got ${got}`;
  }
  return UNSTORABLE.test(key) ? "of well-formed Unicode without NUL" : undefined;
}
