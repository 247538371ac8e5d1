"""Where do residents enter? Nowhere yet: what they ask about themselves comes in here, and nothing is decided here."""
