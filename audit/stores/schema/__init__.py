"""The log's own tables, as SQL that never changes once released."""
