/** `sojourn/audit/sqlite`: apart from `sojourn/audit`, which also runs where there are no files. */
export {
  sqliteAuditSink,
  type SqliteAuditFileOptions,
  type SqliteAuditHandleOptions,
  type SqliteAuditOptions,
  type SqliteAuditSink,
} from "./sqlite-audit-sink.ts";
