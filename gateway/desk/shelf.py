"""Which published text is meant, and where does it stand? In a sentence, and for a program.

One place for the command line and the control API, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, assert_never

from audit.writing.keyring import Keyring
from gateway.store.entries import ChangeRefusedError
from gateway.store.live import is_intact
from gateway.store.published import (
    PublishedText,
    published_agreements,
    published_cores,
    published_datasets,
    published_sources,
)
from gateway.store.state import Reader
from policies.reading.findings import did_you_mean
from policies.telling.wording import day_text, listed
from schemas.instants import as_text, london_day
from schemas.terms import TextState

Kind = Literal["agreement", "core", "dataset", "source"]


def list_published(kind: Kind, reader: Reader, keyring: Keyring, today: date) -> list[PublishedText]:
    """Return every version that was published by a day, as it stands on that; the council's own rules with the cores."""
    match kind:
        case "agreement":
            return published_agreements(reader, keyring, today)
        case "core":
            return published_cores(reader, keyring, today)
        case "dataset":
            return published_datasets(reader, keyring, today)
        case "source":
            return published_sources(reader, today)
    assert_never(kind)


def find_published(kind: Kind, name: str, texts: Sequence[PublishedText]) -> PublishedText:
    """Return the version that `ID@VERSION` names, or for `ID` the one that counts; ChangeRefusedError for none."""
    wanted, _, version = name.partition("@")
    own = [one for one in texts if one.id == wanted]
    if not own:
        known = {one.id for one in texts}
        raise ChangeRefusedError(
            f"no {kind} called {wanted} is published. {did_you_mean(wanted, known) if known else ''}".strip()
        )
    found = [one for one in own if (str(one.version) == version if version else one.counts)]
    if not found:
        there = listed(sorted({str(one.version) for one in own}, key=int))
        raise ChangeRefusedError(f"{kind} {wanted} has no version {version}. Published: {there}")
    if len(found) > 1:
        places = listed(one.about or one.kind for one in found)
        raise ChangeRefusedError(f"several are called {found[0].name}: of {places}. `list` shows them")
    return found[0]


def text_of(one: PublishedText) -> str:
    """Return the text as it was published, or raise ChangeRefusedError where it was changed since."""
    if not is_intact(one.text, one.digest):
        raise ChangeRefusedError(f"{one.name} is not the text that was published: restore the database")
    return one.text


# -- where it stands


def state_text(one: PublishedText, today: date) -> str:
    """Return where a version stands, as the first sentence of its reading."""
    match one.state:
        case TextState.ENDED:
            return _ended(one)
        case TextState.UNREADABLE:
            return "Unreadable: this text, or one that it rests on, is not what was published. Restore the database."
        case TextState.FUTURE:
            return f"Future: it begins on {day_text(one.first_day)}, and counts to the end of {_last(one)}."
        case TextState.OVER:
            return _over(one)
        case TextState.LIVE:
            return _live(one, today)
    assert_never(one.state)


def _ended(one: PublishedText) -> str:
    if one.ended is None or one.ended.by is None:
        return "Ended, and no entry of the log says by whom. Look at the database."
    why = one.ended.reason or "no reason was recorded: none was asked for at that time"
    return f"Ended on {day_text(london_day(one.ended.at))} by {one.ended.by}: {why}"


def _over(one: PublishedText) -> str:
    replaced_on = _gives_way(one)
    if replaced_on is not None:
        return f"Over: version {one.next_version} took its place on {day_text(replaced_on)}."
    return f"Over: its last day was {_last(one)}."


def _gives_way(one: PublishedText) -> date | None:
    """Return the day from which a later version counts in its place, if that is before its own last day is over."""
    return one.next_from if one.next_from and (one.last_day is None or one.next_from <= one.last_day) else None


def _live(one: PublishedText, today: date) -> str:
    if one.kind != "agreement":
        by = f"Version {one.next_version} is newer; this one is kept by {listed(one.kept_by)}." if one.kept_by else ""
        return f"Live: published on {day_text(one.first_day)}. {by or 'It is the newest version.'}"
    until, replaced_on = f"to the end of {_last(one)}", _gives_way(one)
    if replaced_on is not None:
        until = f"until version {one.next_version} takes its place on {day_text(replaced_on)}"
    said = f"Live: in force from {day_text(one.first_day)} {until}; {_left(one, today)}."
    if one.review_on is not None and one.review_on < today:
        said += f" Its review of {day_text(one.review_on)} is overdue."
    return said


def _last(one: PublishedText) -> str:
    return day_text(one.last_day) if one.last_day else "no day"


def _left(one: PublishedText, today: date) -> str:
    days = days_left(one, today)
    return "this is its last day" if days == 0 else f"{days} day{'' if days == 1 else 's'} left"


def days_left(one: PublishedText, today: date) -> int | None:
    """Return how many days a version that is in force has after today; None for one that is not, or has no term."""
    last = min((day for day in (one.last_day, one.next_from and _before(one.next_from)) if day), default=None)
    return (last - today).days if one.state is TextState.LIVE and one.kind == "agreement" and last else None


def _before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def document(one: PublishedText, today: date) -> dict[str, Any]:
    """Return everything that is listed of a version, JSON-ready."""
    return {
        "kind": one.kind,
        "id": one.id,
        "version": one.version,
        "state": one.state.value,
        "says": state_text(one, today),
        "first_day": one.first_day.isoformat(),
        "last_day": _day(one.last_day),
        "review_on": _day(one.review_on),
        "days_left": days_left(one, today),
        "counts": one.counts,
        "published_at": as_text(one.published_at),
        "digest": one.digest,
        "ended": {"at": as_text(one.ended.at), "by": one.ended.by, "reason": one.ended.reason} if one.ended else None,
        **({"dataset": one.about} if one.about else {}),
    }


def _day(on: date | None) -> str | None:
    return on.isoformat() if on else None
