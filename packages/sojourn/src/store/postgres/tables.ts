/**
 * The tables, as a DBA finds them.
 *
 * *A touch stays on its page (HOT).* It moves `touched_at` and `expires_at`, which no index holds. A sweep goes by `due_at`,
 * when to look at an entry again: its end when it was put there. Touches move the end on and leave that where it is. Whoever
 * comes by after it has passed, a touch or a sweep, moves it to the end. So each entry moves in the index once a lifetime,
 * not once a touch, and what is first in the index and has not moved on is what ended first.
 *
 * *The total is a sum of 128 rows.* A transaction holds the row that it changes until its commit is on disk, so that one
 * row would let through one login for each flush. Which of them a connection takes is decided by its process id.
 *
 * *Texts are compared by their bytes* (`COLLATE "C"`), which is the order that cursors and prefixes go by.
 */

/** Over how many rows the total of a namespace is spread. */
export const SLOTS = 128;

/** @param s the schema */
export const tables = (s: string): string => `\
CREATE SCHEMA IF NOT EXISTS ${s};

-- Which version of these tables this is, and the oldest version of the library's tables that it still serves.
CREATE TABLE ${s}.version (
  version int NOT NULL,
  oldest int NOT NULL
);

-- "id" is a hash of the name, or the next free number: so tables that are dropped and made again under running processes do
-- not give one the number of another. "revoked" is the number of the last revocation. What began before "horizon", the highest number that was forgotten,
-- is refused; "horizon_at" is when that revocation ran, by the clock of the server run "horizon_run".
CREATE TABLE ${s}.namespace (
  id int PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  revoked bigint NOT NULL DEFAULT 0,
  horizon bigint NOT NULL DEFAULT 0,
  horizon_at timestamptz,
  horizon_run timestamptz
) WITH (fillfactor = 10);

-- The entries. Instants are epoch milliseconds; "due_at" is never later than "expires_at". A value is a text, or bytes.
CREATE TABLE ${s}.entry (
  created_at bigint NOT NULL,
  touched_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  due_at bigint NOT NULL,
  namespace int NOT NULL,
  key text COLLATE "C" NOT NULL,
  owner text COLLATE "C",
  rev text COLLATE "C" NOT NULL,
  meta text NOT NULL,
  value_text text,
  value_bytes bytea,
  PRIMARY KEY (namespace, key)
) WITH (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.1,
  autovacuum_analyze_scale_factor = 0.05
);
-- An owner has no bound, and an index has: so it holds a hash, and the owner is compared as well.
CREATE INDEX entry_owner ON ${s}.entry (namespace, hashtextextended(owner, 0), key) WHERE owner IS NOT NULL;
CREATE INDEX entry_due ON ${s}.entry (namespace, due_at);

-- How many entries there are, expired ones included: the sum of ${SLOTS} rows of a namespace.
CREATE TABLE ${s}.total (
  namespace int NOT NULL REFERENCES ${s}.namespace,
  slot int NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (namespace, slot)
) WITH (fillfactor = 10);

-- The last revocation of an owner: its number, and an instant at which it was certainly committed, by the clock of the
-- server run "run"; none before somebody has seen it committed.
CREATE TABLE ${s}.revocation (
  namespace int NOT NULL,
  owner text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  at timestamptz,
  run timestamptz
) WITH (fillfactor = 80);
CREATE INDEX revocation_owner ON ${s}.revocation (namespace, hashtextextended(owner, 0));
CREATE INDEX revocation_at ON ${s}.revocation (namespace, at);

-- What is told to those who watch. The two tables are not logged: after a crash or a failover they are empty, from which
-- a watch learns that it may have missed something, as it does if "run" is another. "since" is the transaction from which on changes are written down;
-- it is "settled" when none is left that began before. What is older than "trimmed" is gone, and "next_trimmed" becomes
-- "trimmed" a minute after it was taken.
CREATE UNLOGGED TABLE ${s}.watching (
  namespace int PRIMARY KEY REFERENCES ${s}.namespace,
  run uuid NOT NULL DEFAULT gen_random_uuid(),
  since xid8 NOT NULL,
  settled boolean NOT NULL DEFAULT false,
  trimmed xid8 NOT NULL,
  next_trimmed xid8 NOT NULL,
  taken_at timestamptz NOT NULL,
  polled_at timestamptz NOT NULL
) WITH (fillfactor = 10);
-- A change of a key; of an entry that is gone also its head, and the note of who removed it. Of one key, "id" goes up in
-- the order in which the changes were made.
CREATE UNLOGGED TABLE ${s}.change (
  id bigint GENERATED ALWAYS AS IDENTITY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  namespace int NOT NULL,
  key text COLLATE "C" NOT NULL,
  owner text,
  rev text,
  meta text,
  created_at bigint,
  touched_at bigint,
  expires_at bigint,
  note text
) WITH (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 10000, autovacuum_analyze_scale_factor = 1);
CREATE INDEX change_xid ON ${s}.change (namespace, xid);
`;
