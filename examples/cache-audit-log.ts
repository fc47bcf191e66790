/**
 * Sessions in a MemoryCache, with an audit log of how each began and ended.
 *
 *     npm run build && node examples/cache-audit-log.ts
 */
import { MemoryCache } from "sojourn/cache";

interface Session {
  readonly userId: string;
  readonly permissions: readonly string[];
}

const auditLog = {
  info(event: string, details: Readonly<Record<string, unknown>>): void {
    console.log(event, JSON.stringify(details));
  },
};

// A clock of our own, so that half an hour passes at once. Leave it out to go by the machine's.
const clock = {
  instant: Date.UTC(2026, 0, 1),
  now(): number {
    return this.instant;
  },
};

const sessionCache = new MemoryCache<Session>({
  maxSize: 10_000,
  ttl: 30 * 60 * 1000,
  clock,
  hooks: {
    onSet: ({ key, value, isUpdate }) => {
      if (!isUpdate) {
        auditLog.info("Session created", { sessionId: key, userId: value.userId });
      }
    },
    onExpire: ({ key, value }) => {
      auditLog.info("Session expired", { sessionId: key, userId: value?.userId });
    },
    onDelete: ({ key, value, source }) => {
      auditLog.info("Session destroyed", { sessionId: key, userId: value?.userId, reason: source });
    },
  },
});

sessionCache.set("s1", { userId: "ada", permissions: ["read"] });
sessionCache.set("s2", { userId: "grace", permissions: ["read", "write"] });
sessionCache.set("s3", { userId: "edsger", permissions: [] });

// An update is not a new session, but its time starts anew.
clock.instant += 20 * 60 * 1000;
sessionCache.set("s2", { userId: "grace", permissions: ["read"] });

// Logging out.
sessionCache.delete("s3");

// At exactly its ttl a session can still be read, a millisecond later no more.
clock.instant += 10 * 60 * 1000;
console.log("After 30 minutes:", sessionCache.get("s1")?.userId);
clock.instant += 1;
console.log("A millisecond later:", sessionCache.get("s1")?.userId);

// The end of the day: everybody out.
sessionCache.clear();
console.log("Sessions left:", sessionCache.size());
