/** Every statement of the store, but for those that make the tables. All of them begin with the namespace. */
const HEAD = "key, owner, rev, meta, createdAt, touchedAt, expiresAt";
const ROW = `${HEAD}, value`;

export const READ_CHANGES = "SELECT changes FROM sojourn_namespace WHERE id = ?";

/** None if the namespace was deleted: who did that meant to take its sessions away. */
const UNDER_KEY = "FROM sojourn_entry WHERE namespace = (SELECT id FROM sojourn_namespace WHERE id = ?) AND key = ?";

/**
 * In the order that `entryOfValues` reads. The key as well: the string that was asked for may be a part of a token,
 * which would stay in memory with it.
 */
export const READ_ENTRY: string = `SELECT ${ROW} ${UNDER_KEY}`;

/** What can change of an entry while its rev stays, and the rev, in the order that `findAgain` reads. */
export const READ_STATE: string = `SELECT rev, touchedAt, expiresAt ${UNDER_KEY}`;

/** Pages read a bounded number of rows, whether those are live or not: what has expired must not make them slow. */
export const LIST_FROM: string = `SELECT ${HEAD} FROM sojourn_entry
  WHERE namespace = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?`;
export const LIST_AFTER: string = `SELECT ${HEAD} FROM sojourn_entry
  WHERE namespace = ? AND key > ? AND key < ? ORDER BY key LIMIT ?`;
export const LIST_BY_OWNER: string = `SELECT id, ${ROW} FROM sojourn_entry
  WHERE namespace = ? AND owner = ? AND id > ? ORDER BY id LIMIT ?`;

/** One statement, so that all numbers are of one instant. */
export const COUNT = `SELECT total
  - (SELECT ifnull(sum(entries), 0) FROM sojourn_expiry WHERE namespace = n.id AND width = ? AND until <= ?)
  - (SELECT ifnull(sum(entries), 0) FROM sojourn_expiry
      WHERE namespace = n.id AND width = ? AND until > ? AND until <= ?)
  - (SELECT count(*) FROM sojourn_entry WHERE namespace = n.id AND expiresAt > ? AND expiresAt <= ?)
  AS live FROM sojourn_namespace AS n WHERE id = ?`;

export const FIND_HEAD: string = `SELECT id, ${HEAD} FROM sojourn_entry WHERE namespace = ? AND key = ?`;
export const INSERT_ENTRY: string = `INSERT INTO sojourn_entry (namespace, ${ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
export const UPDATE_ENTRY = `UPDATE sojourn_entry
  SET owner = ?, rev = ?, meta = ?, createdAt = ?, touchedAt = ?, expiresAt = ?, value = ? WHERE id = ?`;
export const TOUCH_ENTRY = "UPDATE sojourn_entry SET touchedAt = ?, expiresAt = ? WHERE id = ?";
export const DELETE_ENTRY: string = `DELETE FROM sojourn_entry WHERE namespace = ? AND key = ? RETURNING ${HEAD}`;
export const DELETE_OWNED: string = `DELETE FROM sojourn_entry
  WHERE namespace = ? AND owner = ? AND key IS NOT ? RETURNING ${HEAD}`;
export const DELETE_EXPIRED: string = `DELETE FROM sojourn_entry
  WHERE id IN (SELECT id FROM sojourn_entry WHERE namespace = ? AND expiresAt <= ? ORDER BY expiresAt LIMIT ?)
  RETURNING ${HEAD}`;

/** A row if what began with a count of changes, given twice, was revoked since, or may have been. */
export const FIND_REVOCATION = `SELECT 1 FROM sojourn_namespace WHERE id = ? AND (horizon > ? OR EXISTS (
    SELECT 1 FROM sojourn_revocation WHERE namespace = sojourn_namespace.id AND owner = ? AND number > ?
  ))`;
export const REMEMBER_REVOCATION = `INSERT INTO sojourn_revocation (namespace, owner, number) VALUES (?, ?, ?)
  ON CONFLICT (namespace, owner) DO UPDATE SET number = excluded.number`;
export const FORGET_REVOCATIONS = `DELETE FROM sojourn_revocation WHERE (namespace, owner) IN
  (SELECT namespace, owner FROM sojourn_revocation WHERE namespace = ? AND number < ? ORDER BY number LIMIT ?)
  RETURNING number`;
export const RAISE_HORIZON = "UPDATE sojourn_namespace SET horizon = max(horizon, ?) WHERE id = ?";

export const CHANGE_EXPIRY = `INSERT INTO sojourn_expiry (namespace, width, until, entries) VALUES (?, ?, ?, ?)
  ON CONFLICT (namespace, width, until) DO UPDATE SET entries = entries + excluded.entries`;
export const DELETE_EXPIRY =
  "DELETE FROM sojourn_expiry WHERE namespace = ? AND width = ? AND until = ? AND entries = 0";

/** `removals` stays NULL where it is. */
export const WRITE_TOTALS = `UPDATE sojourn_namespace SET total = total + ?, changes = changes + 1, removals = removals + ?
  WHERE id = ? RETURNING changes, removals`;

export const READ_REMOVALS = "SELECT removals FROM sojourn_namespace WHERE id = ?";
export const START_REMOVALS = "UPDATE sojourn_namespace SET removals = 0 WHERE id = ?";
export const LIST_REMOVALS = `SELECT number, removed FROM sojourn_removal
  WHERE namespace = ? AND number >= ? ORDER BY number LIMIT ?`;
export const NOTE_REMOVALS =
  "INSERT INTO sojourn_removal (namespace, number, notedAt, removed) VALUES (?, ?, unixepoch(), ?)";
export const DELETE_REMOVALS = "DELETE FROM sojourn_removal WHERE namespace = ?";
/** Of the oldest ones, so many at most: those that are too many, or were noted so many seconds ago. */
export const TRIM_REMOVALS = `DELETE FROM sojourn_removal WHERE namespace = ?
  AND number IN (SELECT number FROM sojourn_removal WHERE namespace = ? ORDER BY number LIMIT ?)
  AND (number <= (SELECT removals FROM sojourn_namespace WHERE id = ?) - ? OR notedAt <= unixepoch() - ?)`;
