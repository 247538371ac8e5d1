"""Is it all as it was signed? Of one answer, of a whole log."""
