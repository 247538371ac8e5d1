"""How is a sandbox made? A council of its own keys, log and made-up people, with another's texts and partners."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from audit.writing.item import Within
from gateway.app import utc_now
from gateway.council.directory import Council, CouncilError, fill_council, open_council, put_together
from gateway.demo.likeness import Likeness
from gateway.demo.made_up import MAKERS, mapping_of
from gateway.demo.making import append_all
from gateway.sandbox.staging import SUFFIX, is_sandbox_origin
from gateway.store.changes import Changes
from gateway.store.floor import read_floor
from gateway.store.readings import Text
from policies.reading.findings import TextError
from policies.reading.parse import parse_dataset
from schemas.instants import london_day
from schemas.organisation import PartnerAssurance
from schemas.terms import AssuranceLevel, Environment

SUPPOSED_FOR = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class Made:
    """A sandbox: the log's key, the datasets that have people, and what could not be taken over, each with its reason."""

    vkey: str
    peopled: tuple[str, ...]
    left_out: tuple[str, ...]


def make_sandbox(directory: Path, like: Likeness, *, public_url: str, people: int, seed: int, by: str) -> Made:
    """Make a sandbox, whole or not at all: it is put together beside its place. Refuses a directory in use."""
    directory = directory.resolve()
    if directory.exists() and any(directory.iterdir()):
        raise CouncilError(f"{directory} is not empty: give a new directory")
    datasets = [f"{one.id}@{one.version}" for one in (parse_dataset(*text) for text in like.texts["dataset"])]
    peopled = tuple(name for name in datasets if name in MAKERS)
    with put_together(directory) as making:
        fill_council(making, _settings(like, public_url))
        for name in peopled:
            MAKERS[name](making, people, seed)
        council = open_council(making)
        append_all(council, lambda changes: _founding(changes, like, peopled, by))
        refused = _publish_agreements(council, like.texts["agreement"], by)
        _take_up(council, like.floor, by)
        (making / "log.vkey").write_text(council.signer.vkey + "\n", encoding="ascii")
        council.keyring.close()
    without = [f"the people of {name}: map files of your own making onto it" for name in datasets if name not in MAKERS]
    return Made(council.signer.vkey, peopled, (*like.left_out, *refused, *without))


def _settings(like: Likeness, public_url: str) -> dict[str, Any]:
    if is_sandbox_origin(like.origin):
        raise CouncilError(f"the log {like.origin} is a sandbox's: give the council that it was made like")
    return {
        "controller": like.controller,
        "origin": like.origin + SUFFIX,
        "public_url": public_url,
        "urgent_contact": like.urgent_contact,
        "dpo_contact": like.dpo_contact,
        "environment": Environment.SANDBOX.value,
    }


def _founding(changes: Changes, like: Likeness, peopled: Sequence[str], by: str) -> list[Within]:
    texts = changes.texts
    return [
        changes.staffing.say_one(reason="its people are made up", by=by),
        *(texts.publish_dataset(text, by=by, number=number) for text, number in like.texts["dataset"]),
        *(texts.publish_mapping(mapping_of(name), by=by) for name in peopled),
        *(
            texts.publish_core(text, by=by, number=number)
            for kind in ("core", "council")
            for text, number in like.texts[kind]
        ),
        *(changes.partners.register_partner(one.partner_id, name=one.name, kind=one.kind, by=by) for one in like.partners),
        *(
            changes.organisations.set_code(one.partner_id, scheme, code, by=by)
            for one in like.partners
            for scheme, code in one.codes.items()
        ),
        # Else no agreement that asks for one could be tried.
        *(
            changes.organisations.set_assurance(one.partner_id, _supposed(level), by=by)
            for one in like.partners
            for level in AssuranceLevel
        ),
    ]


def _supposed(level: AssuranceLevel) -> PartnerAssurance:
    today = london_day(utc_now())
    return PartnerAssurance(level, "supposed, for the sandbox", today, today + SUPPOSED_FOR)


def _publish_agreements(council: Council, texts: Sequence[Text], by: str) -> list[str]:
    """Publish agreements; return those that are left out: one that is over need not hold together any more."""
    refused = []
    for text, number in texts:
        try:
            append_all(
                council,
                lambda changes, text=text, number=number: [changes.texts.publish_agreement(text, by=by, number=number)],  # type: ignore[misc]  # mypy can't type a default
            )
        except TextError as error:
            name = re.search(r"^agreement: *(\S+)", text, re.MULTILINE)
            refused.append(
                f"agreement {name[1] if name else '?'}, which does not hold together: {error.findings[0].message}"
            )
    return refused


def _take_up(council: Council, floor: int, by: str) -> None:
    """Bring a sandbox to its council's floor, where its older texts would leave it below."""
    with closing(council.store.open(read_only=True)) as connection:
        is_below = read_floor(connection) < floor
    if is_below:
        append_all(council, lambda changes: [changes.texts.take_up_semantics(by=by)])
