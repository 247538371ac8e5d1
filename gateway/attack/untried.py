"""What does the suite not try, and why? Told in each report: a suite that is silent about it would seem to vouch for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

UNTRIED: Final[tuple[tuple[str, str], ...]] = (
    ("what an agreement releases, and under which conditions", "it would disclose; `stile decide` tells it of a text"),
    ("consents, restrictions, markers and emergencies", "they are about real people; a sandbox plays them"),
    ("a certificate that a trusted hop tells, and TLS itself", "it needs that hop, and a connection with a certificate"),
    ("passwords and passkeys of an operator, guessed", "it would lock the account out for its owner"),
    ("a session's end by time", "it would take half an hour, and eight hours"),
    ("a client, a key or an agreement that has ended or was taken back", "it would have to be taken back"),
    ("the log, its signatures and its witnesses", "they are verified, not attacked: `stile verify`, `stile doctor`"),
    ("the sources, their connections and their answers", "they are not reached from outside"),
    ("how long answers take", "it is told and not judged: a network's noise is larger"),
    ("load, and combinations of attacks", "it is a list of known attacks, and no proof"),
)  # fmt: skip


def not_tried(reasons: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Return everything that was not tried: what never is, and what (id, why) was not in this run, by its reason."""
    grouped: dict[str, list[str]] = {}
    for name, why in reasons:
        grouped.setdefault(why, []).append(name)
    of_run = [{"what": ", ".join(names), "why": why} for why, names in grouped.items()]
    return [{"what": what, "why": why} for what, why in UNTRIED] + of_run
