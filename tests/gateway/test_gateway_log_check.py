"""`stile log check` and `stile upgrade`: is the state what the log says, and what of a council from before it said so?"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from hours import Clock, ruled_by
from house import open_house
from test_gateway_tampered import EDITS, edit, stopped  # noqa: F401 -- a fixture
from typer.testing import CliRunner

from audit.format.commitment import CONTROLLER_ID, open_bundle, value_of
from audit.stores.checked import LogCorruptError
from audit.stores.entries import bundles
from gateway.cli import make_app

OLDER = Path(__file__).parent / "older" / "council-0013.tar.xz"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(list(arguments)), list(arguments))
    return result.exit_code, result.output


def test_a_log_whose_state_follows_from_it_has_no_finding(stopped: Path) -> None:  # noqa: F811 -- the fixture
    status, told = run("log", "check", "--dir", str(stopped))

    assert status == 0, told
    assert told.endswith("0 findings.\n")


def test_the_check_names_each_state_key_that_was_edited(stopped: Path) -> None:  # noqa: F811 -- the fixture
    """And none besides."""
    wanted = {key for statements, key in EDITS.values()}
    for statements, _ in EDITS.values():
        edit(stopped, *statements)

    status, told = run("log", "check", "--dir", str(stopped), "--json")

    assert status == 1
    found = {one["state_key"] for one in json.loads(told)["findings"]}
    assert {key for key in wanted if any(one.startswith(key) for one in found)} == wanted
    assert {one for one in found if one.startswith(tuple(wanted))} == found


def test_the_check_names_a_rule_that_was_dropped(stopped: Path) -> None:  # noqa: F811 -- the fixture
    """And a gateway does not start without it."""
    rule = "log_entry_holds"
    edit(stopped, f"DROP TRIGGER {rule}" + ("" if (stopped / "state.sqlite").exists() else " ON log_entry"))

    status, told = run("log", "check", "--dir", str(stopped))

    assert (status, rule in told) == (1, True)
    with pytest.raises(LogCorruptError, match=rule), open_house(stopped):
        pass


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A council as a build made it whose entries did not say what rows they set."""
    with tarfile.open(OLDER) as packed:
        packed.extractall(tmp_path / "older", filter="data")
    return tmp_path / "older"


def test_an_older_council_is_taken_over_by_one_entry(older: Path) -> None:
    with ruled_by(Clock()):
        status, told = run("upgrade", "--dir", str(older))
    assert status == 0, told
    assert "what every row of the state is" in told

    with open_house(older) as house:
        adopted = house.entries("state.adopted")
        assert len(adopted) == 1
        assert house.harbour().ask(fields=["arrears", "postcode"]).status_code == 200
        assert house.truth(adopted[0])["what"]["people"] == 3
    assert run("log", "check", "--dir", str(older))[0] == 0


def test_what_an_older_council_had_of_a_person_is_held_to_from_then_on(older: Path) -> None:
    with ruled_by(Clock()):
        assert run("upgrade", "--dir", str(older))[0] == 0
    edit(older, "DELETE FROM consent WHERE state = 'withdrawn'", "DELETE FROM state_key WHERE key LIKE 'consent/%'")

    status, told = run("log", "check", "--dir", str(older))

    assert status == 1
    assert told.count("consent: 1 that it says are not there") == 1


def test_an_upgrade_that_was_killed_before_the_adoption_goes_on(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nothing is served."""
    with ruled_by(Clock()):
        with monkeypatch.context() as patch:
            patch.setattr("gateway.commands.upgrading._adopt", lambda _directory: (_ for _ in ()).throw(KeyboardInterrupt))
            run("upgrade", "--dir", str(older))
        with pytest.raises(LogCorruptError, match="stile upgrade"), open_house(older):
            pass
        assert run("upgrade", "--dir", str(older))[0] == 0
    with open_house(older) as house:
        assert house.http.get("/readyz").status_code == 200


def test_what_is_adopted_of_a_person_stands_under_their_own_key_alone(older: Path) -> None:
    """So that an erasure takes it out: what the controller can open names digests of salted openings."""
    with ruled_by(Clock()):
        assert run("upgrade", "--dir", str(older))[0] == 0
    with open_house(older) as house:
        entry, keyring = house.entries("state.adopted")[0], house.council.keyring
        index = house.rows("SELECT idx FROM log_entry WHERE entry_id = ?", entry["id"])[0][0]
        kept = bundles(house.wiring.services.reader.connection, index)
        own = open_bundle(keyring.controller(), entry["id"], dict(kept)[CONTROLLER_ID])

    opened = {name: value_of(one) for name, one in own.items()}
    assert len(kept) == 1 + len(opened["people"]) == 4
    assert all(len(one) == 43 for one in opened["people"].values())
    assert not [key for key in opened["state"] if key.startswith(("consent/", "restriction/"))]
