/** What somebody who starts the server has to change: its message is the one line that they see. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
