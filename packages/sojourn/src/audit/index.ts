export { auditLog, type AuditedExplanation, type AuditLog, type AuditLogOptions, type AuditSink } from "./audit-log.ts";
export type { AuditRecord, AuditType } from "./audit-record.ts";
export type { AuditQuery } from "./audit-table.ts";
