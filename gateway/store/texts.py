"""How is a text published, or an agreement ended? Each in the same transaction as its own entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from audit.entry import Kind
from audit.sequencer import Draft, Moment, Within
from gateway.sources.mapping import digest_of, mapped_paths, mapping_findings, parse_mapping
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.instants import from_micros, to_micros
from gateway.store.live import binding_cores
from gateway.store.state import Reader
from policies.compose import compose
from policies.findings import Finding, TextError
from policies.parse import parse_agreement, parse_core, parse_dataset
from policies.places import Flaw, located
from policies.wording import day_text
from schemas.agreement import Agreement
from schemas.instants import london_day

LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Texts:
    """Changes of what is published. `by` is who made the change: an operator or a control client."""

    entries: Entries
    controller: str

    def publish_dataset(self, text: str, *, by: str) -> Within:
        """Publish a dataset's text."""

        def within(connection: Any, moment: Moment) -> Draft:
            dataset = parse_dataset(text)
            what = (dataset.id, dataset.version, dataset.digest, text)
            _insert_text(connection, moment, "dataset", *what)
            return self._text_entry(Kind.DATASET_PUBLISHED, moment, f"dataset/{dataset.id}", what, by)

        return within

    def publish_core(self, text: str, *, by: str) -> Within:
        """Publish a common core, or the council's own rules; every live agreement must still hold together."""

        def within(connection: Any, moment: Moment) -> Draft:
            core = parse_core(text)
            what = (core.id, core.version, core.digest, text)
            _insert_text(connection, moment, "council" if core.is_council else "core", *what)
            _check_live_agreements(connection, moment)
            kind = Kind.COUNCIL_PUBLISHED if core.is_council else Kind.CORE_PUBLISHED
            return self._text_entry(kind, moment, "council/rules" if core.is_council else f"core/{core.id}", what, by)

        return within

    def publish_mapping(self, text: str, *, by: str) -> Within:
        """Publish where a dataset's fields lie in the council's system."""

        def within(connection: Any, moment: Moment) -> Draft:
            mapping = parse_mapping(text)
            name, _, version = mapping.dataset.partition("@")
            dataset = Reader(connection).find_dataset(name, int(version)) if version.isdigit() else None
            if dataset is None:
                raise ChangeRefusedError(f"dataset {mapping.dataset} is not published: publish it first")
            errors = tuple(one for one in mapping_findings(mapping, dataset) if one.severity == "error")
            if errors:
                raise TextError(errors)
            digest = digest_of(text)
            _insert_text(connection, moment, "mapping", mapping.dataset, mapping.version, digest, text)
            _check_live_agreements(connection, moment)
            what = (mapping.dataset, mapping.version, digest, text)
            return self._text_entry(Kind.SOURCE_CHANGED, moment, f"mapping/{name}", what, by)

        return within

    def publish_agreement(self, text: str, *, by: str) -> Within:
        """Publish a version of an agreement; it must hold together with all that bounds it."""

        def within(connection: Any, moment: Moment) -> Draft:
            agreement = parse_agreement(text)
            if agreement.controller != self.controller:
                raise ChangeRefusedError(f"the controller here is {self.controller}, not {agreement.controller}")
            check_resuming(connection, agreement)
            what = (agreement.id, agreement.version, agreement.digest, text)
            _insert_text(connection, moment, "agreement", *what)
            check_agreement(Reader(connection), text)
            connection.executemany(
                "INSERT OR IGNORE INTO recipient (partner_id, agreement_id) VALUES (?, ?)",
                [(partner, agreement.id) for partner in agreement.recipients],
            )
            resumes = {"resumes": agreement.resumes} if agreement.resumes else {}
            return self._text_entry(Kind.AGREEMENT_PUBLISHED, moment, f"agreement/{agreement.id}", what, by, **resumes)

        return within

    def end_agreement(self, name: str, *, reason: str, by: str) -> Within:
        """End every version of an agreement, now. The reason stands in the entry."""
        why = _one_line(reason)

        def within(connection: Any, moment: Moment) -> Draft:
            found = connection.execute(
                "UPDATE text SET ended_at = ? WHERE kind = 'agreement' AND id = ? AND ended_at IS NULL",
                (to_micros(moment.at), name),
            )
            if found.rowcount < 1:
                raise ChangeRefusedError(f"no live agreement is called {name}")
            what = {"what": {"agreement": name, "reason": why}, "who": {"by": by}}
            return self.entries.plain(Kind.AGREEMENT_ENDED, moment, (f"agreement/{name}",), what)

        return within

    def _text_entry(
        self, kind: Kind, moment: Moment, state_key: str, what: tuple[str, int, str, str], by: str, **more: str
    ) -> Draft:
        name, version, digest, _ = what
        names = {"what": {"id": name, "version": version, "digest": digest, **more}, "who": {"by": by}}
        return self.entries.plain(kind, moment, (state_key,), names)


def check_agreement(reader: Reader, text: str) -> None:
    """Raise TextError or ChangeRefusedError unless the agreement holds together with what is published."""
    agreement = parse_agreement(text)
    dataset = reader.find_dataset(*agreement.dataset)
    if dataset is None:
        raise ChangeRefusedError(f"dataset {agreement.dataset[0]}@{agreement.dataset[1]} is not published")
    mapping = reader.find_mapping(f"{dataset.id}@{dataset.version}")
    compose(
        agreement,
        dataset=dataset,
        cores=binding_cores(reader, agreement),
        recipient_kinds=reader.partner_kinds(),
        mapped=mapped_paths(mapping[0]) if mapping else None,
    )


def check_resuming(connection: Any, agreement: Agreement) -> None:
    """Raise TextError where a later version would bring an ended agreement back without a word, or says so for nothing.

    A reason that stayed behind in a text would bring it back unseen after its next end.
    """
    row = connection.execute(
        "SELECT version, ended_at FROM text WHERE kind = 'agreement' AND id = ? ORDER BY version DESC", (agreement.id,)
    ).fetchone()
    if row is None:
        return
    newest, ended_at = row
    if ended_at is not None and agreement.resumes is None:
        ended_on = day_text(london_day(from_micros(ended_at)))
        text = f"{agreement.id} was ended on {ended_on}, and this version would bring it back"
        flaw = Flaw(("version",), text, "Where that is meant, add `resumes:` with the reason; else give it another id.")
    elif ended_at is None and agreement.resumes is not None:
        flaw = Flaw(("resumes",), f"version {newest} is not ended, so there is nothing to take up again", "Take it out.")
    else:
        return
    raise TextError(located(agreement.text, [flaw]))


def _one_line(reason: str) -> str:
    said = " ".join(reason.split())
    if not said or len(said) > LONGEST_REASON or not said.isprintable():
        raise ChangeRefusedError(f"a reason is one line of 1 to {LONGEST_REASON} characters: say why it ends")
    return said


def _insert_text(connection: Any, moment: Moment, kind: str, name: str, version: int, digest: str, text: str) -> None:
    newest = connection.execute("SELECT max(version) FROM text WHERE kind = ? AND id = ?", (kind, name)).fetchone()[0]
    if newest is not None and version <= newest:
        raise ChangeRefusedError(
            f"{kind} {name} has version {newest} published, and a published version never changes: "
            f"give this one version {newest + 1}"
        )
    connection.execute(
        "INSERT INTO text (kind, id, version, digest, text, published_at) VALUES (?, ?, ?, ?, ?, ?)",
        (kind, name, version, digest, text, to_micros(moment.at)),
    )


def _check_live_agreements(connection: Any, moment: Moment) -> None:
    """Raise TextError where a live agreement no longer holds together under what was just written."""
    reader = Reader(connection)
    findings: list[Finding] = []
    for name, version, text, ended_at in reader.texts("agreement"):
        if ended_at is not None or parse_agreement(text).ends_on < london_day(moment.at):
            continue
        try:
            check_agreement(reader, text)
        except TextError as error:
            findings += [replace(one, message=f"{name}@{version}: {one.message}") for one in error.findings]
    if findings:
        raise TextError(tuple(findings))
