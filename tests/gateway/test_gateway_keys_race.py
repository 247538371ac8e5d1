"""A key that is revoked while a call is under way discloses nothing: the append transaction is the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gateway_keys_life import CLIENT, add, caller, new_key
from house import HARBOUR, House

from gateway.issuer_keys import make_issuer_key


def revoke_client_key(house: House) -> Any:
    return house.changes().client_keys.revoke_key(CLIENT, house.caller(CLIENT).key.thumbprint(), by="test")


def replace_issuer_key(house: House) -> Any:
    name, kid = make_issuer_key(house.council.keyring, number=2, is_fresh=True)
    first = (house.council.issuer_key.kid, "issuer")
    return house.changes().issuer_keys.replace_now(kid=kid, name=name, first=first, by="test")


@pytest.mark.parametrize("change", [revoke_client_key, replace_issuer_key])
def test_a_key_revoked_while_its_call_is_under_way_discloses_nothing(house: House, change: Callable[[House], Any]) -> None:
    """Between authentication and the append transaction."""
    add(house, new_key())
    harbour = caller(house, house.caller(CLIENT).key).get_token(HARBOUR.agreement)
    source_of = house.wiring.services.source_of

    def revoking(dataset: Any, reader: Any) -> Any:
        house.wiring.sequencer.submit(change(house), [].append)
        return source_of(dataset, reader)

    object.__setattr__(house.wiring.services, "source_of", revoking)
    before = len(house.entries("disclosure"))

    answer = harbour.ask(fields=["age"])

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert len(house.entries("disclosure")) == before
