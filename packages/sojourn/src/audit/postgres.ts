/** `sojourn/audit/postgres`: apart from `sojourn/audit`, which also runs where there is no database. */
export type { AuditVerification } from "./audit-chain.ts";
export {
  postgresAuditMigrations,
  postgresAuditSink,
  type OpenPostgresAuditSink,
  type PostgresAuditOptions,
  type PostgresAuditSink,
} from "./postgres-audit-sink.ts";
