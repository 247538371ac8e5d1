"""`stile attack`: what it refuses, what it writes, and how it ends."""

from __future__ import annotations

import json
import socket
from datetime import datetime
from pathlib import Path

import pytest
from attack_serving import CALDER, HARBOUR, gateway_at, key_file, yes_server
from certificates import certified
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from gateway.attack import CannotRunError, Session, attacks, document, markdown, place_of
from gateway.attack.judging import Verdict
from gateway.attack.running import Result, Run, plain
from gateway.attack.target import Target
from gateway.attack.wire import Place, UnreachableError, parse
from gateway.cli import make_app
from gateway.commands.attack_given import bound_of, person_by_keys, session_of


def stile(*words: object) -> tuple[int, str, str]:
    """Run the command; return its status, standard output and standard error."""
    result = CliRunner().invoke(make_app(["attack"]), ["attack", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_broken_gateway_ends_with_one(tmp_path: Path) -> None:
    """What it prints as JSON is what it writes."""
    report = tmp_path / "attacks.json"
    with yes_server() as url:
        status, told, _ = stile(url, "--report", report, "--json")
    text = report.with_suffix(".md").read_text()

    assert status == 1
    assert json.loads(told) == json.loads(report.read_text())
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
            "--bound-client, --bound-key and --bound-agreement belong together": ("--bound-client", "a"),
            "--bound-certificate belongs to": ("--bound-certificate", calder),
            "--operator-session is role,role=file": ("--operator-session", f"boss={calder}"),
            "it should hold one line": ("--operator-session", f"dpo,auditor={calder}"),
            "No such file": ("--operator-session", f"dpo={tmp_path / 'none'}"),
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


def test_a_certificate_is_read_as_pem_or_der(council_directory: Path, tmp_path: Path) -> None:
    """Without its key, and told as RFC 9440 writes it."""
    one, key = certified("harbour"), key_file(council_directory, CALDER.client_id)
    (tmp_path / "pem").write_bytes(one.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "der").write_bytes(one.der)
    (tmp_path / "token").write_text("a.b.c\n")

    read = [bound_of("a", key, "b", tmp_path / name, tmp_path / "token") for name in ("pem", "der")]

    assert [found.header for found in read if found] == [one.header, one.header]
    assert [found.token for found in read if found] == ["a.b.c", "a.b.c"]
    assert "a.b.c" not in repr(read)
    with pytest.raises(CannotRunError, match="neither PEM nor DER"):
        bound_of("a", key, "b", tmp_path / "token", None)


def test_a_session_is_read_with_or_without_its_cookies_name(tmp_path: Path) -> None:
    for text in ("A" * 43, f"__Host-stile={'A' * 43}\n"):
        (tmp_path / "session").write_text(text)

        assert session_of(f"dpo,auditor={tmp_path / 'session'}") == Session("A" * 43, frozenset({"dpo", "auditor"}))


def test_a_second_person_is_named_by_several_keys() -> None:
    assert person_by_keys(["child=1", "upn=2"], ["surname=A"]) == (
        {"child": "1", "confirm": {"surname": "A"}},
        {"upn": "2", "confirm": {"surname": "A"}},
    )
    assert person_by_keys([], []) == ()


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
