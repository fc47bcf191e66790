/** `sojourn/express-session`: our stores behind express-session's `Store` class. */
export {
  importConnectPgSimple,
  type ConnectPgSimpleImport,
  type ImportConnectPgSimpleOptions,
  type SkippedRow,
} from "./express-session/import-connect-pg-simple.ts";
export { SessionStore, type ListedSession } from "./express-session/session-store.ts";
export type { SessionStoreOptions } from "./express-session/store-context.ts";
