"""A gateway that serves has the whole log checked in a process beside it, and says what was found."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from functools import partial
from pathlib import Path

import pytest
from house import open_house
from test_gateway_tampered import EDITS, edit, stopped  # noqa: F401 -- a fixture

from gateway.app import note_found
from gateway.background.checking import check_once, is_due, tell_last


def test_a_check_beside_requests_names_what_no_call_has_read(
    stopped: Path,  # noqa: F811 -- the fixture
    capfd: pytest.CaptureFixture[str],
) -> None:
    """And `/readyz` says so from then on, until the row is as the log says again."""
    edit(stopped, "UPDATE partner SET status = 'suspended' WHERE partner_id = 'calder-nhs-trust'")
    with open_house(stopped) as house:
        wiring, file = house.wiring, house.council.checked
        assert house.http.get("/readyz").status_code == 200
        found = partial(note_found, wiring.services.reader)
        asyncio.run(check_once(stopped, file=file, telemetry=wiring.telemetry, found=found))
        readiness = house.http.get("/readyz")
        edit(stopped, "UPDATE partner SET status = 'active' WHERE partner_id = 'calder-nhs-trust'")
        assert house.http.get("/readyz").status_code == 200

    assert (readiness.status_code, readiness.json()["state"]) == (503, "not what the log says")
    assert '"state_key": "partner/calder-nhs-trust"' in capfd.readouterr().err
    assert [one["state_key"] for one in json.loads(file.read_bytes())["findings"]] == ["partner/calder-nhs-trust"]
    assert not is_due(file, hours=24)


def test_a_check_is_due_again_after_its_hours(tmp_path: Path) -> None:
    file = tmp_path / "state.checked"
    assert is_due(file, hours=24)
    file.touch()
    assert is_due(file, hours=1), "a check that was killed has not checked"
    file.write_bytes(b'{"findings": []}')
    assert not is_due(file, hours=1)
    os.utime(file, (0, 0))
    assert is_due(file, hours=744)


def test_one_of_several_workers_checks(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        file, told = house.council.checked, []
        with file.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            asyncio.run(check_once(council_directory, file=file, telemetry=house.wiring.telemetry, found=told.append))
        assert (told, file.read_bytes()) == ([], b"")


def test_what_one_worker_found_the_others_hear_once(tmp_path: Path) -> None:
    """And one that starts later: until the row is mended each of them is not ready."""
    file, told = tmp_path / "state.checked", []
    assert tell_last(file, told.append) == 0.0
    file.write_bytes(b'{"findings": [{"what": "gone", "state_key": "client/x"}]}')

    heard = tell_last(file, told.append)

    assert tell_last(file, told.append, heard=heard) == heard == file.stat().st_mtime
    assert told == [[{"what": "gone", "state_key": "client/x"}]]


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[]", b"null", b'{"findings": 1}'])
def test_a_file_of_the_last_check_that_is_not_good_tells_nothing(tmp_path: Path, spoilt: bytes) -> None:
    file, told = tmp_path / "state.checked", []
    file.write_bytes(spoilt)

    tell_last(file, lambda findings: told.extend(one for one in findings))

    assert told == []
