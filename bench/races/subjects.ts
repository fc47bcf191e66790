/** Who takes part in the races, in the order of the table. */
import type { Subject } from "./subject.ts";
import {
  withConnectRedis,
  withExpress4,
  withMemoryStore,
  withRedisStore,
  withRemoteMemoryStore,
  withRemoteSessionStore,
  withSessionStore,
} from "./subjects/express-session.ts";
import { fastifySessions } from "./subjects/fastify-session.ts";
import { honoSessions } from "./subjects/hono-sessions.ts";
import {
  withExpress,
  withFastify,
  withHono,
  withNode,
  withRemoteExpress,
  withRemoteFastify,
  withRemoteHono,
  withRemoteNode,
} from "./subjects/sojourn.ts";

/** Those that others have made. @param redisUrl a server for connect-redis, if there is one */
export function peers(redisUrl: string | undefined): readonly Subject[] {
  return [
    withMemoryStore(true),
    withMemoryStore(false),
    withRemoteMemoryStore(),
    ...(redisUrl === undefined ? [] : [withConnectRedis(redisUrl)]),
    fastifySessions(true),
    fastifySessions(false),
    honoSessions(),
  ];
}

/** express-session with our store: what it stores of visitors is still for its own options to say. */
export function migrated(redisUrl: string | undefined): readonly Subject[] {
  return [
    withSessionStore(true),
    withSessionStore(false),
    withRemoteSessionStore(),
    withExpress4(),
    ...(redisUrl === undefined ? [] : [withRedisStore(redisUrl)]),
  ];
}

/** Ours. */
export function ours(): readonly Subject[] {
  return [
    withHono(),
    withRemoteHono(),
    withExpress(),
    withRemoteExpress(),
    withFastify(),
    withRemoteFastify(),
    withNode(),
    withRemoteNode(),
  ];
}

export function allSubjects(redisUrl: string | undefined): readonly Subject[] {
  return [...peers(redisUrl), ...migrated(redisUrl), ...ours()];
}
