/**
 * The functions that change something: each call of the store is one statement, and so one transaction.
 *
 * They are functions, not statements with several parts, because each statement in a function of READ COMMITTED sees what
 * was committed before it began. The parts of one statement all see what was there before the first: a login would look
 * for a revocation that it has just waited for, and not find it. For the same reason they refuse every other isolation
 * level: there, a lock is waited for with an old view.
 *
 * What is locked, in the order in which everybody locks: the owner (an advisory lock of the transaction: shared by puts,
 * alone by a revocation), then entries, then one row of the total, then the row of the namespace. An entry that others
 * hold is not waited for by a sweep. The number of an advisory lock is a hash of the owner; where it meets a lock of
 * the application's, one waits for the other.
 *
 * Their names end in a version, since processes of an old and a new version of the library run side by side.
 */
import { SLOTS } from "./tables.ts";

/** The SQLSTATE of a transaction that is not READ COMMITTED. */
export const WRONG_ISOLATION = "SJ001";
/** The SQLSTATE of a namespace whose row is gone. */
export const NO_NAMESPACE = "SJ002";

const isolation = `\
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = '${WRONG_ISOLATION}';
  END IF;`;

/**
 * Whether somebody watches is looked for with a view from after the transaction got its number; else one that got it
 * after the watch began could still not tell what it does.
 */
const numbered = `  PERFORM pg_current_xact_id();`;

/** What a removed entry has in \`change\`, after its transaction and its namespace. */
const HEAD = `key, owner, rev, meta, created_at, touched_at, expires_at`;
const COLUMNS = `${HEAD}, due_at, value_text, value_bytes`;
const HEAD_OF_E = `e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at`;

/** @param s the schema, quoted */
export const functions = (s: string): string => `\
-- Finds a namespace or makes it; answers its id, and the number of its last revocation.
CREATE FUNCTION ${s}.open_v1(_name text) RETURNS TABLE (id int, revoked bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE _id int;
BEGIN
  SELECT n.id INTO _id FROM ${s}.namespace n WHERE n.name = _name;
  IF NOT FOUND THEN
    INSERT INTO ${s}.namespace (name) VALUES (_name) ON CONFLICT DO NOTHING;
    SELECT n.id INTO STRICT _id FROM ${s}.namespace n WHERE n.name = _name;
    INSERT INTO ${s}.total (namespace, slot, entries) SELECT _id, i, 0 FROM generate_series(0, ${SLOTS - 1}) i ON CONFLICT DO NOTHING;
  END IF;
  RETURN QUERY SELECT n.id, n.revoked FROM ${s}.namespace n WHERE n.id = _id;
END $$;

-- Adds to the total. The row is held until the commit is on disk, so this comes after all that can take long.
CREATE FUNCTION ${s}.add_v1(_ns int, _more bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ${s}.total SET entries = entries + _more WHERE namespace = _ns AND slot = pg_backend_pid() % ${SLOTS};
END $$;

-- Removes at most so many entries that have expired, the earliest first; who is held by somebody else is left out. Among
-- those that are first by "due_at", the ones whose end has moved on since are moved to where they belong; until there are
-- none, if "_all", or else once. The rows are found again by key, not by their place: a touch may have moved them meanwhile.
CREATE FUNCTION ${s}.reclaim_v1(_ns int, _now bigint, _limit int, _all boolean) RETURNS SETOF ${s}.entry LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _until bigint;
  _moved bigint;
BEGIN
  LOOP
    SELECT max(due_at), count(*) FILTER (WHERE expires_at > due_at) INTO _until, _moved FROM (
      SELECT due_at, expires_at FROM ${s}.entry WHERE namespace = _ns AND due_at <= _now ORDER BY due_at LIMIT _limit
    ) f;
    IF _until IS NULL THEN RETURN; END IF;
    EXIT WHEN _moved = 0;
    WITH f AS MATERIALIZED (
      SELECT key, due_at, expires_at FROM ${s}.entry WHERE namespace = _ns AND due_at <= _now ORDER BY due_at LIMIT _limit
    ), l AS MATERIALIZED (
      SELECT key FROM ${s}.entry WHERE namespace = _ns AND key IN (SELECT key FROM f WHERE expires_at > due_at)
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ${s}.entry e SET due_at = e.expires_at FROM l WHERE e.namespace = _ns AND e.key = l.key;
    EXIT WHEN NOT FOUND OR NOT _all;
  END LOOP;
  IF _all THEN _until := _now; END IF;
  RETURN QUERY
    WITH d AS MATERIALIZED (
      SELECT key FROM ${s}.entry WHERE namespace = _ns AND due_at <= _until AND expires_at <= _now
      ORDER BY due_at LIMIT _limit FOR UPDATE SKIP LOCKED
    ), gone AS (
      DELETE FROM ${s}.entry e USING d WHERE e.namespace = _ns AND e.key = d.key RETURNING e.*
    ), told AS (
      INSERT INTO ${s}.change (namespace, ${HEAD}, note)
      SELECT _ns, ${HEAD}, '' FROM gone WHERE EXISTS (SELECT FROM ${s}.watching WHERE namespace = _ns)
    )
    SELECT * FROM gone ORDER BY expires_at;
END $$;

-- Stores an entry. "_want" is a rev, NULL for nothing live, '' for whatever is there; "_seen" the number of the last
-- revocation that was known when it began; "_reclaim" how many expired entries may go on the way.
-- No row: stored. Kind 'r': stored, and this one is gone. 'c': a conflict, with the entry that is there, or with
-- nothing. 'n': a revocation stands against it, with its number in "created_at", and in "touched_at" for how many
-- microseconds it has certainly been there; NULL if that is not known, and from now on it counts as made now.
CREATE FUNCTION ${s}.put_v1(
  _ns int, _key text, _owner text, _rev text, _meta text, _created bigint, _touched bigint, _expires bigint,
  _text text, _bytes bytea, _want text, _now bigint, _seen bigint, _reclaim int
) RETURNS TABLE (
  kind text, key text, owner text, rev text, meta text, created_at bigint, touched_at bigint, expires_at bigint,
  value_text text, value_bytes bytea
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e ${s}.entry%ROWTYPE;
  _bar record;
  _barred boolean := false;
  _live boolean;
  _over boolean;
  _added int := 0;
  _run timestamptz;
BEGIN
${isolation}
  IF _owner IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(_owner, _ns));
    -- A statement of its own: what a revocation committed while the lock was waited for must be seen.
    SELECT n.horizon, n.horizon_at, n.horizon_run, r.number, r.at, r.run INTO _bar FROM ${s}.namespace n
      LEFT JOIN ${s}.revocation r ON r.namespace = _ns
        AND hashtextextended(r.owner, 0) = hashtextextended(_owner, 0) AND r.owner = _owner
      WHERE n.id = _ns;
    IF NOT FOUND THEN RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = '${NO_NAMESPACE}'; END IF;
    _barred := coalesce(_bar.number > _seen, false) OR _bar.horizon > _seen;
  END IF;

  -- What every login does: an insert where nothing is.
  IF NOT _barred AND (_want IS NULL OR _want = '') THEN
    INSERT INTO ${s}.entry (namespace, ${COLUMNS})
      VALUES (_ns, _key, _owner, _rev, _meta, _created, _touched, _expires, _expires, _text, _bytes) ON CONFLICT DO NOTHING;
    IF FOUND THEN _added := 1; END IF;
  END IF;

  WHILE _added = 0 LOOP
    SELECT * INTO e FROM ${s}.entry WHERE namespace = _ns AND key = _key FOR UPDATE;
    _live := e.key IS NOT NULL AND e.expires_at > _now;
    IF _live AND e.rev = _rev THEN RETURN; END IF;
    _over := coalesce(_want <> '' AND _live AND e.rev = _want, false);
    IF (CASE WHEN _want IS NULL THEN _live ELSE _want <> '' AND NOT _over END) THEN
      IF _live THEN RETURN QUERY SELECT 'c', ${HEAD_OF_E}, e.value_text, e.value_bytes;
      ELSE RETURN QUERY SELECT 'c', NULL, NULL, NULL, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL, NULL::bytea;
      END IF;
      RETURN;
    END IF;
    IF _barred AND NOT coalesce(_over AND e.owner = _owner, false) THEN
      _run := pg_postmaster_start_time();
      IF (_bar.number > _seen AND _bar.run IS DISTINCT FROM _run)
        OR (_bar.horizon > _seen AND _bar.horizon_run IS DISTINCT FROM _run) THEN
        UPDATE ${s}.revocation SET at = clock_timestamp(), run = _run WHERE namespace = _ns
          AND hashtextextended(owner, 0) = hashtextextended(_owner, 0) AND owner = _owner AND run IS DISTINCT FROM _run;
        UPDATE ${s}.namespace SET horizon_at = clock_timestamp(), horizon_run = _run
          WHERE id = _ns AND horizon_run IS DISTINCT FROM _run;
        _bar.at := NULL;
        _bar.horizon_at := NULL;
      END IF;
      RETURN QUERY SELECT 'n', NULL, NULL, NULL, NULL, greatest(_bar.horizon, _bar.number),
        (extract(epoch FROM clock_timestamp() - greatest(
          CASE WHEN _bar.number > _seen THEN _bar.at END, CASE WHEN _bar.horizon > _seen THEN _bar.horizon_at END
        )) * 1000000)::bigint, NULL::bigint, NULL, NULL::bytea;
      RETURN;
    END IF;
    IF e.key IS NULL THEN
      INSERT INTO ${s}.entry (namespace, ${COLUMNS})
        VALUES (_ns, _key, _owner, _rev, _meta, _created, _touched, _expires, _expires, _text, _bytes) ON CONFLICT DO NOTHING;
      -- Somebody else was first: look again.
      CONTINUE WHEN NOT FOUND;
      _added := 1;
    ELSE
      UPDATE ${s}.entry SET owner = _owner, rev = _rev, meta = _meta, created_at = _created,
        touched_at = CASE WHEN _over THEN greatest(touched_at, _touched) ELSE _touched END,
        expires_at = CASE WHEN _over THEN greatest(expires_at, _expires) ELSE _expires END,
        due_at = CASE WHEN NOT _over THEN _expires WHEN due_at <= _now THEN greatest(expires_at, _expires) ELSE due_at END,
        value_text = _text, value_bytes = _bytes
        WHERE namespace = _ns AND key = _key;
      IF _over THEN
        INSERT INTO ${s}.change (namespace, key) SELECT _ns, _key FROM ${s}.watching WHERE namespace = _ns;
      ELSE
        INSERT INTO ${s}.change (namespace, ${HEAD}, note)
          SELECT _ns, ${HEAD_OF_E}, CASE WHEN _live THEN 'replaced' ELSE '' END FROM ${s}.watching WHERE namespace = _ns;
        RETURN QUERY SELECT 'r', ${HEAD_OF_E}, NULL::text, NULL::bytea;
      END IF;
      EXIT;
    END IF;
  END LOOP;

  IF _reclaim > 0 AND EXISTS (SELECT FROM ${s}.entry WHERE namespace = _ns AND due_at <= _now) THEN
    FOR e IN SELECT * FROM ${s}.reclaim_v1(_ns, _now, _reclaim, false) LOOP
      _added := _added - 1;
      RETURN QUERY SELECT 'r', ${HEAD_OF_E}, NULL::text, NULL::bytea;
    END LOOP;
  END IF;
  IF _added <> 0 THEN PERFORM ${s}.add_v1(_ns, _added); END IF;
  IF _reclaim > 0 AND random() < 0.01 THEN PERFORM ${s}.trim_v1(_ns, false); END IF;
END $$;

-- Moves the instants of a live entry of this rev forward; answers whether there is one.
CREATE FUNCTION ${s}.touch_v1(_ns int, _key text, _rev text, _touched bigint, _expires bigint, _now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
${isolation}
  UPDATE ${s}.entry SET touched_at = greatest(touched_at, _touched), expires_at = greatest(expires_at, _expires),
    due_at = CASE WHEN due_at <= _now THEN greatest(expires_at, _expires) ELSE due_at END
    WHERE namespace = _ns AND key = _key AND rev = _rev AND expires_at > _now;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO ${s}.change (namespace, key) SELECT _ns, _key FROM ${s}.watching WHERE namespace = _ns;
  RETURN true;
END $$;

-- Removes an entry, live or not; answers its head.
CREATE FUNCTION ${s}.delete_v1(_ns int, _key text, _note text) RETURNS SETOF ${s}.entry LANGUAGE plpgsql AS $$
DECLARE e ${s}.entry%ROWTYPE;
BEGIN
${isolation}
  DELETE FROM ${s}.entry WHERE namespace = _ns AND key = _key RETURNING * INTO e;
  IF NOT FOUND THEN RETURN; END IF;
  INSERT INTO ${s}.change (namespace, ${HEAD}, note) SELECT _ns, ${HEAD_OF_E}, _note FROM ${s}.watching WHERE namespace = _ns;
  PERFORM ${s}.add_v1(_ns, -1);
  RETURN NEXT e;
END $$;

-- Removes every entry of an owner but one, and numbers and remembers that. Three statements that must each see what
-- was committed before it: the lock, the entries, the number. Answers a row with the number in "created_at" and no key,
-- and the heads. When that was is not written down here: others see it when it is committed, which is later.
CREATE FUNCTION ${s}.revoke_v1(_ns int, _owner text, _except text, _note text) RETURNS SETOF ${s}.entry LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e ${s}.entry%ROWTYPE;
  _gone bigint := 0;
  _number bigint;
BEGIN
${isolation}
${numbered}
  PERFORM pg_advisory_xact_lock(hashtextextended(_owner, _ns));
  FOR e IN
    WITH l AS MATERIALIZED (
      SELECT key FROM ${s}.entry WHERE namespace = _ns AND hashtextextended(owner, 0) = hashtextextended(_owner, 0)
        AND owner = _owner AND key IS DISTINCT FROM _except ORDER BY key FOR UPDATE
    ), gone AS (
      DELETE FROM ${s}.entry e USING l WHERE e.namespace = _ns AND e.key = l.key AND e.owner = _owner RETURNING e.*
    ), told AS (
      INSERT INTO ${s}.change (namespace, ${HEAD}, note)
      SELECT _ns, ${HEAD}, _note FROM gone WHERE EXISTS (SELECT FROM ${s}.watching WHERE namespace = _ns)
    )
    SELECT * FROM gone
  LOOP
    _gone := _gone + 1;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM ${s}.add_v1(_ns, -_gone); END IF;
  -- Higher than all before it, also where a failover has lost some of those.
  UPDATE ${s}.namespace SET revoked = greatest(revoked + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    WHERE id = _ns RETURNING revoked INTO _number;
  IF NOT FOUND THEN RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = '${NO_NAMESPACE}'; END IF;
  UPDATE ${s}.revocation SET number = _number, at = NULL, run = NULL
    WHERE namespace = _ns AND hashtextextended(owner, 0) = hashtextextended(_owner, 0) AND owner = _owner;
  IF NOT FOUND THEN INSERT INTO ${s}.revocation (namespace, owner, number) VALUES (_ns, _owner, _number); END IF;
  e := NULL;
  e.created_at := _number;
  RETURN NEXT e;
END $$;

-- Writes down that a revocation is committed now.
CREATE FUNCTION ${s}.seal_v1(_ns int, _owner text, _number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ${s}.revocation SET at = clock_timestamp(), run = pg_postmaster_start_time() WHERE namespace = _ns
    AND hashtextextended(owner, 0) = hashtextextended(_owner, 0) AND owner = _owner AND number = _number AND run IS NULL;
END $$;

-- Removes at most so many entries that have expired, the earliest first; answers their heads.
CREATE FUNCTION ${s}.sweep_v1(_ns int, _now bigint, _limit int) RETURNS SETOF ${s}.entry LANGUAGE plpgsql AS $$
DECLARE
  e ${s}.entry%ROWTYPE;
  _gone bigint := 0;
BEGIN
${isolation}
${numbered}
  FOR e IN SELECT * FROM ${s}.reclaim_v1(_ns, _now, _limit, true) LOOP
    _gone := _gone + 1;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM ${s}.add_v1(_ns, -_gone); END IF;
  PERFORM ${s}.trim_v1(_ns, false);
END $$;

-- From this transaction on, changes are written down. A writer has its number when it looks for the row. So who does not
-- see it is among those that a snapshot from after this commit shows as running, or is over. When all of those are over,
-- the client marks the row as settled.
CREATE FUNCTION ${s}.watch_v1(_ns int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE _now timestamptz := clock_timestamp();
BEGIN
  -- From the tables of another server, whose transactions were numbered otherwise.
  DELETE FROM ${s}.watching WHERE namespace = _ns AND since >= pg_snapshot_xmax(pg_current_snapshot());
  IF FOUND THEN DELETE FROM ${s}.change WHERE namespace = _ns; END IF;
  INSERT INTO ${s}.watching (namespace, since, trimmed, next_trimmed, taken_at, polled_at)
    VALUES (_ns, pg_current_xact_id(), '0', pg_snapshot_xmin(pg_current_snapshot()), _now, _now) ON CONFLICT DO NOTHING;
END $$;

-- Forgets changes that are older than a minute and revocations that are older than an hour; and, if nobody has listened
-- for an hour, that anybody watches. Answers whether there may be more to forget.
CREATE FUNCTION ${s}.trim_v1(_ns int, _listens boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  w ${s}.watching%ROWTYPE;
  _now timestamptz := clock_timestamp();
  _count bigint;
  _number bigint;
  _at timestamptz;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('${s} trim', _ns)) THEN RETURN false; END IF;
  UPDATE ${s}.revocation SET at = _now, run = pg_postmaster_start_time() WHERE namespace = _ns AND at IS NULL;
  WITH d AS MATERIALIZED (
    SELECT ctid FROM ${s}.revocation WHERE namespace = _ns AND at < _now - interval '1 hour' ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM ${s}.revocation r USING d WHERE r.ctid = d.ctid RETURNING r.number, r.at, r.run
  )
  SELECT max(number), CASE WHEN bool_and(run = pg_postmaster_start_time()) THEN max(at) ELSE _now END
    INTO _number, _at FROM gone;
  IF _number IS NOT NULL THEN
    UPDATE ${s}.namespace SET horizon = _number, horizon_at = _at, horizon_run = pg_postmaster_start_time()
      WHERE id = _ns AND horizon < _number;
  END IF;

  SELECT * INTO w FROM ${s}.watching WHERE namespace = _ns FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF NOT _listens AND w.polled_at < _now - interval '1 hour' THEN
    DELETE FROM ${s}.watching WHERE namespace = _ns;
    DELETE FROM ${s}.change WHERE namespace = _ns;
    RETURN false;
  END IF;
  IF _listens AND w.polled_at < _now - interval '1 minute' THEN
    UPDATE ${s}.watching SET polled_at = _now WHERE namespace = _ns;
  END IF;
  IF w.taken_at < _now - interval '1 minute' OR w.taken_at > _now THEN
    w.trimmed := w.next_trimmed;
    UPDATE ${s}.watching SET trimmed = w.next_trimmed, next_trimmed = pg_snapshot_xmin(pg_current_snapshot()), taken_at = _now
      WHERE namespace = _ns;
  END IF;
  DELETE FROM ${s}.change c USING (
    SELECT ctid FROM ${s}.change WHERE namespace = _ns AND xid < w.trimmed LIMIT 5000
  ) d WHERE c.ctid = d.ctid;
  GET DIAGNOSTICS _count = ROW_COUNT;
  RETURN _count = 5000;
END $$;
`;
