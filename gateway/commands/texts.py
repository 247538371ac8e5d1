"""`stile dataset`, `stile core`, `stile agreement`: what is published, and what would be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, assert_never

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, office, operator, read_text, said, telling
from gateway.commands.drafting import draft
from gateway.sources.export import Export
from gateway.sources.mapping import Database, Mapping
from gateway.sources.upstream import Upstream
from gateway.store.changes import ChangeRefusedError
from gateway.store.live import binding_cores
from gateway.store.live_texts import check_agreement
from gateway.store.state import Reader
from policies.bind import bind
from policies.core_rules import core_may_publish, core_warnings
from policies.dataset_checks import dataset_may_publish, dataset_warnings
from policies.explain import explain_agreement
from policies.findings import Finding
from policies.line_notes import line_notes
from policies.may_publish import warnings
from policies.parse import parse_agreement, parse_core, parse_dataset
from schemas.agreement import RuleSet
from schemas.instants import london_day
from schemas.semantics import NEWEST, Semantics

File = Annotated[Path, typer.Argument(help="A YAML text; - reads standard input; an id takes what ships with Stile.")]
dataset = typer.Typer(no_args_is_help=True, help="Datasets: what exists, and in which forms.")
core = typer.Typer(no_args_is_help=True, help="The common core, and the council's own rules.")
agreement = typer.Typer(no_args_is_help=True, help="Agreements: who gets what, for what, until when.")
dataset.command("draft")(draft)


@dataset.command("check")
def check_dataset(file: File) -> None:
    """Read a dataset and say what is wrong with it, with line and column."""
    with telling():
        found = parse_dataset(read_text(file))
        dataset_may_publish(found)
    _warn(dataset_warnings(found))
    typer.echo(f"{found.id}@{found.version} holds together: {len(found.fields)} fields")


@dataset.command("show")
def show_dataset(name: str, directory: Directory = Path()) -> None:
    """Show a published dataset, field by field, with where minimisation happens."""
    with office(directory) as here:
        row = here.reader.find_text("dataset", name)
        if row is None:
            raise ChangeRefusedError(f"no dataset called {name} is published")
        found = parse_dataset(row[1])
        typer.echo(f"{found.title} ({found.id}@{found.version}), for {found.collected_for}")
        typer.echo(f"source: {_source_of(here.reader, f'{found.id}@{found.version}')}")
        for field in found.fields.values():
            marks = [field.classification.value, *sorted(field.reveals), *(["marker"] if field.marker else [])]
            typer.echo(f"  {field.path:32} {field.type.value:10} {' < '.join(field.chain):40} {', '.join(marks)}")


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


@core.command("check")
def check_core(file: File, directory: Directory = Path()) -> None:
    """Read a core and say what is wrong with it, among the published datasets."""
    with office(directory) as here:
        found, datasets = parse_core(read_text(file)), here.reader.datasets()
        core_may_publish(found, datasets)
        _warn(core_warnings(found, datasets))
    typer.echo(f"{found.id}@{found.version} holds together: {len(found.caps)} caps, {len(found.guardrails)} guardrails")


@agreement.command("check")
def check(file: File, directory: Directory = Path()) -> None:
    """Say whether an agreement holds together with all that bounds it, and what to watch."""
    with office(directory) as here:
        text = read_text(file)
        rules = check_agreement(here.reader, text)
        _warn(warnings(rules))
        for place, note in line_notes(rules):
            typer.echo(f"note: line {place}: {note}")
        _warn_of_review(rules)
        typer.echo(f"{rules.agreement.id}@{rules.agreement.version} holds together")


@agreement.command("show")
def show(name: str, directory: Directory = Path()) -> None:
    """Read a published agreement aloud, in plain English; a FILE that ends in .yaml is read instead."""
    with office(directory) as here:
        if name.endswith((".yaml", ".yml")):
            text, number = read_text(Path(name)), NEWEST
        else:
            row = here.reader.find_text("agreement", name)
            if row is None:
                raise ChangeRefusedError(f"no agreement called {name} is published")
            text, number = row[1], here.reader.number_of("agreement", name, row[0])
        rules = _rules(here.reader, text, number)
        typer.echo(explain_agreement(rules))
        _warn_of_review(rules)


@agreement.command("publish")
def publish(file: File, directory: Directory = Path()) -> None:
    """Publish a version of an agreement; it counts from its first day, or at once."""
    with office(directory) as here:
        appended = here.append(here.changes.texts.publish_agreement(read_text(file), by=operator()))
        said("published", appended)
        typer.echo(
            "Not yet done by this command: proof of guardrails over all agreements, comparison with the version "
            "before, the register of powers, and a second person's approval."
        )


@agreement.command("end")
def end(name: str, directory: Directory = Path()) -> None:
    """End an agreement now: nothing more is disclosed under it. A FILE names it by its id."""
    with office(directory) as here:
        given = parse_agreement(read_text(Path(name))).id if name.endswith((".yaml", ".yml")) else name
        said("ended", here.append(here.changes.texts.end_agreement(given, by=operator())))


def _source_of(reader: Reader, name: str) -> str:
    """Say of which kind a dataset's source is, where it is minimised, and since when it is mapped so."""
    mapping, row = reader.find_mapping(name), reader.find_text("mapping", name)
    if mapping is None or row is None:
        return "none mapped yet"
    mapped_at = reader.published_at("mapping", name, row[0])
    return f"{_kind_of(mapping[0])} ({mapping[0].source}, version {row[0]}, mapped {mapped_at:%Y-%m-%d %H:%M} UTC)"


def _kind_of(mapping: Mapping) -> str:
    match mapping.system:
        case Database():
            return "SQL, minimised at the source"
        case Upstream(select=None):
            return "HTTP, minimised at the door: it sends whole records, and what was not decided is dropped"
        case Upstream():
            return f"HTTP, minimised at the source: it is asked for single members by `{mapping.system.select}`"
        case Export():
            return "CSV, minimised at the door: files hold whole records, and what was not decided is dropped"
    assert_never(mapping.system)


def _warn(findings: Iterable[Finding]) -> None:
    for finding in findings:
        typer.echo(f"warning: line {finding.line}: {finding.message}. {finding.remedy}")


def _warn_of_review(rules: RuleSet) -> None:
    """Say that a review is overdue: a warning, where a term that is over is a refusal."""
    review_on = rules.agreement.review_on
    if review_on is not None and review_on < london_day(utc_now()):
        typer.echo(f"warning: the review of {review_on} is overdue. Review the agreement, and publish it with a new date.")


def _rules(reader: Reader, text: str, number: int) -> RuleSet:
    parsed = parse_agreement(text)
    found = reader.find_dataset(*parsed.dataset)
    if found is None:
        raise ChangeRefusedError(f"dataset {parsed.dataset[0]}@{parsed.dataset[1]} is not published")
    cores, kinds = binding_cores(reader, parsed), reader.partner_kinds()
    semantics = Semantics(number, reader.floor())
    return bind(parsed, dataset=found, cores=cores, recipient_kinds=kinds, semantics=semantics)
