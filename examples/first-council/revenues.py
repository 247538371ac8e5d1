"""Make a tiny revenues system, for docs/first-council.md to ask: `python revenues.py FILE`."""

import sqlite3
import sys

TABLES = """
CREATE TABLE account (
  ref TEXT PRIMARY KEY, uprn TEXT, postcode TEXT, arrears TEXT, protected TEXT,
  party TEXT, forename TEXT, surname TEXT, born TEXT,
  joint_party TEXT, joint_forename TEXT, joint_surname TEXT, joint_born TEXT, died TEXT
);
INSERT INTO account VALUES
  ('5000001', '900000700001', 'NE3 4AB', '212.40', 'N', 'N100', 'MIRIAM', 'COHEN', '23/11/1979',
   NULL, NULL, NULL, NULL, 'N'),
  ('5000002', '900000700002', 'NE35 9XY', '0.00', 'Y', 'N101', 'DAVID', 'WHITE', '04/01/1990',
   'N102', 'AMY', 'WHITE', '09/09/1991', 'N');
"""

connection = sqlite3.connect(sys.argv[1])
connection.executescript(TABLES)
connection.close()
