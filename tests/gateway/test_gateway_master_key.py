"""The master key comes from a file, the environment or a command; what is wrong with it is told without a word of it."""

from __future__ import annotations

import base64
import os
import stat
import sys
import time
from pathlib import Path

import pytest

from audit.writing.keyring import KeyringError
from gateway.council.directory import CouncilError, create_council, open_council
from gateway.council.master_key import LARGEST, FileKeys, MasterKeyError, keys_in
from gateway.council.master_key_command import CommandFailedError, CommandKeys
from gateway.settings import FILE, SettingsError, load_settings

INIT = {
    "controller": "northmoor",
    "origin": "gateway.example/log/northmoor",
    "public_url": "https://gateway.example",
    "urgent_contact": "+44 113 496 0000",
    "dpo_contact": "dpo@example.gov.uk",
}
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


def a_program(folder: Path, body: str) -> str:
    """Write a program that stands for the tool of a KMS."""
    file = folder / "unwrap"
    file.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    file.chmod(0o700)
    return str(file)


def opens(directory: Path) -> bool:
    council = open_council(directory)
    council.keyring.close()
    return True


# -- a file


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_read_is_refused_in_one_clear_line(council_directory: Path, mode: int) -> None:
    file = council_directory / "master.key"
    file.chmod(mode)

    with pytest.raises(CouncilError) as error:
        open_council(council_directory)

    assert str(error.value).startswith(f"master_key_file: {file} may be read by others than its owner (mode {mode:04o}): ")
    assert f"chmod 600 {file}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_its_owner_alone_may_read_serves(council_directory: Path, mode: int) -> None:
    (council_directory / "master.key").chmod(mode)

    assert opens(council_directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_another_users_file_is_refused(council_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(council_directory / "master.key", 12_345, 12_345)
    assert opens(council_directory), "root works for any user"
    monkeypatch.setattr(os, "geteuid", lambda: 23_456)

    with pytest.raises(CouncilError, match="is user 12345's"):
        open_council(council_directory)


def test_the_file_may_lie_elsewhere(council_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere.key"
    (council_directory / "master.key").rename(elsewhere)
    monkeypatch.setenv("STILE_MASTER_KEY_FILE", str(elsewhere))

    assert opens(council_directory)
    elsewhere.unlink()
    with pytest.raises(CouncilError, match=f"missing: restore it at {elsewhere}"):
        open_council(council_directory)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "does not hold one to 8 keys"),
        (b"not base64!", "is not the base64"),
        (b"c2hvcnQ=", "does not hold 32 bytes"),
        (b"\xff\xfe", "is not the base64"),
        ((KEY.encode() + b"\n") * 9, "one to 8"),
        (KEY.encode() + b" " * LARGEST, "one to 8"),
    ],
    ids=["empty", "words", "short", "no text", "too many", "too long"],
)
def test_what_is_no_key_is_told_and_not_shown(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(MasterKeyError, match=told) as error:
        FileKeys(file).read()

    assert KEY not in str(error.value)
    assert "c2hvcnQ" not in str(error.value)


def test_a_file_holds_generations_the_newest_last(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    made = FileKeys(file).add()

    assert FileKeys(file).read() == [bytes(range(32)), made]
    FileKeys(file).keep_only(made)
    assert FileKeys(file).read() == [made]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_old_key_is_written_over_also_for_who_has_the_file_open(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    made = FileKeys(file).add()
    with file.open("rb") as before:
        FileKeys(file).keep_only(made)

        assert set(before.read()) == {0}


# -- the environment


def test_a_key_of_the_environment_opens_and_is_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILE_MASTER_KEY", KEY)
    create_council(tmp_path / "council", {**INIT})

    assert opens(tmp_path / "council")
    names = {one.name: one.read_bytes() for one in (tmp_path / "council").iterdir()}
    assert "master.key" not in names
    assert [name for name, content in names.items() if KEY.encode() in content or bytes(range(32)) in content] == []
    assert KEY not in repr(load_settings(tmp_path / "council"))


def test_a_key_of_the_environment_that_is_none_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILE_MASTER_KEY", "a secret that is no key")

    with pytest.raises(KeyringError, match="STILE_MASTER_KEY") as error:
        create_council(tmp_path / "council", {**INIT})

    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_key_in_the_settings_file_is_refused(council_directory: Path) -> None:
    with (council_directory / FILE).open("a") as file:
        file.write(f'master_key = "{KEY}"\n')

    with pytest.raises(SettingsError, match="take STILE_MASTER_KEY instead") as error:
        load_settings(council_directory)
    assert KEY not in str(error.value)


def test_two_sources_are_refused(council_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILE_MASTER_KEY", KEY)
    monkeypatch.setenv("STILE_MASTER_KEY_COMMAND", '["/bin/true"]')

    with pytest.raises(SettingsError, match="master_key and master_key_command are set"):
        open_council(council_directory)


# -- a command


def test_a_command_gives_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = a_program(tmp_path, f"print({KEY!r} if sys.argv[1:] == ['--key', 'a b; $(c)'] else 'no')")
    monkeypatch.setenv("STILE_MASTER_KEY_COMMAND", f'["{program}", "--key", "a b; $(c)"]')
    create_council(tmp_path / "council", {**INIT})

    assert opens(tmp_path / "council")
    assert not (tmp_path / "council" / "master.key").exists()


def test_a_command_of_the_settings_file_gives_the_key(council_directory: Path, tmp_path: Path) -> None:
    key = (council_directory / "master.key").read_text().strip()
    (council_directory / "master.key").unlink()
    with (council_directory / FILE).open("a") as file:
        file.write(f'master_key_command = ["{a_program(tmp_path, f"print({key!r})")}"]\n')

    assert opens(council_directory)


def test_a_command_is_named_by_its_whole_path(council_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILE_MASTER_KEY_COMMAND", '["unwrap"]')

    with pytest.raises(SettingsError, match="whole path"):
        load_settings(council_directory)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("sys.stderr.write('access denied\\nto key 7'); sys.exit(3)", "status 3, and said: access denied to key 7"),
        (f"print({KEY!r}); sys.exit(1)", "status 1, and said nothing"),
        ("os.write(1, b'A' * 100_000)", "printed over 4096 bytes"),
        ("print('no key')", "is not the base64"),
        ("pass", "one to 8 keys"),
        ("sys.stderr.write('\\x1b[31mred\\x1b[0m'); sys.exit(1)", r"said: \?\[31mred\?\[0m"),
        ("sys.stderr.write('x' * 9_000); sys.exit(1)", "said: x{300}$"),
        ("os.kill(os.getpid(), 9)", "status -9"),
    ],
    ids=["fails", "fails with a key", "prints without end", "prints words", "prints nothing", "colours", "talks", "dies"],
)
def test_a_command_that_gives_no_key_is_told_without_what_it_printed(tmp_path: Path, body: str, told: str) -> None:
    program = a_program(tmp_path, body)

    with pytest.raises(KeyringError, match=told) as error:
        keys_in(CommandKeys((program,)).output(), told="the command")

    assert KEY not in str(error.value)
    assert "AAAA" not in str(error.value)


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "os.close(1); os.close(2); time.sleep(60)",
        "os.fork() or time.sleep(60)",
        "sys.stderr.write('x' * 1_000_000); time.sleep(60)",
    ],
    ids=["sleeps", "closes and sleeps", "leaves a child", "talks and sleeps"],
)
def test_a_command_that_does_not_end_is_ended(tmp_path: Path, body: str) -> None:
    begun = time.monotonic()

    with pytest.raises(CommandFailedError, match=r"took over 0\.5 seconds"):
        CommandKeys((a_program(tmp_path, body),), longest=0.5).output()

    assert time.monotonic() - begun < 10


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="can't be run: No such file"):
        CommandKeys((str(tmp_path / "none"),)).output()


def test_a_command_gets_the_environment_without_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KMS_REGION", "eu-west-2")
    monkeypatch.setenv("STILE_DATABASE_URL", "postgresql://secret")
    body = "print(os.environ.get('KMS_REGION'), os.environ.get('STILE_DATABASE_URL'), sys.stdin.read() == '')"

    assert CommandKeys((a_program(tmp_path, body),)).output() == b"eu-west-2 None True\n"
