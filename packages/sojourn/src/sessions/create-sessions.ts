import { memoryStore } from "../store/memory-store.ts";
import type { Mode } from "../store/reply.ts";
import type { Store } from "../store/store.ts";
import { sessionEnds } from "./ends/session-ends.ts";
import type { JsonFields } from "./json.ts";
import type { SessionsOptions } from "./options.ts";
import { sessionManager } from "./session-manager.ts";
import type { Sessions } from "./sessions.ts";
import type { StandardSchema } from "./standard-schema.ts";

/**
 * A manager whose schema says what it takes: `create` takes that, and the sessions' data is what the schema puts out.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 *
 * const sessions = createSessions<{ role: string }>({ ttl: "30m", absoluteTtl: "30d" });
 * const { token, id } = sessions.create("ann", { role: "admin" });
 * console.log(sessions.authenticate(token)?.data.role); // admin
 * console.log(sessions.destroy(id)); // true
 * console.log(sessions.authenticate(token)); // undefined
 * ```
 */
export function createSessions<Data extends JsonFields<Data>, Input = Data, M extends Mode = "sync">(
  options: SessionsOptions<Data, M> & { readonly schema: StandardSchema<Data, Input> },
): Sessions<Data, M, unknown extends Input ? Data : Input>;
/** A manager over a store that is synchronous: its calls return values. */
export function createSessions<Data extends JsonFields<Data> = Record<string, unknown>>(
  options?: SessionsOptions<Data, "sync">,
): Sessions<Data, "sync">;
/** A manager over a store that is asynchronous: its calls return promises. */
export function createSessions<Data extends JsonFields<Data> = Record<string, unknown>>(
  options: SessionsOptions<Data, "async"> & { readonly store: Store<"async"> },
): Sessions<Data, "async">;
/** A manager over a store that is chosen at run time: its calls return values or promises; `await` takes both. */
export function createSessions<Data extends JsonFields<Data> = Record<string, unknown>>(
  options: SessionsOptions<Data, Mode> & { readonly store: Store },
): Sessions<Data, Mode>;
/**
 * Makes a session manager; without a `store`, over one in memory. `Data` is what JSON gives back as it was: a `Date` comes back as a text, so its type is
 * `string`, and one with a `Date` in it does not compile.
 *
 * @throws TypeError for an option that is not what it should be
 * @throws GuaranteeError if the store guarantees less than `require` asks for
 */
export function createSessions<Data>(options: SessionsOptions<Data, Mode> = {}): Sessions<Data, Mode> {
  return sessionManager({ ...options, store: options.store ?? memoryStore() }, sessionEnds(options.ends));
}
