"""`stile log export` and `stile verify` of answers, directories and addresses, beside a gateway that serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_working import body_of, get_token_at, lone_worker, partner_of, post_to
from house import CALDER, HARBOUR, ISSUER, copy_template
from typer.testing import CliRunner

from audit.format.entry import canonical
from gateway.cli import make_app
from gateway.council.directory import open_council
from gateway.demo.partner import PartnerSystem

LOG = "log/northmoor"


def stile(*words: object) -> tuple[int, str]:
    said = [str(word) for word in words]
    result = CliRunner().invoke(make_app(said), said)
    return result.exit_code, " ".join(result.output.split())


class Scene:
    """A serving gateway, its log's key, and an office whose calls grow the log by state entries."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.vkey = (directory / "log.vkey").read_text(encoding="ascii").strip()
        self.url = f"http://127.0.0.1:{port}/{LOG}"

    def suspend_and_resume(self) -> None:
        """Grow the log by two entries."""
        for word in ("suspend", "resume"):
            assert stile("partner", word, CALDER.partner_id, "--dir", self.directory)[0] == 0

    def harbour(self) -> PartnerSystem:
        partner = partner_of(self.directory, ISSUER)
        details = f'[{{"type":"stile_disclosure_v1","agreement":"{HARBOUR.agreement}"}}]'
        get_token_at(self.port, partner, authorization_details=details)
        return partner


@pytest.fixture(scope="module")
def scene(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = copy_template(template, tmp_path_factory.mktemp("scene") / "council")
    with lone_worker(directory) as port:
        yield Scene(directory, port)


@pytest.fixture(autouse=True)
def _own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))


def test_an_exported_log_verifies_and_grows(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said = stile("log", "export", out, "--dir", scene.directory)
    assert (status, "entries" in said) == (0, True)

    assert stile("verify", out, "--vkey", scene.vkey)[1].endswith("agree; seen for the first time")
    scene.suspend_and_resume()
    assert "2 of them new" in stile("log", "export", out, "--dir", scene.directory)[1]
    assert "already" in stile("log", "export", out, "--dir", scene.directory)[1]
    assert "a continuation of the" in stile("verify", out, "--vkey", scene.vkey)[1]


def test_an_exported_log_that_went_back_is_told(scene: Scene, tmp_path: Path) -> None:
    stile("log", "export", tmp_path / "older", "--dir", scene.directory)
    scene.suspend_and_resume()
    stile("log", "export", tmp_path / "newer", "--dir", scene.directory)
    memory = ["--since", tmp_path / "kept" / "seen"]
    assert stile("verify", tmp_path / "newer", "--vkey", scene.vkey, *memory)[0] == 0

    status, said = stile("verify", tmp_path / "older", "--vkey", scene.vkey, *memory)

    assert status == 1
    assert "NOT VERIFIED: the log is rolled back or cut off" in said


def test_a_log_that_can_not_be_remembered_is_told(scene: Scene, tmp_path: Path) -> None:
    stile("log", "export", tmp_path / "out", "--dir", scene.directory)
    since = tmp_path / "out" / "checkpoint" / "seen"

    status, said = stile("verify", tmp_path / "out", "--vkey", scene.vkey, "--since", since)

    assert (status, "can't be read" in said or "it verifies, and was not remembered" in said) == (1, True)


def test_a_log_verifies_at_its_address_while_it_grows(scene: Scene, tmp_path: Path) -> None:
    assert "seen for the first time" in stile("verify", scene.url, "--vkey", scene.vkey)[1]
    scene.suspend_and_resume()

    status, said = stile("verify", scene.url, "--vkey", scene.vkey)

    assert status == 0
    assert "every hash and the checkpoint agree; a continuation of the" in said
    assert len(list((tmp_path / "memory" / "stile" / "seen").iterdir())) == 1


def test_an_answer_still_verifies_as_a_file(scene: Scene, tmp_path: Path) -> None:
    answer = post_to(scene.port, scene.harbour(), "/v1/disclosures", body_of())
    file = tmp_path / "answer.json"
    file.write_bytes(answer.body)

    status, said = stile("verify", file, scene.url, "--vkey", scene.vkey)

    assert status == 0
    assert "answer.json: verified: entry" in said
    file.write_bytes(answer.body.replace(b"band", b"bund"))
    assert stile("verify", file, "--vkey", scene.vkey)[0] == 1


def test_an_answer_about_many_verifies_line_by_line(scene: Scene, tmp_path: Path) -> None:
    people = [
        {"ref": f"r{n}", "account_ref": f"70000{n}", "confirm": {"surname": "Nobody", "date_of_birth": "1970-01-01"}}
        for n in range(3)
    ]
    body = {name: value for name, value in body_of(subjects=people).items() if name != "subject"}
    answer = post_to(scene.port, scene.harbour(), "/v1/disclosures", body)
    file = tmp_path / "answer.json"
    file.write_bytes(answer.body)

    assert stile("verify", file, "--vkey", scene.vkey)[1].count("verified: entry") == 3

    lines = answer.json()["lines"]
    file.write_bytes(b"".join(canonical(one) + b"\n" for one in lines[1:]))
    status, said = stile("verify", file, "--vkey", scene.vkey)
    assert (status, said.count("verified: entry"), "answer.json: NOT COMPLETE: " in said) == (1, 2, True)


def test_an_exported_log_holds_no_value_that_was_disclosed(scene: Scene, tmp_path: Path) -> None:
    """No personal data in clear: neither name, nor postcode, nor reference."""
    answer = post_to(scene.port, scene.harbour(), "/v1/disclosures", body_of(fields=["full_name", "postcode"]))
    assert b"Okafor" in answer.body
    stile("log", "export", tmp_path / "out", "--dir", scene.directory)
    content = b"".join(one.read_bytes() for one in (tmp_path / "out").rglob("*") if one.is_file())

    assert answer.json()["disclosure"]["disclosure_id"].encode() in content
    assert [word for word in (b"Okafor", b"LS1 4", b"1000042", b"HH-1", b"harbour") if word in content] == []


CASES = {
    "nothing there": ("nowhere", "no such file or directory, and it is no address"),
    "a directory that is no export": (".", "it holds no checkpoint"),
    "an address without tls": ("http://gateway.example/log/x", "only https"),
    "an address that nobody listens at": ("http://127.0.0.1:9/log/x", "could not be read"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_neither_file_nor_log_is_told(scene: Scene, tmp_path: Path, monkeypatch, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    what, told = CASES[case]

    status, said = stile("verify", what, "--vkey", scene.vkey)

    assert status == 1
    assert told in said
    assert "nothing is verified" in said


def test_a_key_that_is_none_is_told(scene: Scene) -> None:
    status, said = stile("verify", scene.url, "--vkey", "scribble")

    assert (status, "NOT VERIFIED: the verifier key" in said) == (1, True)


def test_an_empty_log_is_not_exported(tmp_path: Path) -> None:
    words = [
        "--controller", "empty", "--origin", "empty.example/log", "--public-url", "http://127.0.0.1:8080",
        "--urgent-contact", "+44 113 496 0000", "--dpo-contact", "dpo@empty.example",
    ]  # fmt: skip
    assert stile("init", tmp_path / "council", *words)[0] == 0

    status, said = stile("log", "export", tmp_path / "out", "--dir", tmp_path / "council")

    assert (status, said) == (0, "The log has no entry yet: nothing was written.")
    council = open_council(tmp_path / "council")
    council.keyring.close()
    assert "holds no checkpoint" in stile("verify", tmp_path / "out", "--vkey", council.signer.vkey)[1]


def test_a_directory_of_other_files_is_refused_in_one_line(scene: Scene, tmp_path: Path) -> None:
    status, said = stile("log", "export", scene.directory, "--dir", scene.directory)

    assert (status, "give a new directory" in said) == (1, True)
