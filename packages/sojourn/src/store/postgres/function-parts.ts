/** What the functions have in common. */

/** The SQLSTATE of a transaction that is not READ COMMITTED. */
export const WRONG_ISOLATION = "SJ001";
/** The SQLSTATE of a namespace whose row is gone. */
export const NO_NAMESPACE = "SJ002";
/** The SQLSTATE of an audit log whose end is not known any more. */
export const NO_CHAIN = "SJ003";

/** Every function that changes something begins so. */
export const ISOLATION: string = `\
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = '${WRONG_ISOLATION}';
  END IF;`;

/**
 * Whether somebody watches is looked for with a view from after the transaction got its number; else one that got it
 * after the watch began could still not tell what it does.
 */
export const NUMBERED = `  PERFORM pg_current_xact_id();`;

/** What finds nothing looks whether its namespace is there at all: tables can be made anew under a process. */
export const namespaceIn = (s: string): string => `\
IF NOT EXISTS (SELECT FROM ${s}.namespace WHERE id = _ns) THEN
    RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = '${NO_NAMESPACE}';
  END IF;`;

/** The columns of a head: what a removed entry has in `change`, after its transaction and its namespace. */
export const HEAD = `key, owner, rev, meta, created_at, touched_at, expires_at`;
/** What an insert brings. */
export const COLUMNS: string = `${HEAD}, due_at, value_text, value_bytes`;
/** The head of the record `e`. */
export const HEAD_OF_E = `e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at`;
