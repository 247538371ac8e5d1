"""`stile …`: which commands are there? Only the called one's own parts are loaded, so that each starts at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

# Command, the module that it lies in, its name there. A Typer of several commands is taken as a whole.
COMMANDS: Final = (
    ("init", "council", "init"),
    ("serve", "council", "serve"),
    ("upgrade", "upgrading", "upgrade"),
    ("backup", "backups", "backup"),
    ("restore", "backups", "restore"),
    ("doctor", "clocks", "doctor"),
    ("clock", "clocks", "clock"),
    ("demo", "demo", "demo"),
    ("sandbox", "sandbox", "sandbox"),
    ("verify", "verifying", "verify"),
    ("vkey", "deciding", "vkey"),
    ("decide", "deciding", "decide"),
    ("key", "partners", "key"),
    ("key-proof", "keys", "key_proof"),
    ("issuer-key", "keys", "issuer_key"),
    ("keys", "master_keys", "keys"),
    ("assertion", "proving", "assertion"),
    ("proof", "proving", "proof"),
    ("context", "proving", "context"),
    ("get", "getting", "get"),
    ("attack", "attacking", "attack"),
    ("partner", "organisations", "partner"),
    ("client", "partners", "client"),
    ("registration", "registrations", "registration"),
    ("operator", "operators", "operator"),
    ("login", "logging_in", "login"),
    ("logout", "logging_in", "logout"),
    ("change", "changing", "change"),
    ("dataset", "texts", "dataset"),
    ("core", "texts", "core"),
    ("agreement", "texts", "agreement"),
    ("source", "sources", "source"),
    ("consent", "people", "consent"),
    ("restriction", "people", "restriction"),
    ("misses", "misses", "misses"),
    ("emergency", "emergencies", "emergency"),
    ("incident", "emergencies", "incident"),
    ("log", "logs", "log"),
)


def make_app(words: Sequence[str]) -> typer.Typer:
    """Return the command line for these words: with the called command alone, or with all where none is known."""
    app = typer.Typer(
        name="stile",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="A data sharing gateway: the agreement is the enforcement, field by field, with proof.",
    )
    called = [one for one in COMMANDS if words and one[0] == words[0]]
    for name, module, member in called or COMMANDS:
        found = getattr(import_module(f"gateway.commands.{module}"), member)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    # With one command alone Typer would take its name for the program's.
    app.callback()(lambda: None)
    return app


def main() -> None:
    """Run the command line."""
    make_app(sys.argv[1:])()


if __name__ == "__main__":
    main()
