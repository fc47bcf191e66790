/** `sojourn/audit/sqlite`: apart from `sojourn/audit`, which also runs where there are no files. */
export type { AuditVerification } from "./audit-chain.ts";
export {
  sqliteAuditSink,
  type SqliteAuditFileOptions,
  type SqliteAuditHandleOptions,
  type SqliteAuditOptions,
  type SqliteAuditSink,
} from "./sqlite-audit-sink.ts";
