"""What is tried with a bound client or an operator's session: is each defence missed where it is taken out?"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from attack_serving import HARBOUR, begin_session, client_of, gateway_at, grant_operators, register, tried
from breaking import Break, broken
from certificates import certified
from defences_of_operators import CONNECTIONS, EVERY_HOP, SESSIONS, STRICT
from house import copy_template, open_house
from joserfc import jwk

from gateway.attack import Bound, CannotRunError, Client, Session, Verdict, aim, attacks, place_of
from gateway.attack.certificates import anothers
from gateway.attack.offices import OFFICES
from gateway.attack.target import TOKEN_PATH, Target

ATTACKS = {one.id: one for one in attacks()}
BOUND = "harbour-by-certificate"
TRUSTED = "127.0.0.2"  # the hop that is believed; who attacks comes from 127.0.0.1


@dataclass(frozen=True)
class Served:
    """A gateway that believes one hop, with a client bound to its certificate and an operator of each office."""

    directory: Path
    target: Target
    client: Client

    def bound(self, *, with_proof: bool = False) -> Target:
        """Return the target with the bound client, and a token that it got over the trusted hop.

        Both certificates are new, for the gateway remembers what it read of one.
        """
        anothers.cache_clear()
        own = certified("harbour")
        client = Target(self.target.place, self.target.issuer, partner=self.client)
        headers = {"Client-Cert": own.header, "Content-Type": "application/x-www-form-urlencoded"}
        if with_proof:
            headers["DPoP"] = client.proof("POST", TOKEN_PATH)
        line = http.client.HTTPConnection("127.0.0.1", self.target.place.port, source_address=(TRUSTED, 0), timeout=10)
        line.request("POST", TOKEN_PATH, urlencode(client.form()), headers)
        answer = json.loads(line.getresponse().read())
        line.close()
        return replace(self.target, bound=Bound(self.client, own.header, answer["access_token"]))

    def signed_in(self, role: str, *, ago: float = 0.0) -> Target:
        """Return the target with a session of an operator in this role, who signed in so many seconds ago."""
        cookie = begin_session(self.directory, role, ago=ago)
        return replace(self.target, session=Session(cookie, frozenset({role})), begun=self.target.begun - 400)


@pytest.fixture(scope="module")
def served(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = copy_template(template, tmp_path_factory.mktemp("given") / "council")
    key = jwk.generate_key("EC", "P-256", private=True)
    register(directory, BOUND, dict(key.as_dict(private=False)))
    with open_house(directory) as house:
        house.append(house.changes().partners.set_binding(BOUND, to_certificate=True, by="test"))
    grant_operators(directory)
    with gateway_at(directory, certificate_hops=(TRUSTED,)) as url:
        target = aim(place_of(url), partner=client_of(directory))
        yield Served(directory, target, Client(BOUND, key, HARBOUR.agreement))


def verdicts(target: Target, names: Sequence[str]) -> dict[str, tuple[Verdict, str]]:
    results = tried(target, [ATTACKS[name] for name in names])
    return {name: (one.verdict, one.why) for name, one in results.items()}


def named(prefix: str) -> list[str]:
    found = [one for one in ATTACKS if one.startswith(prefix)]
    assert found, prefix
    return found


def made(found: dict[str, tuple[Verdict, str]]) -> set[Verdict]:
    """Return the verdicts of those that the operator's roles allow to be tried."""
    return {verdict for verdict, why in found.values() if not why.startswith("the operator's roles")}


@pytest.mark.parametrize("with_proof", [False, True], ids=["bearer", "proof"])
def test_every_attack_on_a_bound_client_is_made_and_holds(served: Served, *, with_proof: bool) -> None:
    """Also where its stolen token is bound to a proof's key, too."""
    found = verdicts(served.bound(with_proof=with_proof), named("cert-"))

    assert len(found) > 50
    assert {name: one for name, one in found.items() if one[0] is not Verdict.HELD} == {}


@pytest.mark.parametrize("one", CONNECTIONS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_defence_of_a_connection_that_is_taken_out_is_noticed(served: Served, one: Break) -> None:
    with broken(one):
        after = verdicts(served.bound(), one.noticed_by)

    assert {verdict for verdict, _ in after.values()} == {Verdict.BROKEN}, after


def test_a_header_is_read_strictly_where_every_hop_is_believed(served: Served) -> None:
    """Then what it tells rightly opens, and what is malformed, twice or by another name does not."""
    with broken(Break("every hop", (), values=EVERY_HOP)):
        after = verdicts(served.bound(), [f"cert-{where}-{how}" for where in ("token", "call") for how in STRICT])
        right = verdicts(served.bound(), ["cert-token-right", "cert-call-right"])

    assert {verdict for verdict, _ in after.values()} == {Verdict.HELD}, after
    assert {verdict for verdict, _ in right.values()} == {Verdict.BROKEN}, right


def test_without_a_stolen_token_the_token_endpoint_alone_is_tried(served: Served) -> None:
    target = replace(served.target, bound=Bound(served.client, certified("harbour").header))

    assert verdicts(target, ["cert-token-right"])["cert-token-right"][0] is Verdict.HELD
    assert {why for verdict, why in verdicts(target, [*named("cert-call-"), "cert-thief"]).values()} == {
        "it needs a live token of the bound client, got through the proxy: --bound-token"
    }


def test_a_bound_client_that_is_not_of_the_gateway_can_not_be_tried(served: Served) -> None:
    """Neither a strange key, nor what is no token of the client's own."""
    place, header = served.target.place, certified("harbour").header
    strange = Client(BOUND, jwk.generate_key("EC", "P-256", private=True), HARBOUR.agreement)

    with pytest.raises(CannotRunError, match="not of this gateway"):
        aim(place, partner=None, bound=Bound(strange, header))
    with pytest.raises(CannotRunError, match="no live one"):
        aim(place, partner=None, bound=Bound(served.client, header, "a.b.c"))
    assert aim(place, partner=None, bound=served.bound().bound).bound is not None


# -- operators who have signed in


@pytest.mark.parametrize("role", OFFICES)
def test_every_attack_with_a_session_holds(served: Served, role: str) -> None:
    """Each office's: more than its roles, forged forms, a sign-in of long ago; in the end the session is ended."""
    target = served.signed_in(role, ago=301)
    found = verdicts(target, named("session-"))

    assert made(found) == {Verdict.HELD}, {name: one for name, one in found.items() if one[0] is Verdict.BROKEN}
    assert [one for one, (verdict, _) in found.items() if one.startswith("session-role-") and verdict is Verdict.HELD]
    with pytest.raises(CannotRunError, match="session is not live"):
        aim(target.place, partner=None, session=target.session)


@pytest.mark.parametrize("one", SESSIONS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_defence_of_a_session_that_is_taken_out_is_noticed(served: Served, one: Break) -> None:
    """By every attack that it withstands, each in the name of an operator whose roles it is about."""
    roles = ("administrator", "dpo") if "step-up" in one.noticed_by[0] else ("auditor",)
    with broken(one):
        after = [verdicts(served.signed_in(role, ago=301), one.noticed_by) for role in roles]

    for name in one.noticed_by:
        tried = [found[name] for found in after if not found[name][1].startswith("the operator's roles")]
        assert tried, name
        assert {verdict for verdict, _ in tried} == {Verdict.BROKEN}, (name, tried)


def test_a_session_that_lives_is_taken_as_it_is(served: Served) -> None:
    target = served.signed_in("auditor")

    assert aim(target.place, partner=None, session=target.session).session == target.session
    assert target.session.cookie not in repr(target)
