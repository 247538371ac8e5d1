"""What serves while files of an export are replaced, spoilt or gone, and how old does it say it is?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sources_files import FOUND, GRACE, UNDATED, fetch, written
from sources_people import CARDS, LOANS, NOW, Adapter, asking, csv_text, source_of, write_files

from gateway.sources import csv_index
from gateway.sources.contract import SourceFailedError, SourceSlowError
from gateway.sources.csv_reading import read_lines
from gateway.sources.csv_source import CsvSource
from schemas.decision import Record
from schemas.terms import Match


def replaced(file: Path, content: bytes, at: datetime | None = None) -> None:
    """Replace a file as an export job does: written beside it, and renamed."""
    beside = file.with_suffix(".new")
    beside.write_bytes(content)
    if at is not None:
        os.utime(beside, (at.timestamp(), at.timestamp()))
    beside.replace(file)


async def until(work: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Ask again and again, as partners do, until an answer is as it should be."""
    for _ in range(400):
        outcome = await work()
        if holds(outcome):
            return outcome
        await asyncio.sleep(0.01)
    raise AssertionError(outcome)


# -- replaced

NEWER = datetime(2026, 10, 2, 8, tzinfo=UTC)
OLDER = datetime(2026, 10, 1, 8, tzinfo=UTC)


def test_a_replaced_file_is_read_anew_and_the_old_one_serves_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path)
    go_on = threading.Event()
    source = source_of(csv_text(), folder, checks=0.0)
    assert isinstance(source, CsvSource)

    async def work(of: Adapter) -> None:
        async def fines() -> object:
            return (await of.fetch([(FOUND, frozenset({"fines"}))]))[0].values["fines"]

        before = await fines()
        build = source._indexing.build

        def slowly() -> csv_index.Index:
            assert go_on.wait(10)
            return build()

        monkeypatch.setattr(source._indexing, "build", slowly)
        replaced(folder / "cards.csv", (folder / "cards.csv").read_bytes().replace(b"1,204.50", b"7.00"))
        assert [await fines() for _ in range(5)] == [before] * 5
        go_on.set()
        await until(fines, lambda found: str(found) == "7.00")

    asking(source, work)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards of one day with loans of the next would be nobody's record."""
    folder = written(tmp_path)
    readings: list[str] = []

    def read_and_replace(path: str, *rest: Any) -> Any:
        readings.append(Path(path).name)
        yield from read_lines(path, *rest)
        if len(readings) == 1:
            replaced(folder / "cards.csv", (folder / "cards.csv").read_bytes().replace(b"1,204.50", b"7.00"))

    monkeypatch.setattr(csv_index, "read_lines", read_and_replace)

    assert str(fetch(source_of(csv_text(), folder), "fines").values["fines"]) == "7.00"
    assert readings == ["cards.csv", "loans.csv"] * 2


def test_a_file_that_never_stands_still_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path)

    def read_and_replace(path: str, *rest: Any) -> Any:
        yield from read_lines(path, *rest)
        replaced(folder / "cards.csv", (folder / "cards.csv").read_bytes())

    monkeypatch.setattr(csv_index, "read_lines", read_and_replace)

    with pytest.raises(SourceFailedError, match="changed again and again while it was read; write beside it, and rename"):
        fetch(source_of(csv_text(), folder), "fines")


@pytest.mark.parametrize("spoil", [b"nonsense", None])
def test_a_bad_file_leaves_the_old_one_serving_as_old_as_it_is_and_not_for_ever(
    tmp_path: Path, spoil: bytes | None
) -> None:
    """Yesterday's data say that they are yesterday's; once stale, the source fails. The next good file mends it."""
    folder, now = written(tmp_path), [NOW]
    for file in folder.glob("*.csv"):
        os.utime(file, (OLDER.timestamp(), OLDER.timestamp()))
    good = (folder / "cards.csv").read_bytes()
    source = source_of(UNDATED, folder, checks=0.0)
    assert isinstance(source, CsvSource)
    source._serving._clock = lambda: now[0]
    source._records._clock = lambda: now[0]

    async def work(of: Adapter) -> None:
        async def outcome() -> Record | SourceFailedError:
            try:
                return (await of.fetch([(FOUND, frozenset({"fines"}))]))[0]
            except SourceFailedError as error:
                return error

        assert isinstance(first := await outcome(), Record)
        if spoil is None:
            (folder / "cards.csv").unlink()
        else:
            replaced(folder / "cards.csv", spoil)
        await until(outcome, lambda _: source._serving.state.fault is not None)
        assert await outcome() == first
        assert (first.as_at, first.stale) == (OLDER, False)
        with pytest.raises(SourceFailedError, match=r"^library: cards.csv"):
            await of.survey(5)
        now[0] = datetime(2026, 10, 3, 8, 0, 1, tzinfo=UTC)  # `stale_after` is two days
        assert str(await outcome()).startswith("library: cards.csv")
        replaced(folder / "cards.csv", good, NEWER)
        assert isinstance(await until(outcome, lambda one: isinstance(one, Record)), Record)

    asking(source, work)


def test_a_bad_file_is_not_read_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path)
    source = source_of(csv_text(), folder, checks=0.0)
    assert isinstance(source, CsvSource)

    async def work(of: Adapter) -> int:
        await of.identify([GRACE])
        builds: list[int] = []
        build = source._indexing.build
        monkeypatch.setattr(source._indexing, "build", lambda: builds.append(1) or build())
        replaced(folder / "cards.csv", b"nonsense")
        for _ in range(50):
            await of.identify([GRACE])
            await asyncio.sleep(0.002)
        return len(builds)

    assert asking(source, work) == 1


def test_a_first_reading_that_takes_long_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on in its thread, and the next call may find it done."""
    go_on = threading.Event()
    source = source_of(csv_text(0.05), written(tmp_path))
    assert isinstance(source, CsvSource)
    build = source._indexing.build
    monkeypatch.setattr(source._indexing, "build", lambda: build() if go_on.wait(10) else None)

    async def work(of: Adapter) -> None:
        with pytest.raises(SourceSlowError, match=r"library was not read in 0\.05 s"):
            await of.identify([GRACE])
        go_on.set()
        assert (await of.identify([GRACE]))[0].match is Match.CONFIRMED

    asking(source, work)


def test_the_loop_is_not_held_up_by_a_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(csv_text(), written(tmp_path))
    assert isinstance(source, CsvSource)
    build = source._indexing.build
    monkeypatch.setattr(source._indexing, "build", lambda: time.sleep(0.3) or build())

    async def work(of: Adapter) -> float:
        asked = asyncio.ensure_future(of.identify([GRACE]))
        longest = 0.0
        while not asked.done():
            begun = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - begun)
        assert asked.result()[0].match is Match.CONFIRMED
        return longest

    assert asking(source, work) < 0.2


# -- when the data stood


def test_without_a_word_the_oldest_file_says_when_the_data_stood(tmp_path: Path) -> None:
    folder = written(tmp_path)
    os.utime(folder / "cards.csv", (NEWER.timestamp(), NEWER.timestamp()))
    os.utime(folder / "loans.csv", (OLDER.timestamp(), OLDER.timestamp()))

    assert fetch(source_of(UNDATED, folder), "fines").as_at == OLDER


def test_the_newest_day_counts_for_which_every_file_is_there(tmp_path: Path) -> None:
    write_files(tmp_path, CARDS, LOANS)
    cards, loans = (tmp_path / "cards.csv").read_bytes(), (tmp_path / "loans.csv").read_bytes()
    for day, fines in (
        ("2026-09-30", b"1.00"),
        ("2026-10-01", b"2.00"),
        ("2026-10-02", b"3.00"),
        ("2026-13-45", b"4.00"),
        ("2062-10-02", b"5.00"),
    ):
        (tmp_path / f"cards-{day}.csv").write_bytes(cards.replace(b"1,204.50", fines))
    for day in ("2026-09-30", "2026-10-01", "2062-10-02"):
        (tmp_path / f"loans-{day}.csv").write_bytes(loans)
    (tmp_path / "cards-2026-10-02-copy.csv").write_bytes(b"nonsense")
    text = UNDATED.replace("cards.csv", "cards-%Y-%m-%d.csv").replace("loans.csv", "loans-%Y-%m-%d.csv")

    record = fetch(source_of(text, tmp_path), "fines")

    assert (str(record.values["fines"]), record.as_at) == ("2.00", datetime(2026, 10, 1, tzinfo=UTC))


def test_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    text = csv_text().replace("cards.csv", "cards-%Y%m%d.csv").replace('folder: "{dir}"', 'folder: "{dir}/none"')
    source = source_of(text, tmp_path / "none")

    with pytest.raises(SourceFailedError, match=r"^library: the folder of cards-%Y%m%d\.csv: No such file or directory$"):
        fetch(source, "fines")


def test_a_fault_in_reading_is_told_by_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RecursionError("P0000042")

    monkeypatch.setattr(csv_index, "one_key", fault)

    with pytest.raises(SourceFailedError, match=r"^library: could not be read: RecursionError$"):
        fetch(source_of(csv_text(), written(tmp_path)), "fines")


def test_half_of_a_file_that_is_replaced_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path)
    good = (folder / "cards.csv").read_bytes()
    replaced(folder / "cards.csv", good[:-30])

    def read_and_mend(path: str, *rest: Any) -> Any:
        lines = list(iter_until_fault(read_lines(path, *rest)))
        replaced(folder / "cards.csv", good)
        monkeypatch.setattr(csv_index, "read_lines", read_lines)
        yield from lines
        raise csv_index.ExportFaultError("cards.csv, line 10: cut off")

    def iter_until_fault(lines: Any) -> Any:
        with contextlib.suppress(csv_index.ExportFaultError):
            yield from lines

    monkeypatch.setattr(csv_index, "read_lines", read_and_mend)

    assert str(fetch(source_of(csv_text(), folder), "fines", row="C9").values["fines"]) == "None"


def test_no_day_for_which_every_file_is_there_fails(tmp_path: Path) -> None:
    text = csv_text().replace("cards.csv", "cards-%Y%m%d.csv")

    with pytest.raises(SourceFailedError, match=r"^library: cards-%Y%m%d\.csv and loans\.csv: no day for which every file"):
        fetch(source_of(text, written(tmp_path)), "fines")


def test_threads_end_when_the_source_is_closed(tmp_path: Path) -> None:
    fetch(source_of(csv_text(), written(tmp_path)), "fines")

    assert not [one for one in threading.enumerate() if one.name.startswith("source")]
