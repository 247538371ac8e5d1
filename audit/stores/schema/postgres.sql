-- The log's own tables as PostgreSQL keeps them: what 0001.sql to 0003.sql make in SQLite. Text is compared by its bytes.
CREATE TABLE log_entry (
  idx BIGINT PRIMARY KEY,
  entry_id TEXT COLLATE "C" NOT NULL UNIQUE,
  kind TEXT COLLATE "C" NOT NULL,
  entry BYTEA NOT NULL
);
CREATE TABLE log_node (
  level BIGINT NOT NULL,
  idx BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (level, idx)
);
CREATE TABLE log_checkpoint (
  size BIGINT PRIMARY KEY,
  note TEXT COLLATE "C" NOT NULL
);
CREATE TABLE log_head (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  size BIGINT NOT NULL,
  root BYTEA NOT NULL,
  at BIGINT NOT NULL,
  state_index BIGINT NOT NULL
);
-- Its one row is what writers lock, so it is there from the start: of no entries, with the root of the empty tree.
INSERT INTO log_head (one, size, root, at, state_index) VALUES (1, 0, sha256(''), 0, -1);
CREATE TABLE log_bundle (
  idx BIGINT NOT NULL,
  key_id BYTEA NOT NULL,
  ciphertext BYTEA NOT NULL,
  PRIMARY KEY (idx, key_id)
);
CREATE TABLE recipient_counter (
  name TEXT COLLATE "C" PRIMARY KEY,
  value BIGINT NOT NULL
);
CREATE TABLE state_key (
  key TEXT COLLATE "C" PRIMARY KEY,
  idx BIGINT NOT NULL
);
CREATE INDEX state_key_by_idx ON state_key (idx);
CREATE TABLE subject_key (
  reference BYTEA NOT NULL,
  class TEXT COLLATE "C" NOT NULL,
  year BIGINT NOT NULL,
  key_id BYTEA NOT NULL,
  PRIMARY KEY (reference, class, year)
);
CREATE TABLE log_leaf (
  idx BIGINT PRIMARY KEY,
  hashes BYTEA NOT NULL,
  begins BYTEA NOT NULL
);
-- Numbered by who writes, under the head's lock: a sequence has gaps, and gives numbers that are taken back.
CREATE TABLE used_once (
  number BIGINT PRIMARY KEY,
  until BIGINT NOT NULL,
  names BYTEA NOT NULL
);
CREATE INDEX used_once_by_until ON used_once (until);

CREATE FUNCTION log_forbids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
END $$;
CREATE TRIGGER log_entry_stays BEFORE DELETE OR TRUNCATE ON log_entry
  EXECUTE FUNCTION log_forbids('entries are never deleted');
CREATE TRIGGER log_entry_holds BEFORE UPDATE ON log_entry EXECUTE FUNCTION log_forbids('entries never change');
CREATE TRIGGER log_node_stays BEFORE DELETE OR TRUNCATE ON log_node EXECUTE FUNCTION log_forbids('nodes are never deleted');
CREATE TRIGGER log_node_holds BEFORE UPDATE ON log_node EXECUTE FUNCTION log_forbids('nodes never change');
CREATE TRIGGER log_checkpoint_stays BEFORE DELETE OR TRUNCATE ON log_checkpoint
  EXECUTE FUNCTION log_forbids('checkpoints are never deleted');
CREATE TRIGGER log_checkpoint_holds BEFORE UPDATE ON log_checkpoint
  EXECUTE FUNCTION log_forbids('checkpoints never change');
CREATE TRIGGER log_leaf_stays BEFORE DELETE OR TRUNCATE ON log_leaf
  EXECUTE FUNCTION log_forbids('leaves are never deleted');
CREATE TRIGGER log_leaf_holds BEFORE UPDATE ON log_leaf EXECUTE FUNCTION log_forbids('leaves never change');
CREATE TRIGGER log_head_stays BEFORE DELETE OR TRUNCATE ON log_head
  EXECUTE FUNCTION log_forbids('the head is never deleted');

-- Once a statement, over all of its rows.
CREATE FUNCTION log_entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  first BIGINT;
  last BIGINT;
  many BIGINT;
BEGIN
  SELECT min(idx), max(idx), count(*) INTO first, last, many FROM added;
  IF many > 0 AND (
    last - first + 1 <> many
    OR first <> (SELECT coalesce(max(idx), -1) + 1 FROM log_entry WHERE idx < first)
    OR last <> (SELECT max(idx) FROM log_entry)
  ) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'entries follow one another';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER log_entry_follows AFTER INSERT ON log_entry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION log_entry_follows();

CREATE FUNCTION log_checkpoint_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size <= (SELECT coalesce(max(size), 0) FROM log_checkpoint) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'checkpoints only grow';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER log_checkpoint_grows BEFORE INSERT ON log_checkpoint
  FOR EACH ROW EXECUTE FUNCTION log_checkpoint_grows();

CREATE FUNCTION log_head_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size <= (SELECT coalesce(max(size), 0) FROM log_head) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'the head only grows';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER log_head_grows BEFORE INSERT OR UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION log_head_grows();
