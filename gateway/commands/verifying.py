"""`stile verify`: is this receipt true? Needs neither a council nor a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.verify import ProofError, verify_answer


def verify(
    answers: Annotated[list[Path], typer.Argument(help="Answers as they were received, one file each.")],
    vkey: Annotated[str, typer.Option(help="The log's key, as it was handed over; never one from a receipt.")],
) -> None:
    """Check receipts offline: entry, leaf, proof, checkpoint, signature, openings, answer, values.

    A receipt shows what the council signed, not that it signed the same for everybody.
    """
    failed = False
    for file in answers:
        try:
            verified = verify_answer(file.read_bytes(), vkey=vkey)
        except (ProofError, OSError) as error:
            typer.secho(f"{file}: NOT VERIFIED: {error}", err=True, fg="red")
            failed = True
            continue
        typer.echo(f"{file}: verified: entry {verified.index} of {verified.size}, {verified.outcome}")
    if failed:
        raise typer.Exit(1)
