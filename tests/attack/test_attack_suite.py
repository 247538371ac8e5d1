"""Every attack is made, over real connections: at the made-up council all hold, at a server that agrees none do."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from attack_serving import (
    CALDER,
    HARBOUR,
    bound_client,
    broken_among,
    client_of,
    gateway_at,
    key_file,
    office_key,
    register,
    register_offices,
    signed_in,
    tried,
    two_clients,
    yes_server,
)
from house import copy_template
from joserfc import jwk
from typer.testing import CliRunner

import gateway.serving.server
from gateway.attack import Client, Verdict, aim, attacks, place_of, run
from gateway.attack.attack import Needs
from gateway.attack.judging import CLOSED, code_of
from gateway.attack.target import Target
from gateway.cli import make_app
from gateway.oauth import assertion

ROOT = Path(__file__).parents[2]
ATTACKS = attacks()
QUICK = [one for one in ATTACKS if not one.waits and not one.is_slow]
KEYED = ("alg-", "key-", "shape-")
SIGNED = (*(f"assertion-{one}" for one in KEYED), *(f"proof-{one}" for one in KEYED), "replay-")  # by which key matters
NONCES = {"proof-nonce-none", "proof-nonce-made-up", "token-proof-nonce"}  # for a gateway that asks for nonces
IN_SANDBOX = ("alike-", "guess-claims", "token-end-played", "lock-", "people-a-day", "person-a-day", "scenario-list-")
SANDBOX = {one.id for one in ATTACKS if one.id.startswith(IN_SANDBOX)}
STOLEN = ("cert-call-", "cert-ask", "cert-thief")  # with a token that a trusted hop has got: test_attack_given.py
ALLOWED = {"session-role-entries"}  # what an auditor may do


@dataclass(frozen=True)
class Attacked:
    """A gateway after the whole suite: with all clients that can be given, and an operator's session."""

    directory: Path
    target: Target
    status: int
    told: str  # standard output and standard error
    content: dict[str, Any]
    text: str
    entries: Counter[str]  # that were added

    def names(self, verdict: Verdict) -> set[str]:
        return {one["id"] for one in self.content["attacks"] if one["verdict"] == verdict.value}


def kinds(directory: Path) -> Counter[str]:
    """Return how many entries of each kind the log has; of disclosures those that disclosed, and those that did not."""
    connection = pysqlite3.connect(f"file:{directory / 'state.sqlite'}?mode=ro", uri=True)
    entries = [json.loads(entry) for (entry,) in connection.execute("SELECT entry FROM log_entry")]
    connection.close()
    return Counter(f"{one['kind']} {one['outcome']}" if "outcome" in one else one["kind"] for one in entries)


@pytest.fixture(scope="module")
def attacked(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    directory = copy_template(template, tmp_path_factory.mktemp("attacked") / "council")
    offices, report = register_offices(directory), directory.parent / "attacks.md"
    more = [*bound_client(directory), *signed_in(directory, "auditor")]
    with gateway_at(directory) as url:
        before = kinds(directory)
        given = [f"--office={role}={one.client_id}={office_key(directory, role)}" for role, one in offices.items()]
        words = [url, *two_clients(directory), *given, *more, "--quick", "--report", str(report)]
        done = CliRunner().invoke(make_app(["attack"]), ["attack", *words])
        entries = kinds(directory) - before
        target = aim(place_of(url), partner=client_of(directory), other=client_of(directory, CALDER), offices=offices)
        content = json.loads(report.with_suffix(".json").read_text())
        yield Attacked(directory, target, done.exit_code, done.output, content, report.read_text(), entries)


def test_there_are_many_attacks_each_of_its_own_name() -> None:
    assert len(ATTACKS) >= 150
    assert len({one.id for one in ATTACKS}) == len(ATTACKS)
    assert len({one.name for one in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("file", ["docs/attack.md", "SECURITY.md", "CHANGELOG.md"])
def test_the_documents_say_how_many_there_are(file: str) -> None:
    """To the nearest ten or so: a number that is far from the truth is a mistake of the documents."""
    told = [int(one) for one in re.findall(r"some (\d+) attacks", (ROOT / file).read_text())]

    assert told
    assert all(abs(one - len(ATTACKS)) <= 10 for one in told), (told, len(ATTACKS))


def test_every_attack_says_what_it_tests_sends_and_must_get() -> None:
    assert ATTACKS
    for one in ATTACKS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", one.id), one.id
        assert one.tests, one.id
        assert one.sends, one.id
        assert one.expected.statuses, one.id
        assert all(status == CLOSED or 200 <= status < 600 for status in one.expected.statuses), one.id


def test_the_gateway_holds(attacked: Attacked) -> None:
    broken = [one for one in attacked.content["attacks"] if one["verdict"] == Verdict.BROKEN.value]

    assert (attacked.status, broken) == (0, []), attacked.told


def test_every_attack_but_the_slow_ones_is_made(attacked: Attacked) -> None:
    """So that none is skipped over in silence: where all is given, nothing is wanting."""
    assert [one["id"] for one in attacked.content["attacks"]] == [one.id for one in ATTACKS]
    assert attacked.names(Verdict.NOT_RUN) == {
        *(one.id for one in ATTACKS if one.is_slow or one.waits or one.id.startswith(STOLEN)), *NONCES, *SANDBOX, *ALLOWED
    }  # fmt: skip
    assert not attacked.content["was_cut_short"]


def test_a_report_is_written_for_the_file(attacked: Attacked) -> None:
    content, summary = attacked.content, attacked.content["summary"]

    assert f"{summary['held']} held, {summary['broken']} broken" in attacked.told
    assert sum(summary.values()) == len(ATTACKS)
    assert (content["target"], content["client"]) == (f"http://{attacked.target.place.authority}", HARBOUR.client_id)
    assert re.fullmatch(r"\d+\.\d+\.\d+", content["gateway_version"])
    assert datetime.fromisoformat(content["begun_at"]) <= datetime.fromisoformat(content["ended_at"])
    assert all(f"`{one['id']}`" in attacked.text for one in content["attacks"])


def test_the_report_says_what_was_not_tried_and_why(attacked: Attacked) -> None:
    untold = attacked.text.partition("## Not tried")[2].partition("\n## ")[0]
    not_run = [one for one in attacked.content["attacks"] if one["verdict"] == Verdict.NOT_RUN.value]

    assert not_run
    assert all(one["id"] in untold and one["why"] in untold for one in not_run)
    assert all(one["what"] in untold for one in attacked.content["not_tried"])


def test_the_report_says_what_it_locked(attacked: Attacked) -> None:
    """Outside of a sandbox no more than the calls of a minute, and the session that was given."""
    assert [one["attack"] for one in attacked.content["locked"]] == ["calls-a-minute", "session-end-page"]
    assert "`calls-a-minute`" in attacked.text.partition("## Locked")[2].partition("\n## ")[0]


def test_no_secret_stands_in_a_report(attacked: Attacked) -> None:
    """No token, assertion or proof: nothing with the first letters of a JWS; and no part of a private key."""
    written = attacked.text + json.dumps(attacked.content) + attacked.told
    files = [key_file(attacked.directory, one) for one in (HARBOUR.client_id, "by-certificate")]
    secrets = [*(json.loads(one.read_text())["d"] for one in files), (attacked.directory / "session").read_text()]

    assert "eyJ" not in written
    assert [one for one in secrets if one in written] == []


def test_nothing_is_disclosed_by_any_of_them(attacked: Attacked) -> None:
    """By the log's own account: answers about nobody alone, no consent, key or text; what was proposed was taken back."""
    proposed = {"agreement.proposed", "agreement.rejected"}
    assert set(attacked.entries) == {"refusal none", "disclosure none", "token.revoked", *proposed}
    assert attacked.entries["agreement.proposed"] == attacked.entries["agreement.rejected"] == 2


def test_how_long_refusals_take_is_told(attacked: Attacked) -> None:
    assert re.fullmatch(
        r"median of \d+: [\d.]+ ms for an unknown client, [\d.]+ ms for a wrong signature", attacked.content["timing"]
    )


def test_answers_are_named_by_their_request_id(attacked: Attacked) -> None:
    """But for those that were refused before they were a request."""
    named = [one for one in attacked.content["attacks"] if one["request_id"]]

    assert len(named) > len(ATTACKS) / 2


def test_a_gateway_that_asks_for_nonces_is_attacked_with_them(council_directory: Path) -> None:
    """Each proof has the newest nonce, so that what is refused is refused for what is wrong with it."""
    some = [one for one in QUICK if one.id.startswith(("proof-", "replay-", "token-"))]
    with gateway_at(council_directory, dpop_nonces=True) as url:
        target = aim(place_of(url), partner=client_of(council_directory), other=client_of(council_directory, CALDER))
        verdicts = {name: one.verdict for name, one in tried(target, some).items()}

    assert target.nonce
    assert {verdicts[one] for one in NONCES} == {Verdict.HELD}
    assert list(verdicts.values()).count(Verdict.HELD) > 150


CHECKS = {name: place for place in ("BEFORE_KEY", "AFTER_KEY") for name, _ in getattr(assertion, place)}
# A check of an assertion -> attacks that only this check withstands.
ONLY = {
    "typ": {"assertion-typ-token", "assertion-typ-context"},
    "client_id": {"token-client-id-other"},
    "aud": {"assertion-aud-endpoint", "assertion-aud-array", "assertion-aud-slash"},
    "exp": {"assertion-exp-far"},
    "iat": {"assertion-iat-future"},
    "nbf": {"assertion-nbf-future"},
    "jti": {"assertion-jti-long", "assertion-jti-empty"},
}


@pytest.mark.parametrize("check", ONLY)
def test_a_check_taken_out_of_the_gateway_is_missed(
    attacked: Attacked, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the attacks that it withstands, and by no honest call."""
    place = CHECKS[check]
    monkeypatch.setattr(assertion, place, tuple(row for row in getattr(assertion, place) if row[0] != check))
    some = [one for one in ATTACKS if one.id in ONLY[check] | {"still-serves", "assertion-key-stranger"}]

    assert broken_among(tried(attacked.target, some)) == ONLY[check]


def test_a_proof_for_any_address_is_missed(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.oauth.dpop.is_same_address", lambda *_: True)
    some = [one for one in ATTACKS if one.id.startswith("proof-htu-")]

    assert len(some) > 20
    assert len(broken_among(tried(attacked.target, some))) == len(some)


def test_a_forgotten_jti_is_missed(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequential or in parallel: the store of what was seen takes anything."""
    monkeypatch.setattr("gateway.log.used_once.remember", lambda *_: True)
    some = [one for one in ATTACKS if one.id in {"replay-proof", "replay-assertion", "replay-proof-at-once"}]

    assert len(broken_among(tried(attacked.target, some))) == len(some) == 3


def test_a_gateway_is_attacked_without_a_client(attacked: Attacked) -> None:
    ran = run(aim(attacked.target.place, partner=None), ATTACKS, deadline=60)
    made = [one for one in ran.results if one.verdict is not Verdict.NOT_RUN]

    assert len(made) > 100
    assert {one.attack.needs for one in made} == {Needs.NOTHING}
    assert [one.attack.id for one in made if one.verdict is Verdict.BROKEN] == []
    assert all(one.why for one in ran.results if one.verdict is Verdict.NOT_RUN)


def test_a_deadline_ends_the_run(attacked: Attacked) -> None:
    ran = run(attacked.target, ATTACKS, deadline=-1)

    assert ran.was_cut_short
    assert ran.count(Verdict.NOT_RUN) == len(ATTACKS)


def test_the_slow_ones_are_cut_off(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    """By limits that the test makes short."""
    monkeypatch.setattr(gateway.serving.server, "LONGEST_HEAD", 0.3)
    monkeypatch.setattr("gateway.web.bodies.SLOWEST", 0.3)
    quick = [one for one in ATTACKS if one.is_slow and one.id != "slow-head-drip"]
    ran = run(attacked.target, quick, deadline=60, with_slow=True)

    assert len(quick) == 4
    assert {one.verdict for one in ran.results} == {Verdict.HELD}, [(one.attack.id, one.why) for one in ran.results]


def test_a_server_that_agrees_with_everybody_is_broken(attacked: Attacked) -> None:
    """The suite can fail: an attack that any answer satisfies would be none."""
    with yes_server() as url:
        target = aim(place_of(url), partner=client_of(attacked.directory), other=client_of(attacked.directory, CALDER))
        found = tried(target, [one for one in QUICK if one.needs is not Needs.NOTHING])
    judged = [one for one in found.values() if one.verdict is not Verdict.NOT_RUN]
    held = {one.attack.id for one in judged if one.verdict is Verdict.HELD}

    assert len(judged) > 400
    # What these must be answered is what this server answers everybody.
    assert held <= {"signed-spoofed", "signed-client", "revoke-seconds", "still-serves"}


def test_a_refusal_in_other_words_is_broken(attacked: Attacked) -> None:
    """The code counts as the status does."""
    one = next(one for one in ATTACKS if one.id == "assertion-alg-none")
    heard = one.act(attacked.target)

    assert code_of(heard.first) == one.expected.code == "invalid_client"
    assert heard.first.status == 401


@pytest.mark.parametrize(("kind", "size"), [("RSA", 2048), ("OKP", "Ed25519")], ids=["PS256", "EdDSA"])
def test_a_client_of_another_algorithm_attacks_as_well(council_directory: Path, kind: str, size: str | int) -> None:
    """But for what only a signature on a curve of ECDSA allows."""
    key = jwk.generate_key(kind, size)
    register(council_directory, "another-key", dict(key.as_dict(private=False)))
    with gateway_at(council_directory) as url:
        target = aim(place_of(url), partner=Client("another-key", key, HARBOUR.agreement))
        found = tried(target, [one for one in ATTACKS if one.id.startswith(SIGNED)])
    not_run = {name for name, one in found.items() if one.verdict is Verdict.NOT_RUN}

    assert not_run == {
        "assertion-shape-der-signature",
        "assertion-shape-order-signature",
        "proof-shape-der-signature",
        "proof-shape-order-signature",
        "replay-assertion-malleated",
    }
    assert len(found) > 80
    assert broken_among(found) == set()


def test_nobody_real_is_asked_about(attacked: Attacked) -> None:
    """The subject is made up anew, and found in no register; one that is given is taken as it is."""
    people = [attacked.target.person() for _ in range(2)]

    assert people[0]["account_ref"] != people[1]["account_ref"]
    assert people[0]["confirm"] == {"surname": "Nobody", "date_of_birth": "1801-01-01"}
    given = Target(attacked.target.place, "x", subject={"account_ref": "1", "confirm": {"surname": "A"}})
    assert given.person(ref="a") == {"account_ref": "1", "confirm": {"surname": "A"}, "ref": "a"}


def test_the_clients_are_of_two_partners() -> None:
    assert HARBOUR.partner_id != CALDER.partner_id
