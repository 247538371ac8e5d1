"""The words: frozen values and closed lists. No I/O, no clock, no framework."""
