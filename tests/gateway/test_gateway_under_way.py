"""What is taken back while a call is under way discloses nothing: the append transaction is the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gateway_keys_life import CLIENT, add, caller, new_key
from house import HARBOUR, Caller, House

from gateway.council.issuer_keys import make_issuer_key


def revoke_token(house: House, harbour: Caller) -> Any:
    token = house.wiring.door.tokens.inspect(harbour.token, now=house.clock().timestamp())
    return house.changes().tokens.revoke(token.jti, client_id=token.client_id, by="test")


def revoke_client_key(house: House, _: Caller) -> Any:
    return house.changes().client_keys.revoke_key(CLIENT, house.caller(CLIENT).key.thumbprint(), by="test")


def replace_issuer_key(house: House, _: Caller) -> Any:
    name, kid = make_issuer_key(house.council.keyring, number=2, is_fresh=True)
    first = (house.council.issuer_key.kid, "issuer")
    return house.changes().issuer_keys.replace_now(kid=kid, name=name, first=first, by="test")


def revoke_client(house: House, _: Caller) -> Any:
    return house.changes().partners.revoke_client(CLIENT, by="test")


def suspend_partner(house: House, _: Caller) -> Any:
    return house.changes().partners.set_partner_status(HARBOUR.partner_id, active=False, by="test")


@pytest.mark.parametrize("change", [revoke_token, revoke_client_key, replace_issuer_key, revoke_client, suspend_partner])
def test_what_is_taken_back_under_way_discloses_nothing(house: House, change: Callable[[House, Caller], Any]) -> None:
    """Between authentication and the append transaction. A consent has its own test."""
    add(house, new_key())
    harbour = caller(house, house.caller(CLIENT).key).get_token(HARBOUR.agreement)
    source_of = house.wiring.services.source_of

    def revoking(dataset: Any, reader: Any) -> Any:
        house.wiring.sequencer.submit(change(house, harbour), [].append)
        return source_of(dataset, reader)

    object.__setattr__(house.wiring.services, "source_of", revoking)
    before = len(house.entries("disclosure"))

    answer = harbour.ask(fields=["age"])

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert len(house.entries("disclosure")) == before


def test_an_agreement_ended_under_way_discloses_nothing(house: House) -> None:
    """The caller stands; what it may ask for does not: the refusal is an entry of its own."""
    harbour = house.harbour()
    source_of = house.wiring.services.source_of

    def ending(dataset: Any, reader: Any) -> Any:
        house.wiring.sequencer.submit(
            house.changes().texts.end_agreement(HARBOUR.agreement, reason="over", by="test"), [].append
        )
        return source_of(dataset, reader)

    object.__setattr__(house.wiring.services, "source_of", ending)

    answer = harbour.ask(fields=["age"])

    assert (answer.status_code, answer.json()["disclosure"]["record"]["fields"]) == (403, {})
    assert {one["reason"] for one in answer.json()["disclosure"]["withheld"]} == {"agreement_not_in_force"}
