"""What is a sandbox's stays there: its tokens, its receipts, its people."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import HARBOUR, House, move_clients, open_house
from sandbox_playing import asker, play
from typer.testing import CliRunner

from audit.checking.verify import ProofError, verify_answer
from gateway.cli import make_app
from gateway.oauth import jose
from schemas.terms import Environment


def claims_of(token: str) -> dict[str, object]:
    return dict(jose.read(token).payload)


def test_a_token_names_its_environment_where_it_is_not_production(sandbox: House, house: House) -> None:
    assert claims_of(asker(sandbox).token)["environment"] == "sandbox"
    assert "environment" not in claims_of(asker(house).token)


@pytest.mark.parametrize(
    ("of", "at"),
    [(Environment.SANDBOX, Environment.PRODUCTION), (Environment.PRODUCTION, Environment.SANDBOX)],
)
def test_a_token_is_refused_in_another_environment_of_the_same_issuer_and_key(
    sandbox_directory: Path, of: Environment, at: Environment
) -> None:
    """One directory, so one issuer, one signing key and one client: only the environment differs."""
    move_clients(sandbox_directory, of)
    with open_house(sandbox_directory, environment=of) as here:
        token = asker(here).token
        assert here.caller(HARBOUR.client_id)
    move_clients(sandbox_directory, at)
    with open_house(sandbox_directory, environment=at) as there:
        caller = there.caller(HARBOUR.client_id)
        caller.token = token
        refused = play(caller, None)
        introspected = there.http.post("/oauth2/introspect", data=caller.form(token=token))

    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")
    assert "another environment" in refused.json()["detail"]
    assert introspected.json() == {"active": False}


def test_a_token_is_good_in_its_own_environment(sandbox_directory: Path) -> None:
    """That it is refused elsewhere is not for something else about it."""
    with open_house(sandbox_directory) as here:
        token = asker(here).token
    with open_house(sandbox_directory) as there:
        caller = there.caller(HARBOUR.client_id)
        caller.token = token

        assert play(caller, None).status_code == 200
        assert there.http.post("/oauth2/introspect", data=caller.form(token=token)).json()["active"] is True


def test_a_token_is_refused_by_a_gateway_with_other_keys(sandbox: House, house: House) -> None:
    token = asker(sandbox).token
    caller = house.caller(HARBOUR.client_id)
    caller.token = token

    refused = play(caller, None)

    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")


def test_a_receipt_of_a_sandbox_is_none_of_productions(sandbox: House, house: House) -> None:
    """Its log has another name and another key, so that no verifier takes one for the other."""
    answer = play(asker(sandbox), None)

    sandbox.verify(answer)
    with pytest.raises(ProofError):
        verify_answer(answer.content, vkey=house.vkey)
    assert sandbox.vkey.partition("+")[0] == house.vkey.partition("+")[0] + "/sandbox"


def test_stile_verify_tells_them_apart(sandbox: House, house: House, tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    file.write_bytes(play(asker(sandbox), "consent-given").content)

    own, other = (
        CliRunner().invoke(make_app(["verify"]), ["verify", str(file), "--vkey", vkey])
        for vkey in (sandbox.vkey, house.vkey)
    )

    assert (own.exit_code, "verified: entry" in own.output) == (0, True)
    assert (other.exit_code, "NOT VERIFIED" in other.output) == (1, True)
