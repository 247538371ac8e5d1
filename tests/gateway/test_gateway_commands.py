"""The command line: a real council can start, and works beside a running gateway through the same lock."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pysqlite3
import pytest
from house import CASEWORKER, GRACE, House, free_port, released, withheld
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.demo.making import text_of
from gateway.demo.partner import PartnerSystem

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-council.md"
INIT = [
    "--controller", "first-council", "--origin", "gateway.first-council.example/log/x",
    "--public-url", "http://127.0.0.1:8090", "--urgent-contact", "+44 113 496 0000", "--dpo-contact", "dpo@x.example",
]  # fmt: skip


def stile(*words: object) -> tuple[int, str]:
    """Run a command in this process; return its status and all that it printed."""
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_page_of_the_first_council_is_true(tmp_path: Path) -> None:
    """docs/first-council.md, run to the letter in one shell: from init to a verified disclosure."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 11
    port = free_port()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    end = "trap '[ -z \"${GATEWAY:-}\" ] || kill $GATEWAY 2>/dev/null || true' EXIT"
    script = "\n".join(("set -eu", end, *blocks))
    beside = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"}

    shell = subprocess.Popen(
        ["sh", "-c", script.replace("8090", str(port))],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        printed, told = shell.communicate(timeout=600)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the gateway that the page starts is of the shell's group
            os.killpg(shell.pid, signal.SIGKILL)

    assert shell.returncode == 0, printed + told
    answer = json.loads((tmp_path / "answer.json").read_text())["disclosure"]
    assert answer["record"]["fields"]["full_name"] == {"form": "full", "value": "Miriam Cohen"}
    assert answer["record"]["fields"]["postcode"] == {"form": "sector", "value": "NE3 4"}
    assert [one["reason"] for one in answer["withheld"]] == ["consent_needed"]
    assert "answer.json: verified" in printed


def test_init_makes_keys_that_only_the_owner_may_read(tmp_path: Path) -> None:
    status, printed = stile("init", tmp_path / "council", *INIT)

    assert status == 0
    assert "+" in printed
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "council").iterdir()}
    assert {modes[name] for name in ("master.key", "keys.sqlite", "state.sqlite", "state.lock")} == {0o600}


def test_keys_are_wrapped_at_rest(council_directory: Path) -> None:
    master = (council_directory / "master.key").read_bytes()
    stored = (council_directory / "keys.sqlite").read_bytes()

    assert b"PRIVATE KEY" not in stored
    assert master.strip() not in stored


REFUSED_INITS = {
    "a directory in use": (["init", "{council}", *INIT], "is not empty"),
    "a public address without https": (
        ["init", "{new}", *INIT[:5], "http://gateway.example", *INIT[6:]],
        "https",
    ),
    "an id with spaces": (["init", "{new}", "--controller", "first council", *INIT[2:]], "controller"),
}


@pytest.mark.parametrize("case", REFUSED_INITS, ids=str)
def test_init_refuses_what_can_not_be_a_council(council_directory: Path, tmp_path: Path, case: str) -> None:
    words, told = REFUSED_INITS[case]
    made = [word.format(council=council_directory, new=tmp_path / "new") for word in words]

    status, printed = stile(*made)

    assert status == 1
    assert told in printed


def test_serve_refuses_a_directory_that_was_not_made_by_init(tmp_path: Path) -> None:
    status, printed = stile("serve", "--dir", tmp_path)

    assert status == 1
    assert "stile init" in printed


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture
def serving(council_directory: Path) -> Iterator[tuple[Path, int, int, subprocess.Popen[str]]]:
    """`stile serve` in a process of its own."""
    port, metrics = free_port(), free_port()
    command = [sys.executable, "-m", "gateway.cli", "serve", "--dir", str(council_directory), "--port", str(port)]
    process = subprocess.Popen([*command, "--metrics-port", str(metrics)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not is_open(port):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "it does not serve"
        time.sleep(0.05)
    yield council_directory, port, metrics, process
    process.kill()
    process.wait(10)
    process.stderr.close()


def test_a_second_serve_is_refused_with_the_first_ones_pid(serving: tuple[Path, int, int, subprocess.Popen[str]]) -> None:
    directory, *_, process = serving

    status, printed = stile("serve", "--dir", directory)

    assert status == 1
    assert f"pid {process.pid}" in printed


def test_commands_work_beside_a_running_gateway(serving: tuple[Path, int, int, subprocess.Popen[str]]) -> None:
    directory, *_ = serving

    status, printed = stile("partner", "suspend", "harbour-housing", "--dir", directory)

    assert (status, "suspended (entry" in printed) == (0, True)


def test_sigterm_ends_it_cleanly(serving: tuple[Path, int, int, subprocess.Popen[str]]) -> None:
    directory, port, _, process = serving
    process.send_signal(signal.SIGTERM)

    process.wait(20)

    assert process.returncode == 0
    assert port
    assert stile("agreement", "show", "northmoor-harbour-tenancies", "--dir", directory)[0] == 0


def test_sigterm_finishes_what_is_under_way(serving: tuple[Path, int, int, subprocess.Popen[str]]) -> None:
    """A call that waits for the source when the signal comes is still answered, and recorded."""
    directory, port, _, process = serving
    connection = pysqlite3.connect(str(directory / "revenues.sqlite"))
    connection.executescript(
        "ALTER TABLE ctaccount RENAME TO kept; CREATE VIEW ctaccount AS "
        "WITH RECURSIVE slow(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM slow WHERE n < 100000000) "
        "SELECT kept.* FROM kept WHERE (SELECT count(*) FROM slow) > 0;"
    )
    connection.close()
    file = directory / "partners" / "harbour-case-system.jwk.json"
    partner = PartnerSystem.from_file(f"http://127.0.0.1:{port}", "harbour-case-system", file)
    assert partner.get_token(agreement="northmoor-harbour-tenancies").status == 200
    body = {"subject": GRACE, "fields": ["age"], "case_reference": "x", "caseworker": CASEWORKER}
    replies: list[Any] = []
    asking = threading.Thread(target=lambda: replies.append(partner.call("POST", "/v1/disclosures", body)))
    asking.start()
    time.sleep(0.5)

    process.send_signal(signal.SIGTERM)
    asking.join(30)
    process.wait(30)

    assert (replies[0].status, replies[0].json()["code"]) == (504, "source_slow")
    assert process.returncode == 0


def test_metrics_hold_no_personal_data(serving: tuple[Path, int, int, subprocess.Popen[str]]) -> None:
    _, port, metrics, _ = serving
    urlopen(f"http://127.0.0.1:{port}/healthz").read()
    text = urlopen(f"http://127.0.0.1:{metrics}/metrics").read().decode()

    assert "stile_answers_total" in text
    assert 'route="/healthz"' in text


def test_agreement_check_says_where_and_what_to_write(house: House, tmp_path: Path) -> None:
    file = tmp_path / "agreement.yaml"
    text = text_of("northmoor-harbour-tenancies", house.clock.today).replace(
        "[full_name], as: full", "[ful_name], as: full"
    )
    file.write_text(text, encoding="utf-8")

    status, printed = stile("agreement", "check", file, "--dir", house.directory)

    assert status == 1
    assert re.search(r"line \d+, column \d+: .*ful_name.*full_name", printed), printed


def test_agreement_publish_says_what_it_does_not_do_yet(house: House, tmp_path: Path) -> None:
    file = tmp_path / "agreement.yaml"
    text = text_of("northmoor-harbour-tenancies", house.clock.today).replace("version: 4", "version: 5")
    file.write_text(text, encoding="utf-8")

    status, printed = stile("agreement", "publish", file, "--dir", house.directory)

    assert status == 0
    assert ("one person's step" in printed, "register of powers" in printed) == (True, True)


def test_agreement_end_takes_a_file_or_an_id(house: House, tmp_path: Path) -> None:
    harbour = house.harbour()
    file = tmp_path / "agreement.yaml"
    file.write_text(text_of("northmoor-harbour-tenancies", house.clock.today), encoding="utf-8")
    words = ["--reason", "the service moved", "--yes", "--dir", house.directory]
    status, _ = stile("agreement", "end", file, *words)

    assert status == 0
    assert harbour.ask(fields=["age"]).status_code == 403
    assert stile("agreement", "end", "northmoor-harbour-tenancies", *words)[0] == 1


def test_an_agreement_reads_in_plain_english(house: House) -> None:
    status, printed = stile("agreement", "show", "northmoor-harbour-tenancies", "--dir", house.directory)

    assert status == 0
    assert "harbour-housing" in printed
    assert "consent" in printed


def test_datasets_are_checked_shown_and_published(house: House, tmp_path: Path) -> None:
    assert "holds together" in stile("dataset", "check", "council-tax")[1]
    shown = stile("dataset", "show", "council-tax", "--dir", house.directory)[1]
    assert "minimised at the source" in shown
    file = tmp_path / "dataset.yaml"
    file.write_text("dataset: x\n", encoding="utf-8")
    status, printed = stile("dataset", "check", file)
    assert (status, "lacks fields" in printed) == (1, True)


def test_the_source_is_counted_and_never_shown(house: House) -> None:
    status, printed = stile("source", "check", "council-tax", "--dir", house.directory)

    assert status == 0
    assert re.search(r"full_name\s+12 held", printed), printed
    assert "Okafor" not in printed.title()


def test_a_consent_lives_on_the_command_line(house: House) -> None:
    harbour = house.harbour()
    words = [
        "consent", "give", "--person", "P0000042", "--dataset", "council-tax", "--purpose", "tenancy-sustainment",
        "--recipient", "harbour-housing", "--field", "arrears", "--text-version", "v1", "--how", "by post",
        "--dir", house.directory,
    ]  # fmt: skip
    status, printed = stile(*words)
    consent_id = printed.split()[0]
    wide = harbour.ask(fields=["arrears"])
    shown = json.loads(stile("consent", "show", consent_id, "--dir", house.directory)[1])
    stile("consent", "withdraw", consent_id, "--dir", house.directory)

    assert status == 0
    assert released(wide)
    assert (shown["state"], shown["how"]) == ("given", "by post")
    assert withheld(harbour.ask(fields=["arrears"])) == {"arrears": "consent_needed"}
    assert stile(*["consent", "refuse", *words[2:]])[0] == 0


def test_a_restriction_lives_on_the_command_line(house: House) -> None:
    harbour = house.harbour()
    words = ["--person", "P0000042", "--dataset", "council-tax", "--kind", "opt_out", "--dir", house.directory]
    status, printed = stile("restriction", "set", *words)
    held = harbour.ask(fields=["age"])
    stile("restriction", "lift", printed.split()[0], "--dir", house.directory)

    assert status == 0
    assert withheld(held) == {"age": "restricted"}
    assert harbour.ask(fields=["age"]).status_code == 200


MISSPELT = {
    "a dataset": (["--dataset", "council-taxes"], "council-tax"),
    "a field": (["--dataset", "council-tax", "--field", "post_code"], "postcode"),
    "a recipient": (["--dataset", "council-tax", "--recipient", "harbour-houses"], "harbour-housing"),
}


@pytest.mark.parametrize("case", MISSPELT, ids=str)
def test_a_misspelt_restriction_is_refused_with_the_nearest_name(house: House, case: str) -> None:
    """Taken as it stands it would hold nothing back."""
    words, told = MISSPELT[case]

    status, printed = stile(
        "restriction", "set", "--person", "P0000042", "--kind", "opt_out", *words, "--dir", house.directory
    )

    assert status == 1
    assert f"Did you mean {told}?" in printed


def test_verify_tells_a_forged_answer(house: House, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    answer = house.harbour().ask(fields=["full_name"]).content
    good.write_bytes(answer)
    bad.write_bytes(answer.replace(b"Grace", b"Grace".swapcase()))

    assert stile("verify", good, "--vkey", house.vkey)[0] == 0
    status, printed = stile("verify", good, bad, "--vkey", house.vkey)
    assert (status, "NOT VERIFIED" in printed) == (1, True)
    assert stile("verify", tmp_path / "none.json", "--vkey", house.vkey)[0] == 1


def test_a_client_needs_public_keys_of_its_own(house: House, tmp_path: Path) -> None:
    private = house.directory / "partners" / "harbour-case-system.jwk.json"
    words = ["client", "add", "new-client", "--partner", "harbour-housing", "--dir", house.directory]

    status, printed = stile(*words, "--jwks", private)
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")

    assert (status, "private" in printed) == (1, True)
    assert stile(*words, "--jwks", tmp_path / "broken.json")[0] == 1


def test_a_private_key_is_never_written_over(tmp_path: Path) -> None:
    status, printed = stile("key", tmp_path / "mine.jwk.json")
    again, told = stile("key", tmp_path / "mine.jwk.json")

    assert (status, "keys" in json.loads(printed)) == (0, True)
    assert '"d"' not in printed
    assert (again, "can't be made" in told) == (1, True)


def test_an_assertion_and_a_proof_are_what_the_gateway_takes(house_by_the_machine: House) -> None:
    house = house_by_the_machine
    key = house.directory / "partners" / "harbour-case-system.jwk.json"
    url = "http://127.0.0.1:8080/oauth2/token"
    assertion = stile("assertion", "--client", "harbour-case-system", "--key", key, "--issuer", "http://127.0.0.1:8080")[1]
    proof = stile("proof", "--key", key, "--method", "POST", "--url", url)[1]
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion.strip(),
        "authorization_details": '[{"type": "stile_disclosure_v1", "agreement": "northmoor-harbour-tenancies"}]',
    }

    answer = house.http.post("/oauth2/token", data=form, headers={"DPoP": proof.strip()})

    assert answer.status_code == 200, answer.text
    assert stile("proof", "--key", house.directory / "log.vkey", "--method", "GET", "--url", url)[0] == 1


def test_a_core_is_checked_and_published(house: House, tmp_path: Path) -> None:
    file = tmp_path / "council.yaml"
    file.write_text(
        "council: northmoor\nversion: 1\ncaps:\n"
        "  - {id: no-names, says: Never a name, at_most: {fields: [full_name], as: initial}}\n",
        encoding="utf-8",
    )
    harbour = house.harbour()

    assert stile("core", "check", file, "--dir", house.directory)[0] == 0
    assert stile("core", "publish", file, "--dir", house.directory)[0] == 0
    assert released(harbour.ask(fields=["full_name"])) == {"full_name": "G"}


def test_a_client_is_revoked_from_the_command_line(house: House) -> None:
    harbour = house.harbour()

    assert stile("client", "revoke", "harbour-case-system", "--dir", house.directory)[0] == 0
    assert harbour.ask(fields=["age"]).status_code == 401
    assert stile("client", "revoke", "harbour-case-system", "--dir", house.directory)[0] == 1


def test_a_mapping_that_does_not_fit_is_told(house: House, tmp_path: Path) -> None:
    file = tmp_path / "source.yaml"
    text = text_of("source-council-tax", house.clock.today)
    file.write_text(text.replace("version: 1", "version: 2").replace("  arrears: a.arrears\n", ""), encoding="utf-8")

    status, printed = stile("source", "map", file, "--dir", house.directory)

    assert status == 0
    assert "arrears is not mapped" in printed
    file.write_text("source: x\n", encoding="utf-8")
    assert stile("source", "map", file, "--dir", house.directory)[0] == 1
    assert stile("source", "check", "none", "--dir", house.directory)[0] == 1


def test_a_key_that_the_council_lacks_is_told_in_one_line(tmp_path: Path) -> None:
    for words in (["vkey"], ["consent", "show", "c_0"], ["dataset", "show", "x"], ["agreement", "show", "x"]):
        status, printed = stile(*words, "--dir", tmp_path)
        assert (status, "stile init" in printed) == (1, True)
        assert "Traceback" not in printed
