/** The server's log. */

/** Where log lines go; a pino logger is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log that keeps nothing. */
export const noLog: Log = Object.freeze({ info: () => undefined, warn: () => undefined, error: () => undefined });

/**
 * What is logged of an error: its name, code, message and stack, and those of its causes. Its other fields are left
 * out: Node keeps the bytes of a bad request in them, and with those the token.
 */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message, stack, cause } = error;
  const code = "code" in error ? error.code : undefined;
  return { name, code, message, stack, ...(cause === undefined ? {} : { cause: describeError(cause) }) };
}
