/**
 * The tables of an audit log in Postgres, as a DBA finds them, and the two functions that change them.
 *
 * Records are added at the end and removed from the start, and nothing else. Who may do which is a matter of rights: the
 * functions run with those of their owner, so that an application that may only call `append_v1` and read can neither
 * change nor remove a record. The triggers stop mistakes of whoever may do more; the hashes show what was done by somebody
 * who took the triggers away.
 *
 * Every writer waits for the row of `chain`, so that numbers are given, and seen, in the order of the commits.
 */
import { ISOLATION, NO_CHAIN } from "../store/postgres/function-parts.ts";
import type { TableSet } from "../store/postgres/migrations.ts";

const tables = (s: string): string => `\
CREATE SCHEMA IF NOT EXISTS ${s};

-- Which version of these tables this is, and the oldest version of the library's tables that it still serves.
CREATE TABLE ${s}.audit_version (
  version int NOT NULL,
  oldest int NOT NULL
);

-- The records. "at" is in epoch milliseconds. "hash" is the SHA-256, in base64url, of the hash of the record before and
-- of this record as JSON: [id,at,type,userId,sessionId,reason,ip,userAgent].
CREATE TABLE ${s}.record (
  id bigint PRIMARY KEY,
  at bigint NOT NULL,
  type text NOT NULL,
  user_id text,
  session_id text,
  reason text,
  ip text,
  user_agent text,
  hash text NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1);
-- A text has no bound, and an index has: so they hold hashes, and the text is compared as well.
CREATE INDEX record_at ON ${s}.record (at, id);
CREATE INDEX record_user ON ${s}.record (hashtextextended(user_id, 0), at, id) WHERE user_id IS NOT NULL;
CREATE INDEX record_session ON ${s}.record (hashtextextended(session_id, 0), at, id) WHERE session_id IS NOT NULL;
CREATE INDEX record_type ON ${s}.record (hashtextextended(type, 0), at, id);
CREATE INDEX record_reason ON ${s}.record (hashtextextended(reason, 0), at, id) WHERE reason IS NOT NULL;

-- Where the log begins, behind the last record that was removed, and where it ends. It has one row.
CREATE TABLE ${s}.chain (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  start_id bigint NOT NULL,
  start_hash text NOT NULL,
  id bigint NOT NULL,
  hash text NOT NULL
) WITH (fillfactor = 10);
INSERT INTO ${s}.chain (start_id, start_hash, id, hash) VALUES (0, '', 0, '');

-- By each process that writes, the last batch that it has written: one that is sent again counts once.
CREATE TABLE ${s}.writer (
  writer text PRIMARY KEY,
  batch bigint NOT NULL,
  at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION ${s}.stays_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'record' THEN
    IF TG_OP = 'INSERT' THEN
      IF NEW.id > (SELECT c.id FROM ${s}.chain c) THEN RETURN NEW; END IF;
      RAISE EXCEPTION 'audit records are added at the end';
    ELSIF TG_OP = 'DELETE' THEN
      IF OLD.id <= (SELECT c.start_id FROM ${s}.chain c) THEN RETURN OLD; END IF;
      RAISE EXCEPTION 'audit records are removed from the start of the log';
    END IF;
    RAISE EXCEPTION 'an audit record cannot be changed';
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.id >= OLD.id AND (
    (NEW.start_id, NEW.start_hash) = (OLD.start_id, OLD.start_hash)
    OR EXISTS (SELECT FROM ${s}.record r WHERE r.id = NEW.start_id AND r.hash = NEW.start_hash)
  ) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the start of an audit log moves to one of its records';
END $$;
CREATE TRIGGER stays BEFORE INSERT OR UPDATE OR DELETE ON ${s}.record FOR EACH ROW EXECUTE FUNCTION ${s}.stays_v1();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON ${s}.record FOR EACH STATEMENT EXECUTE FUNCTION ${s}.stays_v1();
CREATE TRIGGER stays BEFORE INSERT OR UPDATE OR DELETE ON ${s}.chain FOR EACH ROW EXECUTE FUNCTION ${s}.stays_v1();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON ${s}.chain FOR EACH STATEMENT EXECUTE FUNCTION ${s}.stays_v1();
`;

const functions = (s: string): string => `\
-- Adds records at the end, all or none. A batch that is not above the writer's last is there already. Each record is
-- [what is hashed of it, at, type, user, session, reason, ip, user agent].
CREATE FUNCTION ${s}.append_v1(p_writer text, p_batch bigint, p_records text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_id bigint;
  v_hash text;
  v_last record;
  v_one json;
BEGIN
${ISOLATION}
  SELECT c.id, c.hash INTO v_id, v_hash FROM ${s}.chain c FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the row of the audit log''s chain is gone' USING ERRCODE = '${NO_CHAIN}';
  END IF;
  INSERT INTO ${s}.writer AS w (writer, batch, at) VALUES (p_writer, p_batch, clock_timestamp())
    ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, at = excluded.at WHERE w.batch < excluded.batch;
  IF NOT FOUND THEN RETURN; END IF;
  -- No statement is under way for a day.
  IF p_batch = 1 THEN DELETE FROM ${s}.writer w WHERE w.at < clock_timestamp() - interval '1 day'; END IF;
  -- What somebody else has put there breaks the chain, but keeps nobody from writing.
  SELECT r.id, r.hash INTO v_last FROM ${s}.record r WHERE r.id > v_id ORDER BY r.id DESC LIMIT 1;
  IF FOUND THEN
    v_id := v_last.id;
    v_hash := v_last.hash;
  END IF;
  FOR v_one IN SELECT e.value FROM json_array_elements(p_records::json) e LOOP
    v_id := v_id + 1;
    v_hash := translate(rtrim(encode(
      sha256(convert_to(v_hash || '[' || v_id || ',' || (v_one ->> 0), 'UTF8')), 'base64'), '='), '+/', '-_');
    INSERT INTO ${s}.record (id, at, type, user_id, session_id, reason, ip, user_agent, hash)
      VALUES (v_id, (v_one ->> 1)::bigint, v_one ->> 2, v_one ->> 3, v_one ->> 4, v_one ->> 5, v_one ->> 6, v_one ->> 7, v_hash);
  END LOOP;
  UPDATE ${s}.chain SET id = v_id, hash = v_hash;
END $$;

-- Removes records from before an instant, from the start up to the first that is not, and returns how many.
CREATE FUNCTION ${s}.remove_v1(p_before bigint, p_limit int)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_last record;
BEGIN
${ISOLATION}
  PERFORM FROM ${s}.chain c FOR UPDATE;
  SELECT old.id, old.hash, old.number INTO v_last FROM (
    SELECT page.id, page.hash, row_number() OVER (ORDER BY page.id) AS number,
      bool_or(page.at >= p_before) OVER (ORDER BY page.id) AS stays
    FROM (SELECT r.id, r.at, r.hash FROM ${s}.record r ORDER BY r.id LIMIT p_limit) page
  ) old WHERE NOT old.stays ORDER BY old.id DESC LIMIT 1;
  IF NOT FOUND THEN RETURN 0; END IF;
  UPDATE ${s}.chain SET start_id = v_last.id, start_hash = v_last.hash;
  DELETE FROM ${s}.record r WHERE r.id <= v_last.id;
  RETURN v_last.number;
END $$;

-- Whoever may use the schema may not call them for that: grant it by role.
REVOKE ALL ON FUNCTION ${s}.append_v1(text, bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION ${s}.remove_v1(bigint, int) FROM PUBLIC;
`;

/** The tables of an audit log. */
export const AUDIT_TABLES: TableSet = {
  versionTable: "audit_version",
  migrations: [(s) => `${tables(s)}\n${functions(s)}`],
  oldest: [1],
};
