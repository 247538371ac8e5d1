"""A log whose newest entries are lost goes on as a successor, under another origin and key: `stile log succeed`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hours import Clock, ruled_by
from house import open_house
from test_gateway_log_check import run
from test_gateway_tampered import ask

from audit.stores.checked import LogCorruptError
from audit.stores.entries import note_of
from audit.tree.checkpoint import parse_checkpoint
from gateway.backups import succeeding
from gateway.commands import logs
from gateway.council.directory import open_council

REASON = ("--reason", "the disk of the database was lost")


def lose(directory: Path) -> str:
    """Have this host know of a head that the log at hand does not have; return the key that it was signed by.

    As after a restore from a backup that is older than what was signed.
    """
    council = open_council(directory)
    with contextlib.closing(council.store.open(read_only=True)) as connection:
        note = note_of(connection)
    assert note is not None
    size = parse_checkpoint(note).size
    council.high_water.write_text(council.signer.sign(size + 3, bytes(32)), encoding="utf-8")
    council.keyring.close()
    return council.signer.vkey


def succeed(directory: Path, *more: str) -> tuple[int, str]:
    with ruled_by(Clock()):
        return run("log", "succeed", "--dir", str(directory), *REASON, *more)


@pytest.fixture
def lost(either_directory: Path) -> Path:
    with open_house(either_directory) as house:
        assert ask(house).status_code == 200
        house.append(house.changes().tokens.revoke("some-token", client_id="nobody", by="test"))
    lose(either_directory)
    return either_directory


def test_the_successor_has_an_origin_and_key_of_its_own_and_the_state_as_it_was(lost: Path) -> None:
    """Its first entry names what was lost, its second says what every row is: also that a token was taken back."""
    before = open_council(lost)
    before.keyring.close()
    with pytest.raises(LogCorruptError, match="had signed"), open_house(lost):
        pass

    status, told = succeed(lost)

    assert (status, "3 entries are lost" in told) == (0, True), told
    with open_house(lost) as house:
        assert house.council.settings.origin == before.settings.origin + "-2"
        assert house.vkey != before.signer.vkey
        assert house.vkey in told
        first, second = house.entries()[:2]
        assert (first["kind"], second["kind"]) == ("log.succeeded", "state.adopted")
        what = house.truth(first)["what"]
        assert (what["missing"], what["log"]["vkey"], what["reason"]) == (3, before.signer.vkey, REASON[1])
        answer = ask(house)
        assert answer.status_code == 200
        house.verify(answer)
        assert house.wiring.services.reader.is_token_revoked("some-token")
        assert house.rows("SELECT count(*) FROM before_1_log_entry")[0][0] == what["held"]["size"]
    assert run("log", "check", "--dir", str(lost))[0] == 0


def test_a_log_that_lacks_nothing_has_no_successor(either_directory: Path) -> None:
    with open_house(either_directory) as house:
        assert ask(house).status_code == 200

    status, told = succeed(either_directory)

    assert (status, "nothing that anybody has seen" in told) == (1, True)
    with open_house(either_directory) as house:
        assert ask(house).status_code == 200


def test_a_receipt_tells_what_is_missing(council_directory: Path, tmp_path: Path) -> None:
    """A partner's, of an answer that the log at hand does not have."""
    lose(council_directory)
    council = open_council(council_directory)
    seen = tmp_path / "seen"
    council.high_water.rename(seen)
    council.keyring.close()

    assert succeed(council_directory)[0] == 1
    assert succeed(council_directory, "--seen", str(seen))[0] == 0


STEPS = [(logs, "begin"), (succeeding, "make_log_key"), (succeeding, "drop_first_uses"), (logs, "set_aside_before")]
STEPS += [(logs, "first_entries"), (logs, "end")]


@pytest.mark.parametrize(("where", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_succession_that_was_killed_behind_a_step_is_taken_up_again(
    lost: Path, where: Any, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is done nothing is served; and it is done once."""
    real = getattr(where, step)

    def killed(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, step, killed)
        assert succeed(lost)[0] != 0
    if (lost / "state.succession").exists():
        with pytest.raises(LogCorruptError), open_house(lost):
            pass
        assert succeed(lost)[0] == 0

    with open_house(lost) as house:
        assert [one["kind"] for one in house.entries()[:2]] == ["log.succeeded", "state.adopted"]
        assert house.council.settings.origin.endswith("-2")
        assert ask(house).status_code == 200
    assert not (lost / "state.succession").exists()


def test_a_second_loss_has_a_second_successor(council_directory: Path) -> None:
    for number in (2, 3):
        lose(council_directory)
        assert succeed(council_directory)[0] == 0
        with open_house(council_directory) as house:
            assert house.council.settings.origin.endswith(f"-{number}")
            assert ask(house).status_code == 200


@pytest.mark.parametrize("planted", [b"", b"{", b"[]", b"{}", b'{"before": 1, "what": {}}', bytes(32) + b"{}"])
def test_what_nobody_began_is_not_taken_up(council_directory: Path, planted: bytes) -> None:
    """Else a file that somebody put there would take the council's log away from it."""
    (council_directory / "state.succession").write_bytes(planted)

    status, told = succeed(council_directory)

    assert (status, "is not as it was written" in told) == (1, True), told
    (council_directory / "state.succession").unlink()
    with open_house(council_directory) as house:
        assert ask(house).status_code == 200


@pytest.mark.parametrize("reason", ["", "  ", "a\x1b[31m", "x" * 10_000])
def test_a_reason_that_nobody_can_read_begins_nothing(lost: Path, reason: str) -> None:
    with ruled_by(Clock()):
        status, told = run("log", "succeed", "--dir", str(lost), "--reason", reason)

    assert (status, "a reason is one line" in told) == (1, True), told
    assert not (lost / "state.succession").exists()
