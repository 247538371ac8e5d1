"""`stile source`: where a dataset's fields lie in the council's systems, tried before it is published."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, operator, read_text, said
from gateway.commands.second_person import Reason, make_or_propose
from gateway.commands.shelf import list_sources, show_source
from gateway.council.sources import Adapter, SourceRegistry, refusal_of
from gateway.sources.contract import SourceFailedError
from gateway.sources.csv_source import CsvSource
from gateway.sources.mapping import Mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.surveying import Survey, told
from gateway.sources.trying import SAMPLE, can_be_tried, try_mapping
from gateway.store.change_kinds import SOURCE
from gateway.store.changes import ChangeRefusedError
from gateway.store.mapping_checks import check_mapping
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset

File = Annotated[Path, typer.Argument(help="A YAML text; - reads standard input; an id takes what ships with Stile.")]
Named = Annotated[str, typer.Argument(help="A published dataset; or a mapping's FILE that ends in .yaml, or -.")]
source = typer.Typer(no_args_is_help=True, help="Where a dataset's fields lie in the council's systems.")
source.command("list")(list_sources)
source.command("show")(show_source)


@source.command("map")
def map_source(
    file: File,
    directory: Directory = Path(),
    unchecked: Annotated[  # noqa: FBT002 -- an option of a command line
        bool, typer.Option("--unchecked", help="Publish without trying it, for a source that is down; the entry says so.")
    ] = False,
    sample: Annotated[int, typer.Option(min=1, help="How many records to try it with.")] = SAMPLE,
    reason: Reason = "",
) -> None:
    """Try a mapping, and publish it; agreements that rest on a marker it leaves out refuse it.

    Where two people decide, it is proposed.
    """
    with office(directory) as here:
        text = read_text(file)
        mapping, dataset = _fitting(here, text)
        is_tried = not unchecked and can_be_tried(mapping)
        if is_tried:
            for line in told(_tried(here, mapping, dataset, sample)):
                typer.echo(line)
        make_or_propose(here, SOURCE, {"text": text, "unchecked": not is_tried}, done="mapped", reason=reason)
        if not is_tried:
            why = "give it `http.sample`, and it can be" if not unchecked else f"try it: stile source check {dataset.id}"
            typer.echo(f"warning: it was not tried, and its entry says so; {why}")


@source.command("check")
def check_source(name: Named, directory: Directory = Path(), sample: Annotated[int, typer.Option(min=1)] = 500) -> None:
    """Read a sample of the source and count, per field, what is held, blank, or does not fit its type.

    Prints counts, and codes that look like blanks; never another value. A FILE is tried, and not published.
    """
    with office(directory) as here:
        if name == "-" or name.endswith((".yaml", ".yml")):
            survey = _tried(here, *_fitting(here, read_text(Path(name))), sample)
        else:
            survey = _asked(here, name, sample)
        for line in told(survey):
            typer.echo(line)
        if survey.held:
            raise typer.Exit(1)


@source.command("confirm")
def confirm(
    name: Annotated[str, typer.Argument(help="A dataset whose export is held.")], directory: Directory = Path()
) -> None:
    """Let an export serve that lost more than half of its rows: you have seen to it that this is right."""
    with office(directory) as here:
        dataset = _published(here, name)
        registry = SourceRegistry(here.council, utc_now)
        adapter = _adapter(registry, dataset, here)
        if not isinstance(adapter, CsvSource):
            raise ChangeRefusedError(f"{name} is not mapped to files of an export: nothing of it is ever held")
        try:
            counts, held = asyncio.run(adapter.measure())
            if not held:
                raise ChangeRefusedError(f"nothing of {name} is held: what lies there serves, or is not whole")
            files = {one.file: {"rows": one.rows, "before": one.before} for one in held}
            change = here.changes.texts.confirm_export(f"{dataset.id}@{dataset.version}", files, by=operator())
            # The entry first: a crash between the two leaves the file held, and the command can be given again.
            appended = here.append(change)
            adapter.accept(counts)
        except SourceFailedError as error:
            raise ChangeRefusedError(str(error)) from error
        finally:
            registry.close()
        said("confirmed", appended)
        for one in held:
            typer.echo(f"  {one.file} serves with {one.rows} rows, where the one before had {one.before}")


def _fitting(here: Office, text: str) -> tuple[Mapping, Dataset]:
    """Return a mapping that may be asked and fits its published dataset, with that; its warnings are told."""
    mapping, dataset, findings = check_mapping(here.reader, text)
    refusal = refusal_of(mapping, here.council)
    if refusal is not None:
        raise ChangeRefusedError(f"{mapping.source} {refusal}")
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.message}. {finding.remedy}")
    return mapping, dataset


def _tried(here: Office, mapping: Mapping, dataset: Dataset, sample: int) -> Survey:
    registry = SourceRegistry(here.council, utc_now)

    async def trying() -> Survey:
        try:
            return await try_mapping(registry.made(dataset, mapping), mapping, sample)
        finally:
            await registry.aclose()

    try:
        return asyncio.run(trying())
    except SourceFailedError as error:
        raise ChangeRefusedError(str(error)) from error


def _asked(here: Office, name: str, sample: int) -> Survey:
    dataset, registry = _published(here, name), SourceRegistry(here.council, utc_now)
    mapping = here.reader.find_mapping(f"{dataset.id}@{dataset.version}")
    for finding in mapping_findings(mapping[0], dataset) if mapping is not None else ():
        if finding.severity == "error":  # published by a build that was less strict: such values are invalid now
            typer.echo(f"warning: it would not be published any more: {finding}")

    async def asking() -> Survey:
        try:
            return await registry.adapter_of(dataset, here.reader).survey(sample)
        finally:
            await registry.aclose()

    try:
        return asyncio.run(asking())
    except SourceFailedError as error:
        raise ChangeRefusedError(f"{error} ({error.why})") from error


def _published(here: Office, name: str) -> Dataset:
    row = here.reader.find_text("dataset", name)
    if row is None:
        raise ChangeRefusedError(f"no dataset called {name} is published")
    return parse_dataset(row[1])


def _adapter(registry: SourceRegistry, dataset: Dataset, here: Office) -> Adapter:
    try:
        return registry.adapter_of(dataset, here.reader)
    except SourceFailedError as error:
        raise ChangeRefusedError(str(error)) from error
