-- The tables and functions of sojourn in the schema "sojourn": what `postgresStore.migrate` makes.
-- Run it in one transaction: psql --single-transaction --set ON_ERROR_STOP=1 --file postgres-schema.sql

CREATE SCHEMA IF NOT EXISTS sojourn;

-- Which version of these tables this is, and the oldest version of the library's tables that it still serves.
CREATE TABLE sojourn.version (
  version int NOT NULL,
  oldest int NOT NULL
);

-- "id" is a hash of the name, or the next free number: so tables that are dropped and made again under running processes do
-- not give one the number of another. "revoked" is the number of the last revocation. What began before "horizon", the highest number that was forgotten,
-- is refused; "horizon_at" is when that revocation ran, by the clock of the server run "horizon_run".
CREATE TABLE sojourn.namespace (
  id int PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  revoked bigint NOT NULL DEFAULT 0,
  horizon bigint NOT NULL DEFAULT 0,
  horizon_at timestamptz,
  horizon_run timestamptz
) WITH (fillfactor = 10);

-- The entries. Instants are epoch milliseconds; "due_at" is never later than "expires_at". A value is a text, or bytes.
CREATE TABLE sojourn.entry (
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
CREATE INDEX entry_owner ON sojourn.entry (namespace, hashtextextended(owner, 0), key) WHERE owner IS NOT NULL;
CREATE INDEX entry_due ON sojourn.entry (namespace, due_at);

-- How many entries there are, expired ones included: the sum of 128 rows of a namespace.
CREATE TABLE sojourn.total (
  namespace int NOT NULL REFERENCES sojourn.namespace,
  slot int NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (namespace, slot)
) WITH (fillfactor = 10);

-- The last revocation of an owner: its number, and an instant at which it was certainly committed, by the clock of the
-- server run "run"; none before somebody has seen it committed.
CREATE TABLE sojourn.revocation (
  namespace int NOT NULL,
  owner text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  at timestamptz,
  run timestamptz
) WITH (fillfactor = 80);
CREATE INDEX revocation_owner ON sojourn.revocation (namespace, hashtextextended(owner, 0));
CREATE INDEX revocation_at ON sojourn.revocation (namespace, at);

-- What is told to those who watch. The two tables are not logged: after a crash or a failover they are empty, from which
-- a watch learns that it may have missed something, as it does if "run" is another. "since" is the transaction from which on changes are written down;
-- it is "settled" when none is left that began before. What is older than "trimmed" is gone, and "next_trimmed" becomes
-- "trimmed" a minute after it was taken.
CREATE UNLOGGED TABLE sojourn.watching (
  namespace int PRIMARY KEY REFERENCES sojourn.namespace,
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
CREATE UNLOGGED TABLE sojourn.change (
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
CREATE INDEX change_xid ON sojourn.change (namespace, xid);

-- Finds a namespace or makes it; answers its id, and the number of its last revocation.
CREATE FUNCTION sojourn.open_v1(_name text) RETURNS TABLE (id int, revoked bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE _id int := hashtext(_name COLLATE "C") & 2147483647;
BEGIN
  LOOP
    RETURN QUERY SELECT n.id, n.revoked FROM sojourn.namespace n WHERE n.name = _name;
    EXIT WHEN FOUND;
    -- Nothing is inserted if another one has this number, or if this one is there by now.
    INSERT INTO sojourn.namespace (id, name) VALUES (_id, _name) ON CONFLICT DO NOTHING;
    _id := (_id + 1) & 2147483647;
  END LOOP;
END $$;

-- Adds to the total. The row is held until the commit is on disk, so this comes after all that can take long.
CREATE FUNCTION sojourn.add_v1(_ns int, _more bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Nearly always there is one, and an update costs half of an insert that becomes one.
  UPDATE sojourn.total SET entries = entries + _more WHERE namespace = _ns AND slot = pg_backend_pid() % 128;
  IF FOUND THEN RETURN; END IF;
  INSERT INTO sojourn.total AS t (namespace, slot, entries) VALUES (_ns, pg_backend_pid() % 128, _more)
    ON CONFLICT (namespace, slot) DO UPDATE SET entries = t.entries + _more;
END $$;

-- Removes at most so many entries that have expired, the earliest first; who is held by somebody else is left out. Among
-- those that are first by "due_at", the ones whose end has moved on since are moved to where they belong; until there are
-- none, if "_all", or else once. The rows are found again by key, not by their place: a touch may have moved them meanwhile.
CREATE FUNCTION sojourn.reclaim_v1(_ns int, _now bigint, _limit int, _all boolean) RETURNS SETOF sojourn.entry LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _until bigint;
  _moved bigint;
BEGIN
  LOOP
    SELECT max(due_at), count(*) FILTER (WHERE expires_at > due_at) INTO _until, _moved FROM (
      SELECT due_at, expires_at FROM sojourn.entry WHERE namespace = _ns AND due_at <= _now ORDER BY due_at LIMIT _limit
    ) f;
    IF _until IS NULL THEN RETURN; END IF;
    EXIT WHEN _moved = 0;
    WITH f AS MATERIALIZED (
      SELECT key, due_at, expires_at FROM sojourn.entry WHERE namespace = _ns AND due_at <= _now ORDER BY due_at LIMIT _limit
    ), l AS MATERIALIZED (
      SELECT key FROM sojourn.entry WHERE namespace = _ns AND key IN (SELECT key FROM f WHERE expires_at > due_at)
        FOR UPDATE SKIP LOCKED
    )
    UPDATE sojourn.entry e SET due_at = e.expires_at FROM l WHERE e.namespace = _ns AND e.key = l.key;
    EXIT WHEN NOT FOUND OR NOT _all;
  END LOOP;
  IF _all THEN _until := _now; END IF;
  RETURN QUERY
    WITH d AS MATERIALIZED (
      SELECT key FROM sojourn.entry WHERE namespace = _ns AND due_at <= _until AND expires_at <= _now
      ORDER BY due_at LIMIT _limit FOR UPDATE SKIP LOCKED
    ), gone AS (
      DELETE FROM sojourn.entry e USING d WHERE e.namespace = _ns AND e.key = d.key RETURNING e.*
    ), told AS (
      INSERT INTO sojourn.change (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, note)
      SELECT _ns, key, owner, rev, meta, created_at, touched_at, expires_at, '' FROM gone WHERE EXISTS (SELECT FROM sojourn.watching WHERE namespace = _ns)
    )
    SELECT * FROM gone ORDER BY expires_at;
END $$;

-- Removes every entry of an owner but one, and numbers and remembers that. Three statements that must each see what
-- was committed before it: the lock, the entries, the number. Answers a row with the number in "created_at" and no key,
-- and the heads. When that was is not written down here: others see it when it is committed, which is later.
CREATE FUNCTION sojourn.revoke_v1(_ns int, _owner text, _except text, _note text) RETURNS SETOF sojourn.entry LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e sojourn.entry%ROWTYPE;
  _gone bigint := 0;
  _number bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  PERFORM pg_current_xact_id();
  PERFORM pg_advisory_xact_lock(hashtextextended(_owner, _ns));
  FOR e IN
    WITH l AS MATERIALIZED (
      SELECT key FROM sojourn.entry WHERE namespace = _ns AND hashtextextended(owner, 0) = hashtextextended(_owner, 0)
        AND owner = _owner AND key IS DISTINCT FROM _except ORDER BY key FOR UPDATE
    ), gone AS (
      DELETE FROM sojourn.entry e USING l WHERE e.namespace = _ns AND e.key = l.key AND e.owner = _owner RETURNING e.*
    ), told AS (
      INSERT INTO sojourn.change (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, note)
      SELECT _ns, key, owner, rev, meta, created_at, touched_at, expires_at, _note FROM gone WHERE EXISTS (SELECT FROM sojourn.watching WHERE namespace = _ns)
    )
    SELECT * FROM gone
  LOOP
    _gone := _gone + 1;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM sojourn.add_v1(_ns, -_gone); END IF;
  -- Higher than all before it, also where a failover has lost some of those.
  UPDATE sojourn.namespace SET revoked = greatest(revoked + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    WHERE id = _ns RETURNING revoked INTO _number;
  IF NOT FOUND THEN RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = 'SJ002'; END IF;
  UPDATE sojourn.revocation SET number = _number, at = NULL, run = NULL
    WHERE namespace = _ns AND hashtextextended(owner, 0) = hashtextextended(_owner, 0) AND owner = _owner;
  IF NOT FOUND THEN INSERT INTO sojourn.revocation (namespace, owner, number) VALUES (_ns, _owner, _number); END IF;
  e := NULL;
  e.created_at := _number;
  RETURN NEXT e;
END $$;

-- Writes down that a revocation is committed now.
CREATE FUNCTION sojourn.seal_v1(_ns int, _owner text, _number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sojourn.revocation SET at = clock_timestamp(), run = pg_postmaster_start_time() WHERE namespace = _ns
    AND hashtextextended(owner, 0) = hashtextextended(_owner, 0) AND owner = _owner AND number = _number AND run IS NULL;
END $$;

-- Removes at most so many entries that have expired, the earliest first; answers their heads.
CREATE FUNCTION sojourn.sweep_v1(_ns int, _now bigint, _limit int) RETURNS SETOF sojourn.entry LANGUAGE plpgsql AS $$
DECLARE
  e sojourn.entry%ROWTYPE;
  _gone bigint := 0;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  PERFORM pg_current_xact_id();
  IF NOT EXISTS (SELECT FROM sojourn.namespace WHERE id = _ns) THEN
    RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = 'SJ002';
  END IF;
  FOR e IN SELECT * FROM sojourn.reclaim_v1(_ns, _now, _limit, true) LOOP
    _gone := _gone + 1;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM sojourn.add_v1(_ns, -_gone); END IF;
  PERFORM sojourn.trim_v1(_ns, false);
END $$;

-- Stores an entry. "_want" is a rev, NULL for nothing live, '' for whatever is there; "_seen" the number of the last
-- revocation that was known when it began; "_reclaim" how many expired entries may go on the way.
-- No row: stored. Kind 'r': stored, and this one is gone. 'c': a conflict, with the entry that is there, or with
-- nothing. 'n': a revocation stands against it, with its number in "created_at", and in "touched_at" for how many
-- microseconds it has certainly been there; NULL if that is not known, and from now on it counts as made now.
CREATE FUNCTION sojourn.put_v1(
  _ns int, _key text, _owner text, _rev text, _meta text, _created bigint, _touched bigint, _expires bigint,
  _text text, _bytes bytea, _want text, _now bigint, _seen bigint, _reclaim int
) RETURNS TABLE (
  kind text, key text, owner text, rev text, meta text, created_at bigint, touched_at bigint, expires_at bigint,
  value_text text, value_bytes bytea
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e sojourn.entry%ROWTYPE;
  _bar record;
  _barred boolean := false;
  _live boolean;
  _over boolean;
  _added int := 0;
  _run timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  IF _owner IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(_owner, _ns));
    -- A statement of its own: what a revocation committed while the lock was waited for must be seen.
    SELECT n.horizon, n.horizon_at, n.horizon_run, r.number, r.at, r.run INTO _bar FROM sojourn.namespace n
      LEFT JOIN sojourn.revocation r ON r.namespace = _ns
        AND hashtextextended(r.owner, 0) = hashtextextended(_owner, 0) AND r.owner = _owner
      WHERE n.id = _ns;
    IF NOT FOUND THEN RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = 'SJ002'; END IF;
    _barred := coalesce(_bar.number > _seen, false) OR _bar.horizon > _seen;
  END IF;

  -- What every login does: an insert where nothing is.
  IF NOT _barred AND (_want IS NULL OR _want = '') THEN
    INSERT INTO sojourn.entry (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, due_at, value_text, value_bytes)
      VALUES (_ns, _key, _owner, _rev, _meta, _created, _touched, _expires, _expires, _text, _bytes) ON CONFLICT DO NOTHING;
    IF FOUND THEN _added := 1; END IF;
  END IF;

  WHILE _added = 0 LOOP
    SELECT * INTO e FROM sojourn.entry WHERE namespace = _ns AND key = _key FOR UPDATE;
    IF e.key IS NULL THEN
      IF NOT EXISTS (SELECT FROM sojourn.namespace WHERE id = _ns) THEN
        RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = 'SJ002';
      END IF;
    END IF;
    _live := e.key IS NOT NULL AND e.expires_at > _now;
    IF _live AND e.rev = _rev THEN RETURN; END IF;
    _over := coalesce(_want <> '' AND _live AND e.rev = _want, false);
    IF (CASE WHEN _want IS NULL THEN _live ELSE _want <> '' AND NOT _over END) THEN
      IF _live THEN RETURN QUERY SELECT 'c', e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at, e.value_text, e.value_bytes;
      ELSE RETURN QUERY SELECT 'c', NULL, NULL, NULL, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL, NULL::bytea;
      END IF;
      RETURN;
    END IF;
    IF _barred AND NOT coalesce(_over AND e.owner = _owner, false) THEN
      _run := pg_postmaster_start_time();
      IF (_bar.number > _seen AND _bar.run IS DISTINCT FROM _run)
        OR (_bar.horizon > _seen AND _bar.horizon_run IS DISTINCT FROM _run) THEN
        UPDATE sojourn.revocation SET at = clock_timestamp(), run = _run WHERE namespace = _ns
          AND hashtextextended(owner, 0) = hashtextextended(_owner, 0) AND owner = _owner AND run IS DISTINCT FROM _run;
        UPDATE sojourn.namespace SET horizon_at = clock_timestamp(), horizon_run = _run
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
      INSERT INTO sojourn.entry (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, due_at, value_text, value_bytes)
        VALUES (_ns, _key, _owner, _rev, _meta, _created, _touched, _expires, _expires, _text, _bytes) ON CONFLICT DO NOTHING;
      -- Somebody else was first: look again.
      CONTINUE WHEN NOT FOUND;
      _added := 1;
    ELSE
      UPDATE sojourn.entry SET owner = _owner, rev = _rev, meta = _meta, created_at = _created,
        touched_at = CASE WHEN _over THEN greatest(touched_at, _touched) ELSE _touched END,
        expires_at = CASE WHEN _over THEN greatest(expires_at, _expires) ELSE _expires END,
        due_at = CASE WHEN NOT _over THEN _expires WHEN due_at <= _now THEN greatest(expires_at, _expires) ELSE due_at END,
        value_text = _text, value_bytes = _bytes
        WHERE namespace = _ns AND key = _key;
      IF _over THEN
        INSERT INTO sojourn.change (namespace, key) SELECT _ns, _key FROM sojourn.watching WHERE namespace = _ns;
      ELSE
        INSERT INTO sojourn.change (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, note)
          SELECT _ns, e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at, CASE WHEN _live THEN 'replaced' ELSE '' END FROM sojourn.watching WHERE namespace = _ns;
        RETURN QUERY SELECT 'r', e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at, NULL::text, NULL::bytea;
      END IF;
      EXIT;
    END IF;
  END LOOP;

  IF _reclaim > 0 AND EXISTS (SELECT FROM sojourn.entry WHERE namespace = _ns AND due_at <= _now) THEN
    FOR e IN SELECT * FROM sojourn.reclaim_v1(_ns, _now, _reclaim, false) LOOP
      _added := _added - 1;
      RETURN QUERY SELECT 'r', e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at, NULL::text, NULL::bytea;
    END LOOP;
  END IF;
  IF _added <> 0 THEN PERFORM sojourn.add_v1(_ns, _added); END IF;
  IF _reclaim > 0 AND random() < 0.01 THEN PERFORM sojourn.trim_v1(_ns, false); END IF;
END $$;

-- Moves the instants of a live entry of this rev forward; answers whether there is one.
CREATE FUNCTION sojourn.touch_v1(_ns int, _key text, _rev text, _touched bigint, _expires bigint, _now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  UPDATE sojourn.entry SET touched_at = greatest(touched_at, _touched), expires_at = greatest(expires_at, _expires),
    due_at = CASE WHEN due_at <= _now THEN greatest(expires_at, _expires) ELSE due_at END
    WHERE namespace = _ns AND key = _key AND rev = _rev AND expires_at > _now;
  IF NOT FOUND THEN
    IF NOT EXISTS (SELECT FROM sojourn.namespace WHERE id = _ns) THEN
      RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = 'SJ002';
    END IF;
    RETURN false;
  END IF;
  INSERT INTO sojourn.change (namespace, key) SELECT _ns, _key FROM sojourn.watching WHERE namespace = _ns;
  RETURN true;
END $$;

-- Removes an entry, live or not; answers its head.
CREATE FUNCTION sojourn.delete_v1(_ns int, _key text, _note text) RETURNS SETOF sojourn.entry LANGUAGE plpgsql AS $$
DECLARE e sojourn.entry%ROWTYPE;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  DELETE FROM sojourn.entry WHERE namespace = _ns AND key = _key RETURNING * INTO e;
  IF NOT FOUND THEN
    IF NOT EXISTS (SELECT FROM sojourn.namespace WHERE id = _ns) THEN
      RAISE EXCEPTION 'the namespace is gone' USING ERRCODE = 'SJ002';
    END IF;
    RETURN;
  END IF;
  INSERT INTO sojourn.change (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, note) SELECT _ns, e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at, _note FROM sojourn.watching WHERE namespace = _ns;
  PERFORM sojourn.add_v1(_ns, -1);
  RETURN NEXT e;
END $$;

-- Stores entries where nothing is. Each has its place in the arrays; "_seen" as in put_v1. Kind 'i', with a key: that one
-- is stored. What is not among the answers has to be asked for by put_v1, which says why. Kind 'r': an expired entry that
-- has gone on the way.
CREATE FUNCTION sojourn.insert_many_v1(
  _ns int, _keys text[], _owners text[], _revs text[], _metas text[], _created bigint[], _touched bigint[], _expires bigint[],
  _texts text[], _seen bigint[], _now bigint, _reclaim int
) RETURNS TABLE (
  kind text, key text, owner text, rev text, meta text, created_at bigint, touched_at bigint, expires_at bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e sojourn.entry%ROWTYPE;
  _free boolean[];
  _added bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  -- Locks are tried for, not waited for: nobody is held up by a revocation of somebody else, and none is in a deadlock.
  _free := ARRAY(
    SELECT coalesce(pg_try_advisory_xact_lock_shared(hashtextextended(o.owner, _ns)), true)
      FROM unnest(_owners) WITH ORDINALITY o(owner, i) ORDER BY o.i
  );
  -- A statement of its own: what a revocation committed before its lock was free must be seen. In the order of the keys,
  -- since one that somebody else is inserting is waited for.
  RETURN QUERY INSERT INTO sojourn.entry (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, due_at, value_text, value_bytes)
    SELECT _ns, u.key, u.owner, u.rev, u.meta, u.created, u.touched, u.expires, u.expires, u.value, NULL
      FROM sojourn.namespace n, unnest(_keys, _owners, _revs, _metas, _created, _touched, _expires, _texts, _seen, _free)
        u(key, owner, rev, meta, created, touched, expires, value, seen, free)
      WHERE n.id = _ns AND u.free AND (u.owner IS NULL OR n.horizon <= u.seen AND NOT EXISTS (
        SELECT FROM sojourn.revocation r WHERE r.namespace = _ns
          AND hashtextextended(r.owner, 0) = hashtextextended(u.owner, 0) AND r.owner = u.owner AND r.number > u.seen
      )) ORDER BY u.key
    ON CONFLICT DO NOTHING
    RETURNING 'i', key, NULL, NULL, NULL, NULL::bigint, NULL::bigint, NULL::bigint;
  GET DIAGNOSTICS _added = ROW_COUNT;
  IF _added = 0 THEN RETURN; END IF;
  IF EXISTS (SELECT FROM sojourn.entry WHERE namespace = _ns AND due_at <= _now) THEN
    FOR e IN SELECT * FROM sojourn.reclaim_v1(_ns, _now, _reclaim, false) LOOP
      _added := _added - 1;
      RETURN QUERY SELECT 'r', e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at;
    END LOOP;
  END IF;
  IF _added <> 0 THEN PERFORM sojourn.add_v1(_ns, _added); END IF;
  IF random() < 0.01 THEN PERFORM sojourn.trim_v1(_ns, false); END IF;
END $$;

-- Removes entries, live or not, each with a note; answers their heads. What is not among them has to be asked for by
-- delete_v1.
CREATE FUNCTION sojourn.delete_many_v1(_ns int, _keys text[], _notes text[]) RETURNS SETOF sojourn.entry LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e sojourn.entry%ROWTYPE;
  _gone bigint := 0;
  _watched boolean;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sojourn needs READ COMMITTED' USING ERRCODE = 'SJ001';
  END IF;
  PERFORM pg_current_xact_id();
  _watched := EXISTS (SELECT FROM sojourn.watching WHERE namespace = _ns);
  FOR e IN
    WITH l AS MATERIALIZED (
      SELECT key FROM sojourn.entry WHERE namespace = _ns AND key = ANY(_keys) ORDER BY key FOR UPDATE SKIP LOCKED
    )
    DELETE FROM sojourn.entry e USING l WHERE e.namespace = _ns AND e.key = l.key RETURNING e.*
  LOOP
    _gone := _gone + 1;
    IF _watched THEN
      INSERT INTO sojourn.change (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, note) SELECT _ns, e.key, e.owner, e.rev, e.meta, e.created_at, e.touched_at, e.expires_at, _notes[array_position(_keys, e.key)];
    END IF;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM sojourn.add_v1(_ns, -_gone); END IF;
END $$;

-- From this transaction on, changes are written down. A writer has its number when it looks for the row. So who does not
-- see it is among those that a snapshot from after this commit shows as running, or is over. When all of those are over,
-- the client marks the row as settled.
CREATE FUNCTION sojourn.watch_v1(_ns int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE _now timestamptz := clock_timestamp();
BEGIN
  -- From the tables of another server, whose transactions were numbered otherwise.
  DELETE FROM sojourn.watching WHERE namespace = _ns AND since >= pg_snapshot_xmax(pg_current_snapshot());
  IF FOUND THEN DELETE FROM sojourn.change WHERE namespace = _ns; END IF;
  INSERT INTO sojourn.watching (namespace, since, trimmed, next_trimmed, taken_at, polled_at)
    VALUES (_ns, pg_current_xact_id(), '0', pg_snapshot_xmin(pg_current_snapshot()), _now, _now) ON CONFLICT DO NOTHING;
END $$;

-- Forgets changes that are older than a minute and revocations that are older than an hour; and, if nobody has listened
-- for an hour, that anybody watches. Answers whether there may be more to forget.
CREATE FUNCTION sojourn.trim_v1(_ns int, _listens boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  w sojourn.watching%ROWTYPE;
  _now timestamptz := clock_timestamp();
  _count bigint;
  _number bigint;
  _at timestamptz;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('sojourn trim', _ns)) THEN RETURN false; END IF;
  UPDATE sojourn.revocation SET at = _now, run = pg_postmaster_start_time() WHERE namespace = _ns AND at IS NULL;
  WITH d AS MATERIALIZED (
    SELECT ctid FROM sojourn.revocation WHERE namespace = _ns AND at < _now - interval '1 hour' ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM sojourn.revocation r USING d WHERE r.ctid = d.ctid RETURNING r.number, r.at, r.run
  )
  SELECT max(number), CASE WHEN bool_and(run = pg_postmaster_start_time()) THEN max(at) ELSE _now END
    INTO _number, _at FROM gone;
  IF _number IS NOT NULL THEN
    UPDATE sojourn.namespace SET horizon = _number, horizon_at = _at, horizon_run = pg_postmaster_start_time()
      WHERE id = _ns AND horizon < _number;
  END IF;

  SELECT * INTO w FROM sojourn.watching WHERE namespace = _ns FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF NOT _listens AND w.polled_at < _now - interval '1 hour' THEN
    DELETE FROM sojourn.watching WHERE namespace = _ns;
    DELETE FROM sojourn.change WHERE namespace = _ns;
    RETURN false;
  END IF;
  IF _listens AND w.polled_at < _now - interval '1 minute' THEN
    UPDATE sojourn.watching SET polled_at = _now WHERE namespace = _ns;
  END IF;
  IF w.taken_at < _now - interval '1 minute' OR w.taken_at > _now THEN
    w.trimmed := w.next_trimmed;
    UPDATE sojourn.watching SET trimmed = w.next_trimmed, next_trimmed = pg_snapshot_xmin(pg_current_snapshot()), taken_at = _now
      WHERE namespace = _ns;
  END IF;
  DELETE FROM sojourn.change c USING (
    SELECT ctid FROM sojourn.change WHERE namespace = _ns AND xid < w.trimmed LIMIT 5000
  ) d WHERE c.ctid = d.ctid;
  GET DIAGNOSTICS _count = ROW_COUNT;
  RETURN _count = 5000;
END $$;

INSERT INTO sojourn.version (version, oldest) VALUES (1, 1);
