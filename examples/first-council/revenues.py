"""Make a tiny revenues system, so that the walk in docs/first-council.md has something to ask: `python revenues.py FILE`."""

import sqlite3
import sys

TABLES = """
CREATE TABLE account (ref TEXT PRIMARY KEY, party TEXT, forename TEXT, surname TEXT, born TEXT, arrears TEXT,
  postcode TEXT, protected TEXT);
INSERT INTO account VALUES ('5000001', 'N100', 'MIRIAM', 'COHEN', '23/11/1979', '212.40', 'NE3 4AB', 'N');
INSERT INTO account VALUES ('5000002', 'N101', 'DAVID', 'WHITE', '04/01/1990', '0.00', 'NE35 9XY', 'Y');
"""

connection = sqlite3.connect(sys.argv[1])
connection.executescript(TABLES)
connection.close()
