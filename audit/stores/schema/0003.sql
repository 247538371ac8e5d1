-- Names that count but once, such as a proof's: those that one batch used, as digests of 16 bytes, one after the other.
-- Numbers are never given twice: whoever has read up to one asks for later ones alone.
CREATE TABLE used_once (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  until INTEGER NOT NULL,
  names BLOB NOT NULL
);
CREATE INDEX used_once_by_until ON used_once (until);
