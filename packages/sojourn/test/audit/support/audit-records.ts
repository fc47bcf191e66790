/** Records to write down, and what verifies them. */
import { expect } from "vitest";
import type { AuditVerification } from "../../../src/audit/audit-chain.ts";
import type { AuditRecord } from "../../../src/audit/audit-log.ts";

export const T: number = Date.UTC(2026, 0, 1);

export function record(at: number, parts: Partial<AuditRecord> = {}): AuditRecord {
  return { at, type: "created", userId: "u", sessionId: "s", reason: null, ip: null, userAgent: null, ...parts };
}

/** Where a chain that is intact ends. */
export function headOf(verified: AuditVerification): string {
  expect(verified.intact).toBe(true);
  return verified.intact ? verified.head : "";
}
