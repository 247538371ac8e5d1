"""The demo: a generated council, its partners, and a story told over real HTTP."""
