"""A log that was rewound, or that another has taken the place of, is noticed before anything is written after it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pysqlite3
import pytest
from house import House, open_house
from test_gateway_tampered import ask

from audit.stores.checked import LogCorruptError
from gateway.app import keep_known


def copy_pages(source: Path, target: Path) -> None:
    """Make one database's content that of another, page by page: no rule of a table is asked."""
    with (
        contextlib.closing(pysqlite3.connect(str(source))) as one,
        contextlib.closing(pysqlite3.connect(str(target))) as other,
    ):
        one.backup(other)


def disclose(house: House) -> int:
    return ask(house).status_code


def is_stopped(house: House) -> bool:
    """Tell whether a gateway discloses nothing and says why it is not ready."""
    readiness = house.http.get("/readyz")
    told = (readiness.status_code, readiness.json().get("log"))
    return disclose(house) == 503 and told == (503, "not the one that it was")


def size_of(house: House) -> int:
    return int(house.rows("SELECT size FROM log_head")[0][0])


@pytest.fixture
def older(council_directory: Path, tmp_path: Path) -> Path:
    with open_house(council_directory) as house:
        assert disclose(house) == 200
    copy_pages(council_directory / "state.sqlite", tmp_path / "older.sqlite")
    return tmp_path / "older.sqlite"


def test_a_head_that_was_rewound_under_a_running_gateway_is_not_gone_on_from(council_directory: Path, older: Path) -> None:
    """Else its key would sign a second history. Both heads are kept: two that one key has signed are evidence."""
    with open_house(council_directory) as house:
        assert disclose(house) == 200
        copy_pages(older, council_directory / "state.sqlite")
        before = size_of(house)

        assert is_stopped(house)
        assert size_of(house) == before
        kept = (council_directory / "state.forked").read_text(encoding="utf-8").splitlines()
        sizes = [int(kept[place + 2]) for place, line in enumerate(kept) if line.endswith((":",)) and place + 2 < len(kept)]
        assert sizes == [before + 1, before]
        house.differs = True


def test_a_log_that_went_on_otherwise_is_not_gone_on_from(council_directory: Path, older: Path, tmp_path: Path) -> None:
    """It is longer than what this gateway knows, and every signature of it is good."""
    other = tmp_path / "other"
    shutil.copytree(council_directory, other)
    for name in ("state.sqlite-wal", "state.sqlite-shm"):
        (other / name).unlink(missing_ok=True)
    shutil.copy(older, other / "state.sqlite")
    with open_house(council_directory) as house:
        assert disclose(house) == 200
        with open_house(other) as second:
            assert [disclose(second) for _ in range(3)] == [200] * 3
        copy_pages(other / "state.sqlite", council_directory / "state.sqlite")

        assert is_stopped(house)
        house.differs = True


def test_each_of_several_workers_notices_by_itself(council_directory: Path, older: Path) -> None:
    with open_house(council_directory) as one, open_house(council_directory) as other:
        assert (disclose(one), disclose(other), disclose(one)) == (200, 200, 200)
        copy_pages(older, council_directory / "state.sqlite")
        one.differs = other.differs = True

        assert is_stopped(one)
        assert is_stopped(other)


def test_a_file_that_took_the_databases_place_is_not_written_to(council_directory: Path, older: Path) -> None:
    """What is still open has no name any more: who opens the new file would never see what is written to the old one."""
    with open_house(council_directory) as house:
        assert disclose(house) == 200
        shutil.copy(older, council_directory / "new.sqlite")
        for name in ("state.sqlite-wal", "state.sqlite-shm"):
            (council_directory / name).unlink()
        (council_directory / "new.sqlite").replace(council_directory / "state.sqlite")
        house.differs = True

        assert disclose(house) == 503
        assert is_stopped(house)


def test_an_older_log_does_not_start_where_this_host_has_followed_a_newer(council_directory: Path, older: Path) -> None:
    """What was followed remembers it, whatever became of the file that keeps the newest checkpoint."""
    with open_house(council_directory) as house:
        assert disclose(house) == 200
        keep_known(house.council, house.wiring.sequencer, worth=0)
    copy_pages(older, council_directory / "state.sqlite")
    (council_directory / "state.head").unlink(missing_ok=True)

    with pytest.raises(LogCorruptError, match="going on would sign a second history"), open_house(council_directory):
        pass


@pytest.mark.parametrize("spoil", ["cut", "of another key", "no file"])
def test_what_was_followed_is_followed_anew_where_its_file_is_not_good(council_directory: Path, spoil: str) -> None:
    with open_house(council_directory) as house:
        assert disclose(house) == 200
        keep_known(house.council, house.wiring.sequencer, worth=0)
    file = council_directory / "state.followed"
    raw = file.read_bytes()
    if spoil == "no file":
        file.unlink()
    else:
        file.write_bytes(raw[:-9] if spoil == "cut" else bytes(32) + raw[32:])

    with open_house(council_directory) as house:
        assert disclose(house) == 200
        assert house.wiring.sequencer.follower.resumed_at == 0


def test_a_start_goes_on_from_what_was_followed(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        assert disclose(house) == 200
        keep_known(house.council, house.wiring.sequencer, worth=0)
        size = size_of(house)

    with open_house(council_directory) as house:
        assert house.wiring.sequencer.follower.resumed_at == size
        assert disclose(house) == 200
