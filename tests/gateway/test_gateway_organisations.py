"""What is known of a partner: codes, contacts, what it has shown; each change an entry, and counting at once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import CALDER, CASEWORKER, HARBOUR, ISSUER, House, open_house, released, republish, withheld
from joserfc import jwk
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.oauth.clients import Role
from gateway.oauth.made_jwts import make_context
from gateway.store.entries import ChangeRefusedError
from gateway.store.key_rows import assurance_days_left
from schemas.organisation import Contact, PartnerAssurance
from schemas.terms import AssuranceLevel, CodeScheme, ContactRole, Environment

REQUIRES = "requires: [caseworker, case_reference]"
WANTS = f"{REQUIRES}\nassurance: [cyber_essentials, iso_27001]"


def stile(directory: Path, *words: str) -> Any:
    said = [*words, "--dir", str(directory)]
    return CliRunner().invoke(make_app(said), said)


def show_assurance(house: House, *, days: int, level: AssuranceLevel = AssuranceLevel.CYBER_ESSENTIALS) -> None:
    today = house.clock.today
    shown = PartnerAssurance(level, "IASME-0042", today, today + timedelta(days=days))
    house.append(house.changes().organisations.set_assurance(HARBOUR.partner_id, shown, by="test"))


def test_an_agreement_can_want_an_assurance(house: House) -> None:
    """Until it is shown the partner is told what is wanted; from its entry on it counts."""
    republish(house, HARBOUR.agreement, (REQUIRES, WANTS))
    harbour = house.harbour()

    before = harbour.ask(fields=["full_name"])
    show_assurance(house, days=30)
    after = harbour.ask(fields=["full_name"])

    assert (before.status_code, withheld(before)) == (403, {"full_name": "assurance_needed"})
    assert before.json()["disclosure"]["withheld"][0]["remedy"] == "show_your_assurance"
    assert (after.status_code, released(after)) == (200, {"full_name": "Grace Okafor"})
    assert house.last()["facts"]["assurances"] == ["cyber_essentials"]


def test_another_assurance_does_not_stand_in(house: House) -> None:
    republish(house, HARBOUR.agreement, (REQUIRES, WANTS))
    show_assurance(house, days=30, level=AssuranceLevel.PSN_CONNECTION)

    assert withheld(house.harbour().ask(fields=["age"])) == {"age": "assurance_needed"}


def test_it_is_over_with_its_last_day(house: House) -> None:
    republish(house, HARBOUR.agreement, (REQUIRES, WANTS))
    show_assurance(house, days=3)
    house.clock.move(days=3)
    assert house.harbour().ask(fields=["age"]).status_code == 200

    house.clock.move(days=1)

    assert withheld(house.harbour().ask(fields=["age"])) == {"age": "assurance_needed"}


def test_a_decision_holds_no_longer_than_the_assurance(house: House) -> None:
    """The append transaction decides again where the day has ended meanwhile."""
    republish(house, HARBOUR.agreement, (REQUIRES, WANTS))
    show_assurance(house, days=0)
    ends = PartnerAssurance(AssuranceLevel.ISO_27001, "x", house.clock.today, house.clock.today).ends
    house.clock.at = ends - timedelta(seconds=1)
    harbour = house.harbour()
    reader = house.wiring.services.source_of

    def late(*arguments: Any) -> Any:
        house.clock.at = ends
        return reader(*arguments)

    object.__setattr__(house.wiring.services, "source_of", late)
    answer = harbour.ask(fields=["age"])

    assert withheld(answer) == {"age": "assurance_needed"}
    assert house.last()["entry"]["outcome"] == "none"


def test_one_that_is_withdrawn_counts_no_more(house: House) -> None:
    """Promise 4."""
    republish(house, HARBOUR.agreement, (REQUIRES, WANTS))
    show_assurance(house, days=30)
    harbour = house.harbour()
    assert harbour.ask(fields=["age"]).status_code == 200

    house.append(
        house.changes().organisations.withdraw_assurance(HARBOUR.partner_id, AssuranceLevel.CYBER_ESSENTIALS, by="test")
    )

    assert withheld(harbour.ask(fields=["age"])) == {"age": "assurance_needed"}
    assert house.entries("partner.changed")


def test_who_is_asked_for_no_assurance_needs_none(house: House) -> None:
    assert house.harbour().ask(fields=["age"]).status_code == 200
    assert "assurances" not in house.last()["facts"]


def test_the_days_left_are_told_ahead(house: House) -> None:
    connection, today = house.wiring.services.reader.connection, house.clock.today
    assert assurance_days_left(connection, today, most=9_999) == 9_999
    show_assurance(house, days=12)
    show_assurance(house, days=40, level=AssuranceLevel.ISO_27001)

    assert assurance_days_left(connection, today, most=9_999) == 13
    assert assurance_days_left(connection, today + timedelta(days=60), most=9_999) == 0
    house.append(house.changes().partners.set_partner_status(HARBOUR.partner_id, active=False, by="test"))
    assert assurance_days_left(connection, today, most=9_999) == 9_999


# -- codes


def set_code(house: House, partner_id: str, scheme: CodeScheme, code: str | None) -> None:
    house.append(house.changes().organisations.set_code(partner_id, scheme, code, by="test"))


def test_a_code_is_one_organisations(house: House) -> None:
    set_code(house, CALDER.partner_id, CodeScheme.ODS, "rcf")

    with pytest.raises(ChangeRefusedError, match=f"is {CALDER.partner_id}'s"):
        set_code(house, HARBOUR.partner_id, CodeScheme.ODS, " RCF ")
    set_code(house, CALDER.partner_id, CodeScheme.ODS, None)
    set_code(house, HARBOUR.partner_id, CodeScheme.ODS, "RCF")
    assert house.wiring.services.reader.refresh() >= 0
    assert house.wiring.services.reader.find_partner(HARBOUR.partner_id).codes == {CodeScheme.ODS: "RCF"}


@pytest.mark.parametrize(("code", "status"), [("E08000032", 200), ("E12000003", 400)])
def test_a_context_is_for_one_of_the_partners_own_codes(house: House, code: str, status: int) -> None:
    """Where it has some: another organisation's caseworker is not for it to vouch for."""
    set_code(house, HARBOUR.partner_id, CodeScheme.ONS, "E08000032")
    harbour = house.harbour()
    context = make_context(
        harbour.key,
        client_id=HARBOUR.client_id,
        issuer=ISSUER,
        practitioner=CASEWORKER,
        organisation=code,
        reason="Arrears review",
        now=house.clock().timestamp(),
    )
    body = {
        "subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        "case_reference": "1",
        "fields": ["age"],
    }

    answer = harbour.call("POST", "/v1/disclosures", body, Stile_Context=context)

    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["code"] == "context_refused"
        assert code not in answer.text


# -- contacts


def test_a_contacts_name_is_in_no_entry(house: House) -> None:
    """Nor in what the gateway serves: it is for the council's offices."""
    contact = Contact(ContactRole.SECURITY, "Sam Nightingale", "sam@harbour.example", "+44 113 496 0000")
    house.append(house.changes().organisations.set_contact(HARBOUR.partner_id, ContactRole.SECURITY, contact, by="test"))

    assert house.last()["what"] == {"partner": HARBOUR.partner_id, "contact": "security", "is_set": True}
    shown = json.loads(stile(house.directory, "partner", "show", HARBOUR.partner_id).output)
    assert shown["contacts"]["security"]["name"] == "Sam Nightingale"
    for path in ("/docs", "/openapi.json", "/.well-known/oauth-authorization-server"):
        assert "Nightingale" not in house.http.get(path).text


# -- a client for each system and environment


def a_client(house: House, client_id: str, *, system: str | None, environment: Environment = Environment.PRODUCTION) -> Any:
    public = jwk.generate_key("EC", "P-256", private=True).as_dict(private=False)
    return house.changes().partners.register_client(
        client_id,
        partner_id=HARBOUR.partner_id,
        role=Role.PARTNER,
        jwks={"keys": [public]},
        by="test",
        system=system,
        environment=environment,
    )


def test_a_system_has_one_active_client_in_an_environment(house: House) -> None:
    house.append(a_client(house, "harbour-rents-1", system="rents"))

    with pytest.raises(ChangeRefusedError, match="has the client harbour-rents-1 in production already"):
        house.append(a_client(house, "harbour-rents-2", system="rents"))
    house.append(a_client(house, "harbour-rents-test", system="rents", environment=Environment.SANDBOX))
    house.append(house.changes().partners.revoke_client("harbour-rents-1", by="test"))
    house.append(a_client(house, "harbour-rents-2", system="rents"))


@pytest.mark.parametrize(("own", "status"), [(Environment.PRODUCTION, 401), (Environment.SANDBOX, 400)])
def test_a_gateway_takes_clients_of_its_own_environment(council_directory: Path, own: Environment, status: int) -> None:
    """Of another it is told what of an unknown one is told: 400 is what a client without an agreement named is told."""
    key = jwk.generate_key("EC", "P-256", private=True)
    with open_house(council_directory, environment=own) as house:
        register = house.changes().partners.register_client(
            "harbour-test",
            partner_id=HARBOUR.partner_id,
            role=Role.PARTNER,
            jwks={"keys": [key.as_dict(private=False)]},
            by="test",
            environment=Environment.SANDBOX,
        )
        house.append(register)
        caller = house.caller(HARBOUR.client_id)
        caller.client_id, caller.key = "harbour-test", key

        answer = caller.ask_token()

        assert answer.status_code == status, answer.text
        assert house.wiring.clients.find_client(HARBOUR.client_id).is_active is (own is Environment.PRODUCTION)


def test_a_client_of_the_other_environment_is_not_registered_here(council_directory: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    public = jwk.generate_key("EC", "P-256", private=True).as_dict(private=False)
    keys.write_text(json.dumps({"keys": [public]}))
    add = ("client", "add", "harbour-x", "--partner", HARBOUR.partner_id, "--jwks", str(keys), "--system", "rents")

    refused = stile(council_directory, *add, "--environment", "sandbox")
    assert (refused.exit_code, "register the client at the one for sandbox" in refused.output) == (1, True)
    assert stile(council_directory, *add).exit_code == 0
    shown = json.loads(stile(council_directory, "client", "show", "harbour-x").output)
    assert (shown["system"], shown["environment"]) == ("rents", "production")
    listed = stile(council_directory, "client", "list", "--partner", HARBOUR.partner_id).output
    assert "harbour-x: rents, production, active" in listed


# -- the commands


def test_the_commands_record_and_show(council_directory: Path) -> None:
    today = "2026-01-01"
    words = (
        ("code", "--scheme", "ons", "--code", "E08000032"),
        ("contact", "--role", "dpo", "--name", "Jo Bright", "--email", "dpo@harbour.example"),
        ("assurance", "--level", "iso_27001", "--evidence", "IS 1", "--checked-on", today, "--expires-on", "2026-02-01"),
        ("change", "--name", "Harbour Homes"),
    )
    for word, *more in words:
        done = stile(council_directory, "partner", word, HARBOUR.partner_id, *more)
        assert done.exit_code == 0, done.output

    done = stile(council_directory, "partner", "show", HARBOUR.partner_id)
    shown = json.loads(done.stdout)
    assert (shown["name"], shown["kind"], shown["codes"]) == ("Harbour Homes", "housing_association", {"ons": "E08000032"})
    assert shown["assurances"][0]["counts"] is False
    assert "iso_27001 was over on 2026-02-01" in done.stderr
    assert shown["clients"][0]["client_id"] == HARBOUR.client_id
    listed = stile(council_directory, "partner", "list").output
    assert "harbour-housing: Harbour Homes, housing_association, active\n  iso_27001 was over" in listed
    for word, *more in (("code", "--scheme", "ons"), ("contact", "--role", "dpo"), ("assurance", "--level", "iso_27001")):
        assert stile(council_directory, "partner", word, HARBOUR.partner_id, *more, "--remove").exit_code == 0
    shown = json.loads(stile(council_directory, "partner", "show", HARBOUR.partner_id).output)
    assert (shown["codes"], shown["contacts"], shown["assurances"]) == ({}, {}, [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("code", "nobody", "--scheme", "ods", "--code", "RCF"), "is not registered"),
        (("code", HARBOUR.partner_id, "--scheme", "ods", "--code", "!"), "3 to 8 letters and digits"),
        (("code", HARBOUR.partner_id, "--scheme", "ods"), "give --code, or --remove"),
        (("contact", HARBOUR.partner_id, "--role", "dpo", "--name", "Desk"), "an email address"),
        (("assurance", HARBOUR.partner_id, "--level", "iso_27001", "--evidence", "1"), "--expires-on"),
        (("assurance", HARBOUR.partner_id, "--level", "iso_27001", "--remove"), "has shown no iso_27001"),
        (("show", "nobody"), "is not registered"),
    ],
)
def test_a_command_says_what_is_wrong(council_directory: Path, words: tuple[str, ...], said: str) -> None:
    done = stile(council_directory, "partner", *words)

    assert done.exit_code in (1, 2)
    assert said in " ".join(done.output.split())
