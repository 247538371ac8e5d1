"""Is an export that lost more than half of its rows held, until somebody says that it is right?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from house import House
from sources_files import FOUND, GRACE
from sources_people import CARDS, DATASET, LOANS, NOW, asking, card, csv_text, write_files
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.sources.accepted import Accepted, Shrunk
from gateway.sources.contract import Cause, Found, SourceFailedError
from gateway.sources.csv_reading import ExportFaultError
from gateway.sources.csv_serving import News
from gateway.sources.csv_source import CsvSource
from gateway.sources.mapping import parse_mapping
from gateway.telemetry import Telemetry, keep_allowed
from schemas.terms import Match

UNDATED = csv_text().replace("as_at: synced\n", "")
HELD = (
    "library: held: cards.csv has {rows} rows, and the last one that was accepted had {before}. "
    "If that is right, let it serve: stile source confirm library-cards"
)


def cards(count: int) -> list[dict[str, str]]:
    """Return Grace Okafor's card and others: so many in all."""
    return [CARDS[0], *(card(f"X{n}", f"Q{n}", "WALSH", "11/12/1994") for n in range(count - 1))][:count]


class Export:
    """An export in a folder, and sources of it as processes have them: each its own, all one memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[News] = []
        self.now = [NOW]

    def write(self, count: int, loans: int = 1) -> None:
        write_files(self.folder, cards(count), [LOANS[0]] * loans)

    def source(self, text: str = UNDATED) -> CsvSource:
        return CsvSource(
            DATASET,
            parse_mapping(text),
            folder=str(self.folder),
            clock=lambda: self.now[0],
            checks=0.0,
            accepted=Accepted(self.folder / "exports.json"),
            told=self.told.append,
        )

    def accept(self, count: int, loans: int = 1) -> None:
        Accepted(self.folder / "exports.json").keep({"cards.csv": count, "loans.csv": loans})


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


async def settled(source: CsvSource) -> None:
    """Let the files be looked at to the end."""
    for _ in range(2):
        with_index = asyncio.ensure_future(source.identify([GRACE]))
        await asyncio.gather(with_index, return_exceptions=True)
        if source._serving._reading is not None:
            await asyncio.wrap_future(source._serving._reading)


async def found(source: CsvSource) -> Found | SourceFailedError:
    await settled(source)
    try:
        return (await source.identify([GRACE]))[0]
    except SourceFailedError as error:
        return error


def running(source: CsvSource, work: Callable[[CsvSource], Awaitable[Any]]) -> Any:
    return asking(source, work)  # type: ignore[arg-type]  # of this kind


@pytest.mark.parametrize(
    ("before", "rows", "is_held"),
    [
        (40, 37, False),
        (40, 20, False),
        (40, 19, True),
        (40, 0, True),
        (3, 1, True),
        (2, 1, False),
        (1, 0, True),
        (0, 0, False),
    ],
)
def test_more_than_half_gone_is_held(before: int, rows: int, *, is_held: bool) -> None:
    accepted = Accepted()
    accepted.keep({"cards.csv": before})

    assert bool(accepted.shrunk({"cards.csv": rows})) is is_held


def test_the_export_before_goes_on_serving(export: Export) -> None:
    """40 and 37 serve; 12 and a heading alone are held, and Grace is known all the while."""

    async def work(source: CsvSource) -> list[Any]:
        outcomes = []
        for count in (40, 37, 12, 0):
            export.write(count)
            outcomes.append((await found(source), source._serving.state.held))
        return outcomes

    outcomes = running(export.source(), work)

    assert [one.match for one, _ in outcomes] == [Match.CONFIRMED] * 4
    assert [held for _, held in outcomes] == [(), (), (Shrunk("cards.csv", 12, 37),), (Shrunk("cards.csv", 0, 37),)]


def test_the_first_file_of_a_mapping_is_never_held(export: Export) -> None:
    export.write(0)

    assert running(export.source(), found).match is Match.NOBODY


def test_a_groups_file_is_held_alike(export: Export) -> None:
    async def work(source: CsvSource) -> tuple[Any, Any]:
        export.write(5, loans=9)
        await settled(source)
        export.write(5, loans=0)
        await settled(source)
        ((record,), held) = (await source.fetch([(FOUND, frozenset({"loans", "loans.shelf"}))]), source._serving.state.held)
        return record, held

    record, held = running(export.source(), work)

    assert held == (Shrunk("loans.csv", 0, 9),)
    assert len(record.groups["loans"]) == 9


def test_a_whole_export_ends_it_by_itself(export: Export) -> None:
    async def work(source: CsvSource) -> Any:
        for count in (40, 3, 41):
            export.write(count)
            await settled(source)
        return source._serving.state

    state = running(export.source(), work)

    assert (state.fault, state.held) == (None, ())
    assert [bool(one.held) for one in export.told] == [False, True, False]


def test_what_serves_is_no_older_than_the_dataset_allows(export: Export) -> None:
    """Then the source fails, which is no miss; and says why."""

    async def work(source: CsvSource) -> Any:
        export.write(40)
        await settled(source)
        export.write(12)
        await settled(source)
        export.now[0] = datetime(2126, 1, 1, tzinfo=UTC)
        return await found(source)

    failed = running(export.source(), work)

    assert str(failed) == HELD.format(rows=12, before=40)
    assert failed.cause is Cause.EXPORT


def test_a_restart_does_not_forget(export: Export) -> None:
    """Nothing is left to serve: the call fails, and nobody is told that they have guessed wrong."""
    export.write(40)
    running(export.source(), found)
    export.write(12)

    failed = running(export.source(), found)

    assert str(failed) == HELD.format(rows=12, before=40)


def test_a_restart_serves_the_day_before_where_names_tell_days(export: Export) -> None:
    text = UNDATED.replace("file: cards.csv", "file: cards-%Y-%m-%d.csv").replace(
        "file: loans.csv", "file: loans-%Y-%m-%d.csv"
    )
    for day, count in (("2026-09-30", 38), ("2026-10-01", 40), ("2026-10-02", 3)):
        export.write(count)
        for name in ("cards", "loans"):
            (export.folder / f"{name}.csv").rename(export.folder / f"{name}-{day}.csv")
        if day == "2026-10-01":
            assert running(export.source(text), found).match is Match.CONFIRMED

    async def work(source: CsvSource) -> tuple[Any, Any]:
        return await found(source), (await source.fetch([(FOUND, frozenset({"fines"}))]))[0].as_at

    outcome, as_at = running(export.source(text), work)

    assert outcome.match is Match.CONFIRMED
    assert as_at == datetime(2026, 10, 1, tzinfo=UTC)


def test_a_yes_counts_in_every_process_that_is_running(export: Export) -> None:
    """A worker does not read again what it has refused, but for a yes."""

    async def work(source: CsvSource) -> list[Any]:
        export.write(40)
        await settled(source)
        export.write(12)
        await settled(source)
        before = source._serving.state.held
        export.accept(12)  # as the command does, in a process of its own
        await settled(source)
        return [before, source._serving.state.held, len((source._serving.state.index or 0).records.rows)]  # type: ignore[union-attr]  # it serves

    assert running(export.source(), work) == [(Shrunk("cards.csv", 12, 40),), (), 12]


def test_a_held_file_is_not_read_again_and_again(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[int] = []

    async def work(source: CsvSource) -> None:
        export.write(40)
        await settled(source)
        export.write(12)
        build = source._indexing.build
        monkeypatch.setattr(source._indexing, "build", lambda *given: builds.append(1) or build(*given))
        for _ in range(20):
            await settled(source)

    running(export.source(), work)

    assert len(builds) == 1


def test_another_mapping_begins_anew(tmp_path: Path) -> None:
    Accepted(tmp_path / "exports-1.json").keep({"cards.csv": 40})

    assert Accepted(tmp_path / "exports-2.json").shrunk({"cards.csv": 1}) == ()


def test_a_memory_that_was_garbled_serves_nothing_new(export: Export) -> None:
    (export.folder / "exports.json").write_text("{")
    export.write(40)

    failed = running(export.source(), found)

    assert str(failed) == "library: exports.json does not hold what was written there: remove it"


@pytest.mark.parametrize("content", ["[]", '{"cards.csv": "40"}', '{"cards.csv": true}', ""])
def test_counts_are_counts(tmp_path: Path, content: str) -> None:
    (tmp_path / "exports.json").write_text(content)

    with pytest.raises(ExportFaultError):
        Accepted(tmp_path / "exports.json").shrunk({"cards.csv": 1})


def test_no_half_written_counts_are_left(tmp_path: Path) -> None:
    accepted = Accepted(tmp_path / "exports.json")
    for rows in (40, 41):
        accepted.keep({"cards.csv": rows})

    assert [one.name for one in tmp_path.iterdir()] == ["exports.json"]
    assert json.loads((tmp_path / "exports.json").read_text()) == {"cards.csv": 41}


# -- what operators are told


class Logger:
    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def warning(self, event: str, **members: object) -> None:
        self.lines.append(dict(keep_allowed(None, "warning", {"event": event, **members})))

    info = warning


def test_a_held_export_is_a_message_and_a_gauge() -> None:
    telemetry, logger = Telemetry(), Logger()
    telemetry.logger = logger

    telemetry.note_export(News("library", None))
    telemetry.note_export(News("library", "held: …", (Shrunk("cards.csv", 12, 37),)))
    telemetry.note_export(News("others", "others.csv, line 1: …"))
    held = telemetry.registry.get_sample_value("stile_exports_held")
    telemetry.note_export(News("library", None))

    assert held == 1
    assert telemetry.registry.get_sample_value("stile_exports_held") == 0
    assert logger.lines == [
        {
            "event": "export_held",
            "source": "library",
            "file": "cards.csv",
            "rows": 12,
            "rows_before": 37,
            "reason": "held: …",
        },
        {"event": "export_refused", "source": "others", "reason": "others.csv, line 1: …"},
        {"event": "export_accepted", "source": "library"},
    ]


# -- from the command line


def stile(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


def mapped(house: House) -> Path:
    """Map the library's export in a council, let 40 rows be accepted, and put 12 in their place."""
    here = house.directory
    (here / "dataset.yaml").write_text(DATASET.text)
    (here / "mapping.yaml").write_text(UNDATED)
    write_files(here, cards(40), LOANS[:1])
    for words in (("dataset", "publish", here / "dataset.yaml"), ("source", "map", here / "mapping.yaml")):
        status, printed = stile(*words, "--dir", here)
        assert status == 0, printed
    registry = house.wiring.services.source_of.__self__  # type: ignore[attr-defined]  # the registry that serves
    house.wiring.services.reader.refresh()
    source = registry.adapter_of(DATASET, house.wiring.services.reader)
    asyncio.run(settled(source))
    write_files(here, cards(12), LOANS[:1])
    return here


def test_a_held_export_is_told_and_confirmed_by_an_entry(house: House) -> None:
    here = mapped(house)

    status, printed = stile("source", "check", "library-cards", "--dir", here)
    assert status == 1
    assert "held: cards.csv has 12 rows, and the last one that was accepted had 40." in printed
    assert "stile source confirm library-cards" in printed
    assert "card_no 12 held" in printed, "what it holds, for somebody to judge"

    status, printed = stile("source", "confirm", "library-cards", "--dir", here)
    assert status == 0
    assert "cards.csv serves with 12 rows, where the one before had 40" in printed
    truth = house.truth(house.entries("source.changed")[-1])
    assert truth["what"]["confirmed"] == {"cards.csv": {"rows": 12, "before": 40}}
    assert truth["what"]["id"] == "library-cards@1"
    assert "by" in truth["who"]

    assert stile("source", "check", "library-cards", "--dir", here)[0] == 0
    status, printed = stile("source", "confirm", "library-cards", "--dir", here)
    assert status == 1
    assert "nothing of library-cards is held" in printed


def test_a_mapping_that_was_not_tried_says_so_in_its_entry(house: House) -> None:
    here = mapped(house)
    tried = house.truth(house.entries("source.changed")[-1])
    (here / "mapping.yaml").write_text(UNDATED.replace("version: 1", "version: 2"))

    assert stile("source", "map", here / "mapping.yaml", "--unchecked", "--dir", here)[0] == 0

    assert "unchecked" not in tried["what"]
    assert house.truth(house.entries("source.changed")[-1])["what"]["unchecked"] is True


def test_a_mapping_of_an_earlier_build_is_told_what_is_read_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on serving, and values of that format are invalid."""
    here = mapped(house)
    text = UNDATED.replace("version: 1", "version: 2").replace("%d/%m/%Y", "%d/%m/%y")
    monkeypatch.setattr("gateway.store.mapping_checks.mapping_findings", lambda *_: ())  # as that build had it
    house.append(house.changes().texts.publish_mapping(text, by="test"))

    status, printed = stile("source", "check", "library-cards", "--dir", here)

    assert status == 0
    assert "warning: it would not be published any more: line 16" in printed
    assert "Give `pivot`" in printed
    assert "date_of_birth 13 source_value_invalid" in printed


def test_only_an_export_is_confirmed(house: House) -> None:
    status, printed = stile("source", "confirm", "council-tax", "--dir", house.directory)

    assert status == 1
    assert "council-tax is not mapped to files of an export: nothing of it is ever held" in printed
