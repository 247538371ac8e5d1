"""The judgement: pure functions from values to values."""
