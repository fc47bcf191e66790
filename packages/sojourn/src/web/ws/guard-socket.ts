/**
 * Lets messages through a WebSocket of `ws` while its session lives, and closes it when the session ends.
 *
 * Every message that comes is emitted, and every one that goes is sent, whatever listens and whoever sends: so these two
 * methods of the socket are replaced, and nothing of the application has to ask for itself.
 */
import type { SessionEnd } from "../../sessions/ends/session-end.ts";
import { show } from "../../show.ts";
import { systemTimer } from "../../time/timer.ts";
import type { LiveSession } from "./live-session.ts";

/** What of a `WebSocket` of `ws` is used. */
export interface GuardedSocket {
  send(...args: never[]): unknown;
  emit(event: never, ...args: never[]): boolean;
  close(code: number, reason: string): unknown;
  terminate(): unknown;
  pause(): unknown;
  resume(): unknown;
  readonly isPaused: boolean;
}

/** The code of the close frame when the session has ended. The reason is the end's, such as `logout`. */
export const SESSION_ENDED = 4401;
/** The code when nobody can tell any more whether the session lives (`lost`): try again later, as after a 503. */
export const SESSION_LOST = 4503;

export function closeCodeOf({ reason }: Pick<SessionEnd, "reason">): number {
  return reason === "lost" ? SESSION_LOST : SESSION_ENDED;
}

/** How long a client has for its part of the closing, in milliseconds. Nothing that it sends is looked at any more. */
const CLOSE_WITHIN = 1_000;

interface Methods {
  send: (...args: unknown[]) => unknown;
  emit: (event: string, ...args: unknown[]) => boolean;
}

/** @throws TypeError if it is no WebSocket of `ws` */
export function guardSocket(socket: GuardedSocket, live: LiveSession<unknown>): void {
  if (typeof socket?.emit !== "function" || typeof socket.terminate !== "function") {
    throw new TypeError(`Expected a WebSocket of \`ws\`, got ${show(socket)}`);
  }
  const methods = socket as unknown as Methods;
  const { send, emit } = methods;
  let callOff: (() => void) | undefined;

  methods.send = (...args) =>
    live.pass(
      () => void send.apply(socket, args),
      (error) => callBack(args, error),
    );

  methods.emit = (event, ...args) => {
    const go = (): boolean => emit.call(socket, event, ...args);
    if (event === "message") receive(go);
    else if (event === "close") closed(go);
    else return go();
    return true;
  };

  function receive(go: () => void): void {
    const isFirst = !live.isHolding;
    live.pass(() => {
      live.active();
      go();
    });
    // What comes meanwhile stays in the network.
    if (isFirst && live.isHolding && !socket.isPaused) {
      socket.pause();
      live.pass(() => socket.resume());
    }
  }

  /** The end of what came, after all of it. */
  function closed(go: () => void): void {
    callOff?.();
    const end = (): void => {
      live.close();
      go();
    };
    if (live.isHolding) live.pass(end, end);
    else end();
  }

  live.onEnd((end) => {
    // One that is paused would not read the other side's part.
    if (socket.isPaused) socket.resume();
    socket.close(closeCodeOf(end), end.reason);
    callOff = systemTimer.after(CLOSE_WITHIN, () => socket.terminate(), { background: true });
  });
}

/** Whoever waits for a message to be sent is told that it was not. */
function callBack(args: readonly unknown[], error: Error): void {
  const last = args.at(-1);
  if (typeof last === "function") void Promise.resolve().then(() => (last as (error: Error) => void)(error));
}
