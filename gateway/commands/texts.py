"""`stile dataset`, `stile core`, `stile agreement`, `stile source`: what is published, and what would be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, office, operator, read_text, said, telling
from gateway.commands.drafting import draft
from gateway.commands.ending import end
from gateway.commands.shelf import (
    list_agreements,
    list_cores,
    list_datasets,
    list_sources,
    show_agreement,
    show_core,
    show_dataset,
    show_source,
    warn_of_review,
)
from gateway.source_registry import SourceRegistry, refusal_of
from gateway.sources.contract import SourceFailedError
from gateway.sources.mapping import mapping_findings, parse_mapping
from gateway.sources.surveying import Survey, told
from gateway.store.changes import ChangeRefusedError
from gateway.store.draft_checks import check_agreement, check_draft, mapped_of
from gateway.store.live_texts import beside, mosaics
from gateway.store.state import Reader
from policies.core_rules import core_draft, core_warnings
from policies.dataset_checks import dataset_draft, dataset_warnings
from policies.drafts import read_draft
from policies.findings import Finding
from policies.line_notes import line_notes
from policies.may_publish import mosaic_warnings, warnings
from policies.parse import parse_dataset
from schemas.dataset import Dataset
from schemas.instants import london_day

File = Annotated[Path, typer.Argument(help="A YAML text; - reads standard input; an id takes what ships with Stile.")]
dataset = typer.Typer(no_args_is_help=True, help="Datasets: what exists, and in which forms.")
core = typer.Typer(no_args_is_help=True, help="The common core, and the council's own rules.")
agreement = typer.Typer(no_args_is_help=True, help="Agreements: who gets what, for what, until when.")
source = typer.Typer(no_args_is_help=True, help="Where a dataset's fields lie in the council's systems.")
dataset.command("draft")(draft)
agreement.command("end")(end)
dataset.command("list")(list_datasets)
dataset.command("show")(show_dataset)
core.command("list")(list_cores)
core.command("show")(show_core)
agreement.command("list")(list_agreements)
agreement.command("show")(show_agreement)
source.command("list")(list_sources)
source.command("show")(show_source)


@dataset.command("check")
def check_dataset(file: File) -> None:
    """Read a dataset and say what is wrong with it, with line and column."""
    with telling():
        found = dataset_draft(read_text(file))
    _warn(dataset_warnings(found))
    typer.echo(f"{found.id}@{found.version} holds together: {len(found.fields)} fields")


@dataset.command("publish")
def publish_dataset(file: File, directory: Directory = Path()) -> None:
    """Publish a dataset."""
    with office(directory) as here:
        said("published", here.append(here.changes.texts.publish_dataset(read_text(file), by=operator())))


@core.command("publish")
def publish_core(file: File, directory: Directory = Path()) -> None:
    """Publish a common core, or the council's own rules."""
    with office(directory) as here:
        said("published", here.append(here.changes.texts.publish_core(read_text(file), by=operator())))
        for name, finding in mosaics(here.reader, london_day(utc_now())):
            typer.echo(f"warning: {name}, line {finding.line}: {finding.message}. {finding.remedy}")


@core.command("check")
def check_core(file: File, directory: Directory = Path()) -> None:
    """Read a core and say what is wrong with it, among the published datasets."""
    with office(directory) as here:
        datasets = here.reader.datasets()
        found = core_draft(read_text(file), datasets)
        _warn(core_warnings(found, datasets))
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
def publish(file: File, directory: Directory = Path()) -> None:
    """Publish a version of an agreement; it counts from its first day, or at once."""
    with office(directory) as here:
        text = read_text(file)
        said("published", here.append(here.changes.texts.publish_agreement(text, by=operator())))
        rules = check_agreement(here.reader, text)
        _warn(mosaic_warnings(rules, beside(here.reader, rules, london_day(utc_now()))))
        typer.echo(
            "Not yet done by this command: proof of guardrails over all agreements, comparison with the version "
            "before, the register of powers, and a second person's approval."
        )


@source.command("map")
def map_source(file: File, directory: Directory = Path()) -> None:
    """Publish a mapping; agreements that rest on a marker it leaves out refuse it."""
    with office(directory) as here:
        text = read_text(file)
        mapping = read_draft(parse_mapping, text)
        refusal = refusal_of(mapping, here.council)
        if refusal is not None:
            raise ChangeRefusedError(f"{mapping.source} {refusal}")
        name, _, version = mapping.dataset.partition("@")
        found = here.reader.find_dataset(name, int(version)) if version.isdigit() else None
        if found is not None:
            for finding in mapping_findings(mapping, found):
                typer.echo(f"{finding.severity}: {finding.message}. {finding.remedy}")
        said("mapped", here.append(here.changes.texts.publish_mapping(text, by=operator())))


@source.command("check")
def check_source(name: str, directory: Directory = Path(), sample: Annotated[int, typer.Option(min=1)] = 500) -> None:
    """Read a sample of the source and count, per field, what is held, blank, or does not fit its type.

    Prints counts, and codes that look like blanks; never another value.
    """
    with office(directory) as here:
        row = here.reader.find_text("dataset", name)
        if row is None:
            raise ChangeRefusedError(f"no dataset called {name} is published")
        found = parse_dataset(row[1])
        try:
            survey = asyncio.run(_surveyed(SourceRegistry(here.council, utc_now), found, here.reader, sample))
        except SourceFailedError as error:
            raise ChangeRefusedError(str(error)) from error
        for line in told(survey):
            typer.echo(line)


async def _surveyed(registry: SourceRegistry, dataset: Dataset, reader: Reader, sample: int) -> Survey:
    try:
        return await registry.adapter_of(dataset, reader).survey(sample)
    finally:
        await registry.aclose()


def _warn(findings: Iterable[Finding]) -> None:
    for finding in findings:
        typer.echo(f"warning: line {finding.line}: {finding.message}. {finding.remedy}")
