"""Are the attacks on operators' sign-in missed where what withstands them is taken out of the gateway?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_serving import broken_among, gateway_at, tried
from house import copy_template

from gateway.attack import Verdict, aim, attacks, place_of
from gateway.attack.target import Target

CONSOLE = [one for one in attacks() if one.id.startswith("console-")]
NAMED = ("console-fixation-", "console-csrf-", "console-mix-up-", "console-role-", "console-redirect-", "console-form-")


@pytest.fixture(scope="module")
def target(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with gateway_at(copy_template(template, tmp_path_factory.mktemp("console") / "council")) as url:
        yield aim(place_of(url), partner=None)


def broken(target: Target, ends: tuple[str, ...] = ("",)) -> set[str]:
    found = tried(target, [one for one in CONSOLE if one.id.endswith(ends)])
    assert [one for one in found.values() if one.verdict is Verdict.NOT_RUN] == []
    return broken_among(found)


def test_each_attack_that_was_promised_is_made_without_a_client(target: Target) -> None:
    for name in NAMED:
        assert [one for one in CONSOLE if one.id.startswith(name)], name
    assert broken(target) == set()


def test_a_gateway_that_takes_any_form_is_missed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Origin and token each hold alone; with both taken out, nothing does."""
    monkeypatch.setattr("gateway.operators.cross_site.is_token", lambda *_: True)
    by_origin = broken(target, ("-origin", "-null", "-site", "-prefix"))
    monkeypatch.setattr("gateway.operators.cross_site.is_own_page", lambda *_: True)

    assert by_origin == set()
    assert broken(target, ("-origin", "-null")) == {one.id for one in CONSOLE if one.id.endswith(("-origin", "-null"))}


def test_a_gateway_that_follows_an_address_is_missed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.console.sign_in.own_place", lambda asked: asked or "")

    assert broken(target, ("-redirect-1", "-redirect-2")) == {"console-redirect-1", "console-redirect-2"}
