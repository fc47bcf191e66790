/**
 * The functions that insert or remove several entries, as `gather` asks for them.
 *
 * They wait for nobody who changes an entry or ends the sessions of an owner. What somebody else holds is left out, and
 * the client makes that call by itself.
 */
import { COLUMNS, HEAD, HEAD_OF_E, ISOLATION, NUMBERED } from "./function-parts.ts";

/** @param s the schema */
export const manyFunctions = (s: string): string => `\
-- Stores entries where nothing is. Each has its place in the arrays; "_seen" as in put_v1. Kind 'i', with a key: that one
-- is stored. What is not among the answers has to be asked for by put_v1, which says why. Kind 'r': an expired entry that
-- has gone on the way.
CREATE FUNCTION ${s}.insert_many_v1(
  _ns int, _keys text[], _owners text[], _revs text[], _metas text[], _created bigint[], _touched bigint[], _expires bigint[],
  _texts text[], _seen bigint[], _now bigint, _reclaim int
) RETURNS TABLE (
  kind text, key text, owner text, rev text, meta text, created_at bigint, touched_at bigint, expires_at bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e ${s}.entry%ROWTYPE;
  _free boolean[];
  _added bigint;
BEGIN
${ISOLATION}
  -- Locks are tried for, not waited for: nobody is held up by a revocation of somebody else, and none is in a deadlock.
  _free := ARRAY(
    SELECT coalesce(pg_try_advisory_xact_lock_shared(hashtextextended(o.owner, _ns)), true)
      FROM unnest(_owners) WITH ORDINALITY o(owner, i) ORDER BY o.i
  );
  -- A statement of its own: what a revocation committed before its lock was free must be seen. In the order of the keys,
  -- since one that somebody else is inserting is waited for.
  RETURN QUERY INSERT INTO ${s}.entry (namespace, ${COLUMNS})
    SELECT _ns, u.key, u.owner, u.rev, u.meta, u.created, u.touched, u.expires, u.expires, u.value, NULL
      FROM ${s}.namespace n, unnest(_keys, _owners, _revs, _metas, _created, _touched, _expires, _texts, _seen, _free)
        u(key, owner, rev, meta, created, touched, expires, value, seen, free)
      WHERE n.id = _ns AND u.free AND (u.owner IS NULL OR n.horizon <= u.seen AND NOT EXISTS (
        SELECT FROM ${s}.revocation r WHERE r.namespace = _ns
          AND hashtextextended(r.owner, 0) = hashtextextended(u.owner, 0) AND r.owner = u.owner AND r.number > u.seen
      )) ORDER BY u.key
    ON CONFLICT DO NOTHING
    RETURNING 'i', key, NULL, NULL, NULL, NULL::bigint, NULL::bigint, NULL::bigint;
  GET DIAGNOSTICS _added = ROW_COUNT;
  IF _added = 0 THEN RETURN; END IF;
  IF EXISTS (SELECT FROM ${s}.entry WHERE namespace = _ns AND due_at <= _now) THEN
    FOR e IN SELECT * FROM ${s}.reclaim_v1(_ns, _now, _reclaim, false) LOOP
      _added := _added - 1;
      RETURN QUERY SELECT 'r', ${HEAD_OF_E};
    END LOOP;
  END IF;
  IF _added <> 0 THEN PERFORM ${s}.add_v1(_ns, _added); END IF;
  IF random() < 0.01 THEN PERFORM ${s}.trim_v1(_ns, false); END IF;
END $$;

-- Removes entries, live or not, each with a note; answers their heads. What is not among them has to be asked for by
-- delete_v1.
CREATE FUNCTION ${s}.delete_many_v1(_ns int, _keys text[], _notes text[]) RETURNS SETOF ${s}.entry LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e ${s}.entry%ROWTYPE;
  _gone bigint := 0;
  _watched boolean;
BEGIN
${ISOLATION}
${NUMBERED}
  _watched := EXISTS (SELECT FROM ${s}.watching WHERE namespace = _ns);
  FOR e IN
    WITH l AS MATERIALIZED (
      SELECT key FROM ${s}.entry WHERE namespace = _ns AND key = ANY(_keys) ORDER BY key FOR UPDATE SKIP LOCKED
    )
    DELETE FROM ${s}.entry e USING l WHERE e.namespace = _ns AND e.key = l.key RETURNING e.*
  LOOP
    _gone := _gone + 1;
    IF _watched THEN
      INSERT INTO ${s}.change (namespace, ${HEAD}, note) SELECT _ns, ${HEAD_OF_E}, _notes[array_position(_keys, e.key)];
    END IF;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM ${s}.add_v1(_ns, -_gone); END IF;
END $$;
`;
