"""Promise 4 of keys: when a revocation has been acknowledged, no later entry discloses by the key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway_keys_life import CLIENT, add, ask_token, bring, caller, new_key, revoke, stile
from house import HARBOUR, House, open_house

from gateway.council.issuer_keys import make_issuer_key
from gateway.store.key_rows import read_client_keys
from gateway.store.state import Reader


def test_no_entry_discloses_by_a_revoked_key(house: House) -> None:
    """Promise 4: a token that was got with the key is refused from the revocation's entry on."""
    first, second = house.caller(CLIENT).key, new_key()
    add(house, second)
    old = caller(house, first).get_token(HARBOUR.agreement)
    new = caller(house, second).get_token(HARBOUR.agreement)
    assert [one.ask(fields=["age"]).status_code for one in (old, new)] == [200, 200]

    revoke(house, first)

    refused = old.ask(fields=["age"])
    assert (refused.status_code, "is revoked" in refused.json()["detail"]) == (401, True)
    assert new.ask(fields=["age"]).status_code == 200
    at = house.entries("key.revoked")[-1]["index"]
    later = [one for one in house.entries("disclosure") if one["index"] > at]
    assert len(later) == 1


def test_a_token_bound_to_a_revoked_key_is_refused_whoever_got_it(house: House) -> None:
    """A proof by the key that was stolen proves nothing, though the token was asked for with another."""
    first, second = house.caller(CLIENT).key, new_key()
    add(house, second)
    by_second = caller(house, second)
    by_second.proof = caller(house, first).proof  # type: ignore[method-assign]  # DPoP by the other of its keys
    bound = by_second.get_token(HARBOUR.agreement)
    assert bound.ask(fields=["age"]).status_code == 200

    revoke(house, first)

    assert bound.ask(fields=["age"]).status_code == 401


def test_a_key_stays_revoked_across_a_restart(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        first, second = house.caller(CLIENT).key, new_key()
        add(house, second)
        token = caller(house, first).get_token(HARBOUR.agreement).token
        revoke(house, first)
        clock = house.clock

    with open_house(council_directory, clock=clock) as house:
        old = replace(caller(house, first), token=token)
        assert old.ask(fields=["age"]).status_code == 401
        assert ask_token(house, first).status_code == 401
        assert caller(house, second).get_token(HARBOUR.agreement).ask(fields=["age"]).status_code == 200


def test_a_revoked_key_that_brought_another_is_told(house: House) -> None:
    """Who stole a key may have brought one of their own before it was revoked."""
    first, second = house.caller(CLIENT).key, new_key()
    assert bring(house, first, second).status_code == 201

    printed = stile("client", "key", "revoke", CLIENT, first.thumbprint(), "--dir", house.directory)[1]

    assert f"brought a key that still counts, {second.thumbprint()}" in printed


def test_every_change_of_a_key_names_who_made_it(house: House) -> None:
    first, second = house.caller(CLIENT).key, new_key()
    bring(house, first, second)
    rows = read_client_keys(house.wiring.services.reader.connection, CLIENT)

    assert [one.added_by for one in rows][-1] == f"key:{first.thumbprint()}"
    assert len(rows) == 2


# -- inside the append transaction


def counts_inside(house: House, token: str) -> bool:
    """Ask as the append transaction does: by a reader of its own, over the writer's connection."""
    found: list[bool] = []
    known = house.wiring.door.tokens.inspect(token, now=house.clock().timestamp())

    def within(connection: Any, _moment: Any) -> None:
        found.append(Reader(connection).still_counts(known))

    house.append(within)
    return found[0]


def test_the_transaction_sees_a_key_that_was_just_revoked(house: House) -> None:
    first, second = house.caller(CLIENT).key, new_key()
    add(house, second)
    old, new = (caller(house, key).get_token(HARBOUR.agreement).token for key in (first, second))
    assert [counts_inside(house, one) for one in (old, new)] == [True, True]

    revoke(house, first)

    assert [counts_inside(house, one) for one in (old, new)] == [False, True]


def test_the_transaction_sees_that_the_gateways_key_was_just_replaced(house: House) -> None:
    token = house.harbour().token
    known = house.wiring.door.tokens.inspect(token, now=house.clock().timestamp())
    name, kid = make_issuer_key(house.council.keyring, number=2, is_fresh=True)
    first = (house.council.issuer_key.kid, "issuer")

    house.append(house.changes().issuer_keys.replace_now(kid=kid, name=name, first=first, by="test"))

    house.wiring.services.reader.refresh()
    assert not house.wiring.services.reader.still_counts(known)
    keys = {row[0] for row in house.rows("SELECT key FROM state_key WHERE idx = (SELECT max(idx) FROM state_key)")}
    assert {"key/issuer", f"client/{CLIENT}"} <= keys, "so that what is under way is judged again"
