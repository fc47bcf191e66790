/** The codes of the warnings that the library gives, each once in a process. */
export type WarningCode = "SOJOURN_SHORT_SECRET" | "SOJOURN_KV_FORGETS";

/** What Node, Bun and Deno have. Where it is not there, as in a browser or a Worker, nothing is said. */
interface Runtime {
  readonly process?: { emitWarning?(message: string, options: { readonly type: string; readonly code: string }): void };
}

const given = new Set<WarningCode>();

/**
 * Warns whoever runs the process of what works and is not safe: once, however often it is found. It is a `warning`
 * event of the process, which by default prints it, and `--disable-warning=CODE` silences.
 */
export function warnOnce(code: WarningCode, message: string): void {
  if (given.has(code)) return;
  given.add(code);
  (globalThis as unknown as Runtime).process?.emitWarning?.(message, { type: "SojournWarning", code });
}
