"""How is one item of a transaction taken back alone? To a savepoint, one at a time."""

from __future__ import annotations

from audit.stores.connection import Connection


def set_savepoint(connection: Connection) -> None:
    """Begin what can be taken back alone."""
    connection.run("SAVEPOINT item")


def take_back_to_savepoint(connection: Connection) -> None:
    """Take back what was done since; also where a statement of it has failed, and nothing else would be heard."""
    connection.run("ROLLBACK TO SAVEPOINT item")


def release_savepoint(connection: Connection) -> None:
    """Let what was done since stand with the transaction."""
    connection.run("RELEASE SAVEPOINT item")
