/** What the store needs of a client library: to send commands, and to listen beside the server that holds a key. */

/** A client, whichever library it is of. Replies are strings, numbers, `null` and arrays of them. */
export interface RedisPort {
  /**
   * Whether a command can reach the server twice, because the client sends what was not answered again once it is
   * connected again.
   */
  readonly resends: boolean;
  /** Whether the keys are spread over several masters. */
  readonly isCluster: boolean;
  /** Whether another server can take over, without what the first one has not passed on yet. */
  readonly failsOver: boolean;
  /** Whether a command that is sent now leaves at once. A client that does not say so is taken to be ready. */
  isReady(): boolean;
  /** Sends a command to the server that takes writes for this key; the key is among the arguments already. */
  send(key: string, command: readonly string[]): Promise<unknown>;
  /** Sends a command without a key over the connection on which those for this key go. */
  sendBeside(key: string, command: readonly string[]): Promise<unknown>;
  /** Which server takes writes for this key, as far as the client knows; `undefined` if it does not. */
  serverOf(key: string): string | undefined;
  /**
   * Opens a connection of its own to the server that takes writes for this key. It is never mended: when it breaks, it
   * has ended.
   */
  listen(key: string, handlers: ListenHandlers): Promise<Listening>;
  /** Looks for the server that takes writes, after one has said that it does not. */
  searchMaster?(): void;
}

/** What a listening connection tells. */
export interface ListenHandlers {
  /** A message on a channel. */
  message(channel: string, text: string): void;
  /** The connection is gone; called once, also after `close`. */
  ended(): void;
}

/** A connection that listens. */
export interface Listening {
  /** Resolves once the server has taken note. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  close(): void;
}
