"""How is a text published, or an agreement ended? Each in the same transaction as its own entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.sources.mapping import digest_of
from gateway.store.draft_checks import check_draft
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.floor import read_floor
from gateway.store.live_texts import LiveTexts
from gateway.store.mapping_checks import check_mapping
from gateway.store.state import Reader
from policies.checking.core_rules import core_draft
from policies.checking.dataset_checks import dataset_draft
from policies.reading.parse import parse_core, parse_dataset
from schemas.semantics import NEWEST

LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Texts:
    """Changes of what is published. `by` is who made the change: an operator or a control client."""

    entries: Entries
    controller: str

    def publish_dataset(self, text: str, *, by: str, number: int = NEWEST) -> Within:
        """Publish a dataset's text. `number` is older where a sandbox takes over what its council published."""

        def within(connection: Connection, moment: Moment) -> Draft:
            dataset = dataset_draft(text) if number == NEWEST else parse_dataset(text, number)
            what = (dataset.id, dataset.version, dataset.digest, text)
            _insert_text(connection, moment, "dataset", *what, number)
            return self._text_entry(
                Kind.DATASET_PUBLISHED, connection, moment, f"dataset/{dataset.id}", (*what, number), by
            )

        return within

    def publish_core(self, text: str, *, by: str, number: int = NEWEST) -> Within:
        """Publish a common core, or the council's own rules; every live agreement must still hold together."""

        def within(connection: Connection, moment: Moment) -> Draft:
            core = core_draft(text, Reader(connection).datasets()) if number == NEWEST else parse_core(text)
            what = (core.id, core.version, core.digest, text)
            live = LiveTexts.before(connection, moment)
            _insert_text(connection, moment, "council" if core.is_council else "core", *what, number)
            live.check_after(connection)
            kind = Kind.COUNCIL_PUBLISHED if core.is_council else Kind.CORE_PUBLISHED
            state_key = "council/rules" if core.is_council else f"core/{core.id}"
            return self._text_entry(kind, connection, moment, state_key, (*what, number), by)

        return within

    def publish_mapping(self, text: str, *, by: str, unchecked: bool = False) -> Within:
        """Publish where a dataset's fields lie in the council's system; `unchecked` says that nobody tried it."""

        def within(connection: Connection, moment: Moment) -> Draft:
            mapping, dataset, _ = check_mapping(Reader(connection), text)
            digest = digest_of(text)
            live = LiveTexts.before(connection, moment)
            _insert_text(connection, moment, "mapping", mapping.dataset, mapping.version, digest, text, NEWEST)
            live.check_after(connection)
            what = (mapping.dataset, mapping.version, digest, text, NEWEST)
            besides = {"unchecked": True} if unchecked else {}
            return self._text_entry(Kind.SOURCE_CHANGED, connection, moment, f"mapping/{dataset.id}", what, by, **besides)

        return within

    def confirm_export(self, dataset: str, files: Mapping[str, Mapping[str, int]], *, by: str) -> Within:
        """Enter that files which lost more than half of their rows are right; `files` says how many each has and had."""

        def within(connection: Connection, moment: Moment) -> Draft:
            row = Reader(connection).find_text("mapping", dataset)
            if row is None:
                raise ChangeRefusedError(f"{dataset} is mapped to no source")
            what = (dataset, row[0], digest_of(row[1]), row[1], NEWEST)
            besides = {"confirmed": {name: dict(counts) for name, counts in files.items()}}
            state_key = f"mapping/{dataset.partition('@')[0]}"
            return self._text_entry(Kind.SOURCE_CHANGED, connection, moment, state_key, what, by, **besides)

        return within

    def publish_agreement(self, text: str, *, by: str, number: int = NEWEST) -> Within:
        """Publish a version of an agreement; it must hold together with all that bounds it."""

        def within(connection: Connection, moment: Moment) -> Draft:
            agreement = check_draft(Reader(connection), text, number).agreement
            if agreement.controller != self.controller:
                raise ChangeRefusedError(f"the controller here is {self.controller}, not {agreement.controller}")
            what = (agreement.id, agreement.version, agreement.digest, text)
            _insert_text(connection, moment, "agreement", *what, number)
            connection.run_many(
                "INSERT INTO recipient (partner_id, agreement_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(partner, agreement.id) for partner in agreement.recipients],
            )
            resumes = {"resumes": agreement.resumes} if agreement.resumes else {}
            key = f"agreement/{agreement.id}"
            return self._text_entry(Kind.AGREEMENT_PUBLISHED, connection, moment, key, (*what, number), by, **resumes)

        return within

    def end_agreement(self, name: str, *, reason: str, by: str) -> Within:
        """End every version of an agreement, now. The reason stands in the entry."""
        why = _one_line(reason)

        def within(connection: Connection, moment: Moment) -> Draft:
            found = connection.run(
                "UPDATE text SET ended_at = ? WHERE kind = 'agreement' AND id = ? AND ended_at IS NULL",
                (to_micros(moment.at), name),
            )
            if found < 1:
                raise ChangeRefusedError(f"no live agreement is called {name}")
            what = {"what": {"agreement": name, "reason": why}, "who": {"by": by}}
            return self.entries.plain(Kind.AGREEMENT_ENDED, connection, moment, (f"agreement/{name}",), what)

        return within

    def take_up_semantics(self, *, by: str) -> Within:
        """Take up the decision semantics of this build: what they tighten counts for every text from this entry on."""

        def within(connection: Connection, moment: Moment) -> Draft:
            before = read_floor(connection)
            if before >= NEWEST:
                raise ChangeRefusedError(f"this council decides by semantics {before} already")
            connection.run("INSERT INTO semantics (number, changed_at) VALUES (?, ?)", (NEWEST, to_micros(moment.at)))
            what = {"what": {"semantics": NEWEST, "before": before}, "who": {"by": by}}
            return self.entries.plain(Kind.SEMANTICS_CHANGED, connection, moment, ("semantics",), what)

        return within

    def _text_entry(
        self,
        kind: Kind,
        connection: Connection,
        moment: Moment,
        state_key: str,
        what: tuple[str, int, str, str, int],
        by: str,
        **more: Any,
    ) -> Draft:
        name, version, digest, _, number = what
        # A mapping decides nothing, and has no number.
        numbered = {} if kind is Kind.SOURCE_CHANGED else {"semantics": number}
        names = {"what": {"id": name, "version": version, "digest": digest, **numbered, **more}, "who": {"by": by}}
        return self.entries.plain(kind, connection, moment, (state_key,), names)


def _one_line(reason: str) -> str:
    said = " ".join(reason.split())
    if not said or len(said) > LONGEST_REASON or not said.isprintable():
        raise ChangeRefusedError(f"a reason is one line of 1 to {LONGEST_REASON} characters: say why it ends")
    return said


def _insert_text(
    connection: Connection, moment: Moment, kind: str, name: str, version: int, digest: str, text: str, number: int
) -> None:
    if kind != "mapping" and number == NEWEST:
        _check_floor(connection)
    newest = connection.value("SELECT max(version) FROM text WHERE kind = ? AND id = ?", (kind, name))
    if newest is not None and version <= newest:
        raise ChangeRefusedError(
            f"{kind} {name} has version {newest} published, and a published version never changes: "
            f"give this one version {newest + 1}"
        )
    connection.run(
        "INSERT INTO text (kind, id, version, digest, text, published_at, semantics) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (kind, name, version, digest, text, to_micros(moment.at), number),
    )


def _check_floor(connection: Connection) -> None:
    """Raise ChangeRefusedError where the council has yet to take up the semantics that texts are published under."""
    floor = read_floor(connection)
    if floor < NEWEST:
        raise ChangeRefusedError(
            f"this council decides by semantics {floor}, and texts are published under {NEWEST}: "
            "`stile upgrade --dry-run` says what that means for the live texts, `stile upgrade` takes it up"
        )
