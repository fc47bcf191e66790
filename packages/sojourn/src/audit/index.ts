export {
  auditLog,
  type AuditedExplanation,
  type AuditLog,
  type AuditLogOptions,
  type AuditRecord,
  type AuditSink,
  type AuditType,
} from "./audit-log.ts";
export type { AuditPageQuery, AuditQuery, StoredAuditSink } from "./stored-audit-sink.ts";
