export { doctor, type DoctorOptions, type Finding } from "./doctor.ts";
export { nistAal1, nistAal2, nistAal3, owasp, type LifetimePolicy, type LockingPolicy } from "./policies.ts";
export type { CookieSettings, Profile, Severity } from "./rule.ts";
