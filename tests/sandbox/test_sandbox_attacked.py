"""A sandbox is attacked with what would disclose elsewhere: wrong claims, a clock that is moved, scenarios."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import GRACE, HARBOUR, free_port
from joserfc import jwk

from gateway.attack import Client, Verdict, aim, attacks, place_of, run
from gateway.commands.council import at_port
from gateway.commands.demo import serving
from gateway.council import open_council
from gateway.oauth.access_token import Tokens

NAMED = ("guess-claims", "token-end-played")
SOME = [one for one in attacks() if one.id in NAMED or one.id.startswith("scenario-list-")]


def verdicts(directory: Path, subject: dict[str, object]) -> dict[str, tuple[Verdict, str]]:
    key = jwk.import_key(json.loads((directory / "partners" / f"{HARBOUR.client_id}.jwk.json").read_text()))
    port = free_port()
    council = at_port(open_council(directory), port)
    with serving(council, port=port):
        partner = Client(HARBOUR.client_id, key, HARBOUR.agreement)
        target = aim(place_of(f"http://127.0.0.1:{port}"), partner=partner, subject=subject)
        ran = run(target, SOME, deadline=60)
    council.keyring.close()
    return {one.attack.id: (one.verdict, one.why) for one in ran.results}


@pytest.mark.parametrize("most", [5, 50])
def test_wrong_claims_are_tried_on_people_of_a_sandbox(
    sandbox_directory: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All hold; where claims are bounded by ten times as many, that alone is missed."""
    monkeypatch.setattr("gateway.limits.MOST_WRONG", most)
    found = verdicts(sandbox_directory, GRACE)

    assert len(found) == len(SOME) >= 6
    expected = Verdict.HELD if most == 5 else Verdict.BROKEN
    assert {name: verdict for name, (verdict, _) in found.items() if verdict is not Verdict.HELD} == (
        {} if expected is Verdict.HELD else {"guess-claims": expected}
    ), found["guess-claims"]


def test_a_tokens_end_by_the_sandboxs_clock_is_missed(sandbox_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect = Tokens.inspect
    monkeypatch.setattr(Tokens, "inspect", lambda self, token, *, now: inspect(self, token, now=now - 3_600))

    assert verdicts(sandbox_directory, GRACE)["token-end-played"][0] is Verdict.BROKEN
