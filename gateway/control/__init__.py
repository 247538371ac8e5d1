"""Where do operators enter by machine? By a client's token or a session, each in a role; nothing is decided here."""
