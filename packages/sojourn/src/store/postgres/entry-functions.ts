/** The functions that change one entry. */
import { COLUMNS, HEAD, HEAD_OF_E, ISOLATION, namespaceIn, NO_NAMESPACE } from "./function-parts.ts";

/** @param s the schema */
export const entryFunctions = (s: string): string => `\
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
${ISOLATION}
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
    IF e.key IS NULL THEN
      ${namespaceIn(s).replaceAll("\n", "\n    ")}
    END IF;
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
${ISOLATION}
  UPDATE ${s}.entry SET touched_at = greatest(touched_at, _touched), expires_at = greatest(expires_at, _expires),
    due_at = CASE WHEN due_at <= _now THEN greatest(expires_at, _expires) ELSE due_at END
    WHERE namespace = _ns AND key = _key AND rev = _rev AND expires_at > _now;
  IF NOT FOUND THEN
    ${namespaceIn(s).replaceAll("\n", "\n  ")}
    RETURN false;
  END IF;
  INSERT INTO ${s}.change (namespace, key) SELECT _ns, _key FROM ${s}.watching WHERE namespace = _ns;
  RETURN true;
END $$;

-- Removes an entry, live or not; answers its head.
CREATE FUNCTION ${s}.delete_v1(_ns int, _key text, _note text) RETURNS SETOF ${s}.entry LANGUAGE plpgsql AS $$
DECLARE e ${s}.entry%ROWTYPE;
BEGIN
${ISOLATION}
  DELETE FROM ${s}.entry WHERE namespace = _ns AND key = _key RETURNING * INTO e;
  IF NOT FOUND THEN
    ${namespaceIn(s).replaceAll("\n", "\n  ")}
    RETURN;
  END IF;
  INSERT INTO ${s}.change (namespace, ${HEAD}, note) SELECT _ns, ${HEAD_OF_E}, _note FROM ${s}.watching WHERE namespace = _ns;
  PERFORM ${s}.add_v1(_ns, -1);
  RETURN NEXT e;
END $$;
`;
