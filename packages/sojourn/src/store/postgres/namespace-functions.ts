/** The functions that change what a namespace has of entries, totals and revocations. */
import { HEAD, ISOLATION, namespaceIn, NO_NAMESPACE, NUMBERED } from "./function-parts.ts";
import { SLOTS } from "./tables.ts";

/** @param s the schema */
export const namespaceFunctions = (s: string): string => `\
-- Finds a namespace or makes it; answers its id, and the number of its last revocation.
CREATE FUNCTION ${s}.open_v1(_name text) RETURNS TABLE (id int, revoked bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE _id int := hashtext(_name COLLATE "C") & 2147483647;
BEGIN
  LOOP
    RETURN QUERY SELECT n.id, n.revoked FROM ${s}.namespace n WHERE n.name = _name;
    EXIT WHEN FOUND;
    -- Nothing is inserted if another one has this number, or if this one is there by now.
    INSERT INTO ${s}.namespace (id, name) VALUES (_id, _name) ON CONFLICT DO NOTHING;
    _id := (_id + 1) & 2147483647;
  END LOOP;
END $$;

-- Adds to the total. The row is held until the commit is on disk, so this comes after all that can take long.
CREATE FUNCTION ${s}.add_v1(_ns int, _more bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Nearly always there is one, and an update costs half of an insert that becomes one.
  UPDATE ${s}.total SET entries = entries + _more WHERE namespace = _ns AND slot = pg_backend_pid() % ${SLOTS};
  IF FOUND THEN RETURN; END IF;
  INSERT INTO ${s}.total AS t (namespace, slot, entries) VALUES (_ns, pg_backend_pid() % ${SLOTS}, _more)
    ON CONFLICT (namespace, slot) DO UPDATE SET entries = t.entries + _more;
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
${ISOLATION}
${NUMBERED}
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
${ISOLATION}
${NUMBERED}
  ${namespaceIn(s)}
  FOR e IN SELECT * FROM ${s}.reclaim_v1(_ns, _now, _limit, true) LOOP
    _gone := _gone + 1;
    e.value_text := NULL;
    e.value_bytes := NULL;
    RETURN NEXT e;
  END LOOP;
  IF _gone > 0 THEN PERFORM ${s}.add_v1(_ns, -_gone); END IF;
  PERFORM ${s}.trim_v1(_ns, false);
END $$;
`;
