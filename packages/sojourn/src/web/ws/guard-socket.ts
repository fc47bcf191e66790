/**
 * Lets messages through a WebSocket of `ws` while its session lives, and closes it when the session ends.
 *
 * Every message that comes is emitted, and every one that goes is sent, whatever listens and whoever sends: so these two
 * methods of the socket are replaced, and nothing of the application has to ask for itself.
 */
import type { SessionEnd } from "../../sessions/ends/session-end.ts";
import { show } from "../../show.ts";
import { systemTimer } from "../../time/timer.ts";
import { CLOSE_WITHIN, closeAfterHeld, type LiveSession } from "./live-session.ts";

/** What of a `WebSocket` of `ws` is used. */
export interface GuardedSocket {
  send(...args: never[]): unknown;
  emit(event: never, ...args: never[]): boolean;
  close(code?: number, reason?: string): unknown;
  terminate(): unknown;
  pause(): unknown;
  resume(): unknown;
  readonly isPaused: boolean;
  readonly readyState: number;
}

/**
 * The code of the close frame when the session has ended. The reason is the end's, such as `logout`.
 *
 * @example
 * ```ts
 * import { SESSION_ENDED } from "sojourn/ws";
 *
 * console.log(SESSION_ENDED); // 4401
 * ```
 */
export const SESSION_ENDED = 4401;
/**
 * The code when nobody can tell any more whether the session lives (`lost`): try again later, as after a 503.
 *
 * @example
 * ```ts
 * import { SESSION_LOST } from "sojourn/ws";
 *
 * console.log(SESSION_LOST); // 4503
 * ```
 */
export const SESSION_LOST = 4503;

export function closeCodeOf({ reason }: Pick<SessionEnd, "reason">): number {
  return reason === "lost" ? SESSION_LOST : SESSION_ENDED;
}

/**
 * From how many bytes on what comes while messages are held stays in the network. Before that it is read, since only who
 * reads finds out that the client has left.
 */
const MOST_READ = 65_536;

/** The `readyState` of a WebSocket that has closed. */
const CLOSED = 3;

interface Methods {
  send: (...args: unknown[]) => unknown;
  close: (...args: unknown[]) => void;
  emit: (event: string, ...args: unknown[]) => boolean;
}

/** @throws TypeError if it is no WebSocket of `ws` */
export function guardSocket(socket: GuardedSocket, live: LiveSession<unknown>): void {
  if (typeof socket?.emit !== "function" || typeof socket.terminate !== "function") {
    throw new TypeError(`Expected a WebSocket of \`ws\`, got ${show(socket)}`);
  }
  // It emits no `close` any more.
  if (socket.readyState === CLOSED) return live.close();
  const methods = socket as unknown as Methods;
  const { send, close, emit } = methods;
  let callOff: (() => void) | undefined;
  let isClosing = false;
  let hasEnded = false;
  let bytesHeld = 0;

  methods.send = (...args) =>
    live.pass(
      () => void send.apply(socket, args),
      (error) => callBack(args, error),
    );

  /** The application's own, or the answer to the client's: after all that was said before, in both directions. */
  methods.close = (...args) => {
    if (isClosing) return;
    isClosing = live.isHolding;
    if (isClosing) closeAfterHeld(live, () => closeNow(args));
    else close.apply(socket, args);
  };

  methods.emit = (event, ...args) => {
    const go = (): boolean => emit.call(socket, event, ...args);
    if (event === "message") {
      receive(bytesOf(args[0]), go);
      return true;
    }
    // Their payload is the client's.
    if (hasEnded && (event === "ping" || event === "pong")) return true;
    if (event === "close") {
      callOff?.();
      live.close();
    }
    return go();
  };

  function receive(bytes: number, go: () => void): void {
    const taken = (): unknown => (bytesHeld -= bytes);
    bytesHeld += bytes;
    live.pass(() => {
      taken();
      live.active();
      go();
    }, taken);
    if (bytesHeld <= MOST_READ || socket.isPaused) return;
    socket.pause();
    live.pass(() => socket.resume());
  }

  function closeNow(args: readonly unknown[]): void {
    isClosing = false;
    // One that is paused would not read the other side's part.
    if (socket.isPaused) socket.resume();
    close.apply(socket, [...args]);
  }

  live.onEnd((end) => {
    hasEnded = true;
    closeNow([closeCodeOf(end), end.reason]);
    // Nothing that the client sends is looked at any more.
    callOff = systemTimer.after(CLOSE_WITHIN, () => socket.terminate(), { background: true });
  });
}

/** Of a message as `ws` emits it. */
function bytesOf(data: unknown): number {
  if (Array.isArray(data)) return data.reduce<number>((sum, part) => sum + bytesOf(part), 0);
  const { byteLength, size = 0 } = Object(data) as { readonly byteLength?: number; readonly size?: number };
  return byteLength ?? size;
}

/** Whoever waits for a message to be sent is told that it was not. */
function callBack(args: readonly unknown[], error: Error): void {
  const last = args.at(-1);
  if (typeof last === "function") void Promise.resolve().then(() => (last as (error: Error) => void)(error));
}
