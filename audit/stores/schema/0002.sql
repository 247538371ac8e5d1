-- Hashes of the leaves of an entry about several people, 32 bytes each: a leaf's own bytes follow from what opens it.
-- And of each leaf a byte: 1 where an answer begins with it, else 0.
CREATE TABLE log_leaf (
  idx INTEGER PRIMARY KEY,
  hashes BLOB NOT NULL,
  begins BLOB NOT NULL
);
CREATE TRIGGER log_leaf_stays BEFORE DELETE ON log_leaf BEGIN SELECT RAISE(ABORT, 'leaves are never deleted'); END;
CREATE TRIGGER log_leaf_holds BEFORE UPDATE ON log_leaf BEGIN SELECT RAISE(ABORT, 'leaves never change'); END;
CREATE TRIGGER log_leaf_is_new BEFORE INSERT ON log_leaf WHEN EXISTS (SELECT 1 FROM log_leaf WHERE idx = NEW.idx)
  BEGIN SELECT RAISE(ABORT, 'leaves never change'); END;
