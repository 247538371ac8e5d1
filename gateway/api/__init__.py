"""HTTP in, HTTP out; one file per resource. Nothing is decided here."""
