"""May a later version take up again what was ended? Only where its text says why."""

from __future__ import annotations

from audit.stores.connection import Connection
from audit.stores.instants import from_micros
from policies.reading.places import Flaw
from policies.telling.wording import day_text
from schemas.agreement import Agreement
from schemas.instants import london_day


def resuming_flaws(connection: Connection, agreement: Agreement) -> list[Flaw]:
    """Return that a later version would bring an ended agreement back without a word, or says so for nothing.

    A reason that stayed behind in a text would bring it back unseen after its next end.
    """
    row = connection.one(
        "SELECT version, ended_at FROM text WHERE kind = 'agreement' AND id = ? ORDER BY version DESC", (agreement.id,)
    )
    if row is None:
        return []
    newest, ended_at = row
    if ended_at is not None and agreement.resumes is None:
        ended_on = day_text(london_day(from_micros(ended_at)))
        text = f"{agreement.id} was ended on {ended_on}, and this version would bring it back"
        remedy = "Where that is meant, add `resumes:` with the reason; else give it another id."
        return [Flaw(("version",), text, remedy)]
    if ended_at is None and agreement.resumes is not None:
        text = f"version {newest} is not ended, so there is nothing to take up again"
        return [Flaw(("resumes",), text, "Take it out.")]
    return []
