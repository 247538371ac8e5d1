"""`stile attack`: what it refuses, what it writes, and how it ends."""

from __future__ import annotations

import json
import re
import socket
from datetime import datetime
from pathlib import Path

import pytest
from attack_serving import CALDER, HARBOUR, gateway_at, key_file, yes_server
from typer.testing import CliRunner

from gateway.attack import CannotRunError, attacks, document, markdown, place_of
from gateway.attack.judging import Verdict
from gateway.attack.running import Result, Run, plain
from gateway.attack.target import Target
from gateway.attack.wire import Place, UnreachableError, parse
from gateway.cli import make_app


def stile(*words: object) -> tuple[int, str, str]:
    """Run the command; return its status, standard output and standard error."""
    result = CliRunner().invoke(make_app(["attack"]), ["attack", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def options(directory: Path) -> list[object]:
    first = [
        "--client",
        HARBOUR.client_id,
        "--key",
        key_file(directory, HARBOUR.client_id),
        "--agreement",
        HARBOUR.agreement,
    ]
    second = ["--other-client", CALDER.client_id, "--other-key", key_file(directory, CALDER.client_id)]
    return [*first, *second, "--other-agreement", CALDER.agreement, "--quick"]


def test_a_report_is_written_for_the_file(council_directory: Path, tmp_path: Path) -> None:
    report = tmp_path / "attacks.md"
    with gateway_at(council_directory) as url:
        status, told, _ = stile(url, *options(council_directory), "--report", report)
    content = json.loads(report.with_suffix(".json").read_text())
    text = report.read_text()

    assert content["summary"]["held"] > 600
    assert status == (1 if content["summary"]["broken"] else 0)
    assert f"{content['summary']['held']} held" in told
    assert (content["target"], content["client"]) == (url, HARBOUR.client_id)
    assert re.fullmatch(r"\d+\.\d+\.\d+", content["gateway_version"])
    assert datetime.fromisoformat(content["begun_at"]) <= datetime.fromisoformat(content["ended_at"])
    assert [one["id"] for one in content["attacks"]] == [one.id for one in attacks()]
    assert all(f"`{one['id']}`" in text for one in content["attacks"])
    untold = text.partition("## Not tried")[2].partition("\n## ")[0]
    not_run = [one for one in content["attacks"] if one["verdict"] == "not run"]
    assert not_run
    assert all(one["id"] in untold and one["why"] in untold for one in not_run)
    assert all(one["what"] in untold for one in content["not_tried"])


def test_no_secret_stands_in_a_report(council_directory: Path, tmp_path: Path) -> None:
    """No token, assertion or proof: nothing with the first letters of a JWS; and no part of a private key."""
    report = tmp_path / "attacks.md"
    with gateway_at(council_directory) as url:
        status, told, failed = stile(url, *options(council_directory), "--report", report, "--json")
    written = report.read_text() + report.with_suffix(".json").read_text() + told + failed
    secret = json.loads(key_file(council_directory, HARBOUR.client_id).read_text())["d"]

    assert status in {0, 1}
    assert json.loads(told)["summary"]["held"] > 600
    assert "eyJ" not in written
    assert secret not in written


def test_a_broken_gateway_ends_with_one(tmp_path: Path) -> None:
    report = tmp_path / "attacks.json"
    with yes_server() as url:
        status, told, _ = stile(url, "--report", report)
    text = report.with_suffix(".md").read_text()

    assert status == 1
    assert "broken" in told
    assert "`stranger-1`" in text.partition("## Broken")[2].partition("\n## ")[0]
    assert json.loads(report.read_text())["client"] is None


def test_a_host_is_attacked_only_by_its_own_name() -> None:
    """Another is refused before anything is sent; so is a name that only begins alike."""
    for host in ("gateway.example", "10.0.0.1", "127.0.0.1.evil.example", "2130706433"):
        with pytest.raises(CannotRunError, match="--i-may-attack-this-host"):
            place_of(f"https://{host}")
        with pytest.raises(CannotRunError, match="--i-may-attack-this-host"):
            place_of(f"https://{host}", allowed_host=f"{host}.")

    assert place_of("https://gateway.example", allowed_host="gateway.example").port == 443
    assert place_of("http://127.0.0.1:8080").port == 8080
    assert place_of("http://[::1]:8080").host == "::1"
    assert place_of("http://localhost").port == 80


@pytest.mark.parametrize(
    "url", ["gateway", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://a@127.0.0.1", "http://127.0.0.1/v1"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    status, told, failed = stile(url)

    assert (status, told) == (3, "")
    assert "the address" in failed


def test_what_can_not_run_ends_with_three(council_directory: Path, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert stile(url)[0] == 3
    with gateway_at(council_directory) as url:
        calder = key_file(council_directory, CALDER.client_id)
        cases = {
            "belong together": ("--client", "a"),
            "no private JWK": ("--client", "a", "--key", tmp_path / "none", "--agreement", "a"),
            "an honest token request was answered 401": ("--client", "a", "--key", calder, "--agreement", "a"),
            "--office is role=client=file": ("--office", f"boss=a={calder}"),
            "a second client needs a first": ("--other-client", "a", "--other-key", calder, "--other-agreement", "a"),
        }
        for words, given in cases.items():
            status, _, failed = stile(url, *given)
            assert status == 3
            assert words in failed


def test_a_public_half_is_no_key(council_directory: Path, tmp_path: Path) -> None:
    private = json.loads(key_file(council_directory, HARBOUR.client_id).read_text())
    public = tmp_path / "public.json"
    public.write_text(json.dumps({name: value for name, value in private.items() if name != "d"}))

    status, _, failed = stile("http://127.0.0.1:9", "--client", "a", "--key", public, "--agreement", "a")

    assert status == 3
    assert "give the private one" in failed


def test_a_gateways_own_words_stay_in_their_cell() -> None:
    """What calls itself something with lines, bars or tags forges no row of the report."""
    target = Target(Place("127.0.0.1", 1), "http://a|b\n| forged | <script>", version="1")
    when = datetime.fromisoformat("2026-10-02T09:14:03+00:00")
    run = Run((Result(attacks()[0], Verdict.HELD, request_id=plain("a|b\n")),))

    text = markdown(document(run, target, url="http://127.0.0.1:1", begun=when, ended=when))

    assert "\n| forged" not in text
    assert "<script>" not in text
    assert "a\\|b" in text
    assert plain("a" * 65) == plain({}) == plain("a b") == ""


ANSWERS = {
    "by length": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 401 No\r\n\r\n", [(200, b"ab"), (401, b"")]),
    "in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        [(200, b"abc")],
    ),
    "half of one": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", []),
    "half of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab", []),
    "what is none": (b"SSH-2.0-x\r\n\r\n", []),
    "a status that is none": (b"HTTP/1.1 abc\r\n\r\n", [(0, b"")]),
}


@pytest.mark.parametrize("what", ANSWERS, ids=str)
def test_answers_are_told_apart(what: str) -> None:
    data, want = ANSWERS[what]

    assert [(one.status, one.body) for one in parse(data)[0]] == want


def test_nobody_there_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachableError, match="can't be reached"):
            Place("127.0.0.1", nobody.getsockname()[1]).exchange(b"GET / HTTP/1.1\r\n\r\n")
