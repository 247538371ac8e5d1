CREATE TABLE log_entry (
  idx INTEGER PRIMARY KEY,
  entry_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  entry BLOB NOT NULL
);
CREATE TABLE log_node (
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (level, idx)
) WITHOUT ROWID;
CREATE TABLE log_checkpoint (
  size INTEGER PRIMARY KEY,
  note TEXT NOT NULL
);
CREATE TABLE log_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  at INTEGER NOT NULL,
  state_index INTEGER NOT NULL
);
CREATE TABLE log_bundle (
  idx INTEGER NOT NULL,
  key_id BLOB NOT NULL,
  ciphertext BLOB NOT NULL,
  PRIMARY KEY (idx, key_id)
) WITHOUT ROWID;
CREATE TABLE recipient_counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE state_key (
  key TEXT PRIMARY KEY,
  idx INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX state_key_by_idx ON state_key (idx);
CREATE TABLE subject_key (
  reference BLOB NOT NULL,
  class TEXT NOT NULL,
  year INTEGER NOT NULL,
  key_id BLOB NOT NULL,
  PRIMARY KEY (reference, class, year)
) WITHOUT ROWID;
CREATE TRIGGER log_entry_stays BEFORE DELETE ON log_entry BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER log_entry_holds BEFORE UPDATE ON log_entry BEGIN SELECT RAISE(ABORT, 'entries never change'); END;
CREATE TRIGGER log_node_stays BEFORE DELETE ON log_node BEGIN SELECT RAISE(ABORT, 'nodes are never deleted'); END;
CREATE TRIGGER log_node_holds BEFORE UPDATE ON log_node BEGIN SELECT RAISE(ABORT, 'nodes never change'); END;
CREATE TRIGGER log_checkpoint_stays BEFORE DELETE ON log_checkpoint
  BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
CREATE TRIGGER log_checkpoint_holds BEFORE UPDATE ON log_checkpoint
  BEGIN SELECT RAISE(ABORT, 'checkpoints never change'); END;
-- INSERT OR REPLACE deletes without a DELETE trigger, on any connection but one with recursive_triggers: so these.
CREATE TRIGGER log_entry_follows BEFORE INSERT ON log_entry
  WHEN NEW.idx <> (SELECT coalesce(max(idx), -1) + 1 FROM log_entry)
    OR EXISTS (SELECT 1 FROM log_entry WHERE entry_id = NEW.entry_id)
  BEGIN SELECT RAISE(ABORT, 'entries follow one another, each under its own id'); END;
CREATE TRIGGER log_node_is_new BEFORE INSERT ON log_node
  WHEN EXISTS (SELECT 1 FROM log_node WHERE level = NEW.level AND idx = NEW.idx)
  BEGIN SELECT RAISE(ABORT, 'nodes never change'); END;
CREATE TRIGGER log_checkpoint_grows BEFORE INSERT ON log_checkpoint
  WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM log_checkpoint)
  BEGIN SELECT RAISE(ABORT, 'checkpoints only grow'); END;
CREATE TRIGGER log_head_is_new BEFORE INSERT ON log_head
  WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM log_head)
  BEGIN SELECT RAISE(ABORT, 'the head only grows'); END;
CREATE TRIGGER log_head_grows BEFORE UPDATE ON log_head WHEN NEW.size <= OLD.size
  BEGIN SELECT RAISE(ABORT, 'the head only grows'); END;
CREATE TRIGGER log_head_stays BEFORE DELETE ON log_head BEGIN SELECT RAISE(ABORT, 'the head is never deleted'); END;
