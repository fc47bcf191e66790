/** What the store needs of a client library: to run one statement, over whatever connection it likes. */
import { sha256 } from "../../tokens/crypto.ts";

/** A value of a statement: text, `null` or bytes. Numbers are sent as text, so that no client has to guess their type. */
export type Value = string | null | Uint8Array;

/** A row, as an array in the order of the columns. */
export type Row = readonly unknown[];

/** A statement that is always the same, with `$1`, `$2` … for its values. */
export interface Statement {
  /** For clients that prepare statements; unlike every other statement's, and a new one where the text is another. */
  readonly name: string;
  readonly text: string;
}

/** A statement whose name no other text has, in whatever schema, and which Postgres does not cut: it keeps 63 bytes. */
export function statementOf(name: string, text: string): Statement {
  return { name: `sojourn_${name}_${sha256(text).slice(0, 16)}`, text };
}

/** A call on its way, which may have to give up. */
export interface Sending {
  /** Whether its caller has been told that it failed: it must not be sent any more. */
  readonly isOver: boolean;
  /** To be called when it goes to the server. What was not sent has changed nothing. */
  sent(): void;
  /** Calls back once its caller has been told that it failed. */
  onOver(run: () => void): void;
}

/** A client, whichever library it is of. */
export interface PostgresPort {
  /**
   * Whether what is acknowledged is on a disk as the server's settings say.
   * @default true
   */
  readonly isServer?: boolean;
  /** What to do if it answers nothing any more, where it does not give up connections that are dead. */
  readonly advice?: string;
  /** Runs one statement, in a transaction of its own. */
  query(statement: Statement, values: readonly Value[], sending: Sending): Promise<readonly Row[]>;
  /** Runs several statements without values, in one transaction. Only migrations need it. */
  script(text: string): Promise<void>;
}
