"""Councils' systems: the contract, the mapping and cleaning, and the adapters."""
