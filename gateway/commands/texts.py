"""`stile dataset`, `stile core`, `stile agreement`: what is published, and what would be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, office, read_text, telling
from gateway.commands.drafting import draft
from gateway.commands.ending import end
from gateway.commands.second_person import Reason, make_or_propose
from gateway.commands.shelf import (
    list_agreements,
    list_cores,
    list_datasets,
    show_agreement,
    show_core,
    show_dataset,
    warn_of_review,
)
from gateway.store.change_kinds import AGREEMENT, CORE, DATASET
from gateway.store.draft_checks import check_agreement, check_draft, mapped_of
from gateway.store.live_texts import beside, mosaics
from policies.checking.core_rules import core_draft, core_warnings
from policies.checking.dataset_checks import dataset_draft, dataset_warnings
from policies.checking.may_publish import mosaic_warnings, warnings
from policies.reading.findings import Finding
from policies.telling.line_notes import line_notes
from schemas.instants import london_day

File = Annotated[Path, typer.Argument(help="A YAML text; - reads standard input; an id takes what ships with Stile.")]
dataset = typer.Typer(no_args_is_help=True, help="Datasets: what exists, and in which forms.")
core = typer.Typer(no_args_is_help=True, help="The common core, and the council's own rules.")
agreement = typer.Typer(no_args_is_help=True, help="Agreements: who gets what, for what, until when.")
dataset.command("draft")(draft)
agreement.command("end")(end)
dataset.command("list")(list_datasets)
dataset.command("show")(show_dataset)
core.command("list")(list_cores)
core.command("show")(show_core)
agreement.command("list")(list_agreements)
agreement.command("show")(show_agreement)


@dataset.command("check")
def check_dataset(file: File) -> None:
    """Read a dataset and say what is wrong with it, with line and column."""
    with telling():
        found = dataset_draft(read_text(file))
    _warn(dataset_warnings(found))
    typer.echo(f"{found.id}@{found.version} holds together: {len(found.fields)} fields")


@dataset.command("publish")
def publish_dataset(file: File, directory: Directory = Path(), reason: Reason = "") -> None:
    """Publish a dataset; where two people decide, propose it."""
    with office(directory) as here:
        make_or_propose(here, DATASET, {"text": read_text(file)}, done="published", reason=reason)


@core.command("publish")
def publish_core(file: File, directory: Directory = Path(), reason: Reason = "") -> None:
    """Publish a common core, or the council's own rules; where two people decide, propose it."""
    with office(directory) as here:
        if not make_or_propose(here, CORE, {"text": read_text(file)}, done="published", reason=reason):
            return
        for name, finding in mosaics(here.reader, london_day(utc_now())):
            typer.echo(f"warning: {name}, line {finding.line}: {finding.message}. {finding.remedy}")


@core.command("check")
def check_core(file: File, directory: Directory = Path()) -> None:
    """Read a core and say what is wrong with it, among the published datasets."""
    with office(directory) as here:
        datasets = here.reader.datasets()
        found = core_draft(read_text(file), datasets)
        agreements = (here.reader.readings.agreement(row[2]) for row in here.reader.texts("agreement"))
        _warn(core_warnings(found, datasets, {one.purpose for one in agreements}))
    typer.echo(f"{found.id}@{found.version} holds together: {len(found.caps)} caps, {len(found.guardrails)} guardrails")


@agreement.command("check")
def check(file: File, directory: Directory = Path()) -> None:
    """Say whether an agreement holds together with all that bounds it, and what to watch."""
    with office(directory) as here:
        text = read_text(file)
        rules = check_draft(here.reader, text)
        others = beside(here.reader, rules, london_day(utc_now()))
        _warn(warnings(rules, others, mapped=mapped_of(here.reader, rules.dataset)))
        for place, note in line_notes(rules):
            typer.echo(f"note: line {place}: {note}")
        warn_of_review(rules)
        typer.echo(f"{rules.agreement.id}@{rules.agreement.version} holds together")


@agreement.command("publish")
def publish(file: File, directory: Directory = Path(), reason: Reason = "") -> None:
    """Publish a version of an agreement; it counts from its first day, or at once. Where two people decide, propose it."""
    with office(directory) as here:
        text = read_text(file)
        if not make_or_propose(here, AGREEMENT, {"text": text}, done="published", reason=reason):
            return
        rules = check_agreement(here.reader, text)
        _warn(mosaic_warnings(rules, beside(here.reader, rules, london_day(utc_now()))))
        typer.echo(
            "Not yet done by this command: proof of guardrails over all agreements, comparison with the version "
            "before, and the register of powers."
        )


def _warn(findings: Iterable[Finding]) -> None:
    for finding in findings:
        typer.echo(f"warning: line {finding.line}: {finding.message}. {finding.remedy}")
