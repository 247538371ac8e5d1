"""`stile …`: which commands are there?"""

from __future__ import annotations

import typer

from gateway.commands import checking, council, demo, partners, people, texts

app = typer.Typer(
    name="stile",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A data sharing gateway: the agreement is the enforcement, field by field, with proof.",
)
app.command()(council.init)
app.command()(council.serve)
app.command()(demo.demo)
app.command()(checking.verify)
app.command()(checking.vkey)
app.command()(checking.decide)
app.command()(partners.key)
app.command()(partners.assertion)
app.command()(partners.proof)
app.add_typer(partners.partner, name="partner")
app.add_typer(partners.client, name="client")
app.add_typer(texts.dataset, name="dataset")
app.add_typer(texts.core, name="core")
app.add_typer(texts.agreement, name="agreement")
app.add_typer(texts.source, name="source")
app.add_typer(people.consent, name="consent")
app.add_typer(people.restriction, name="restriction")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
