/** The functions of those who watch, and of what is forgotten in time. */

/** @param s the schema */
export const watchFunctions = (s: string): string => `\
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
