/**
 * The programs of the page "Session Storage" of `@humanspeak/memory-cache`, as that prints them. Only the import
 * differs. After `npm run build`:
 *
 *     node examples/pages/humanspeak-session-storage.ts
 */
import { MemoryCache } from "sojourn/cache";

// --- Basic Pattern ---
interface Session {
  userId: string;
  permissions: string[];
  createdAt: number;
}

const sessionCache = new MemoryCache<Session>({
  maxSize: 10000,
  ttl: 30 * 60 * 1000, // 30 minutes
});

function createSession(userId: string, permissions: string[]): string {
  const sessionId = crypto.randomUUID();

  sessionCache.set(sessionId, {
    userId,
    permissions,
    createdAt: Date.now(),
  });

  return sessionId;
}

function getSession(sessionId: string): Session | undefined {
  return sessionCache.get(sessionId);
}

function destroySession(sessionId: string): void {
  sessionCache.delete(sessionId);
}

const id = createSession("ada", ["read"]);
console.log(getSession(id)?.userId, getSession(id)?.permissions);
destroySession(id);
console.log(getSession(id));

// --- With Audit Logging ---
const auditLog = {
  info: (event: string, details: { sessionId: string; userId: string | undefined; reason?: string }): void =>
    console.log(event, details.userId, details.reason ?? ""),
};

{
  const sessionCache = new MemoryCache<Session>({
    maxSize: 10000,
    ttl: 30 * 60 * 1000,
    hooks: {
      onSet: ({ key, value, isUpdate }) => {
        if (!isUpdate) {
          auditLog.info("Session created", {
            sessionId: key,
            userId: value.userId,
          });
        }
      },
      onExpire: ({ key, value }) => {
        auditLog.info("Session expired", {
          sessionId: key,
          userId: value?.userId,
        });
      },
      onDelete: ({ key, value, source }) => {
        auditLog.info("Session destroyed", {
          sessionId: key,
          userId: value?.userId,
          reason: source,
        });
      },
    },
  });

  const session: Session = { userId: "grace", permissions: [], createdAt: Date.now() };
  sessionCache.set("s1", session);
  sessionCache.set("s1", session);
  sessionCache.set("s2", session, { ttl: 1 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  console.log(sessionCache.get("s2"));
  sessionCache.delete("s1");
}
