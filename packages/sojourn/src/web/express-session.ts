/** `sojourn/express-session`: our stores behind express-session's `Store` class. */
export { SessionStore, type ListedSession } from "./express-session/session-store.ts";
export type { SessionStoreOptions } from "./express-session/store-context.ts";
