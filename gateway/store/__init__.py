"""The state: SQLModel tables, and the few modules that speak SQL."""
