/** Connections that end with their session: WebSockets of `ws`, Socket.IO, and what else stays open. */
export { SESSION_ENDED, SESSION_LOST, type GuardedSocket } from "./ws/guard-socket.ts";
export type { LiveSession } from "./ws/live-session.ts";
export type { Refusal, UpgradeSocket } from "./ws/refuse-upgrade.ts";
export type { SocketIoServer } from "./ws/socket-io.ts";
export {
  socketSessions,
  type Authenticated,
  type AuthenticateOptions,
  type SocketSessions,
  type SocketSessionsOptions,
  type UpgradeListener,
  type UpgradeServer,
} from "./ws/socket-sessions.ts";
