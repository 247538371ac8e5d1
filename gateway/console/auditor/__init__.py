"""What does an auditor see on a page? None yet: what is looked up in the log, each row with what proves it, enters here."""
