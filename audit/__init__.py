"""The memory: an append-only, tamper-evident log and its proofs."""
