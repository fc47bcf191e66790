import { kv } from "./kv.ts";

/** Storage by kind, as `storage.kv(…)`. */
export const storage: { readonly kv: typeof kv } = Object.freeze({ kv });
