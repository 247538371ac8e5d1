"""A partner asks by a composite key: with the client, from the command line, and as its own description says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import Result
from client_serving import CASE, Front, key_of
from house import AIRE, HARBOUR, House
from typer.testing import CliRunner

from audit.checking.verify import verify_answer, verify_answers
from gateway.attack import made_up
from gateway.cli import make_app
from gateway.client import Client, Emergency, Subject
from gateway.commands.asked_about import people_of, person_of
from gateway.council.directory import Council

GRACE = {"full_name": "Grace Okafor", "date_of_birth": "1985-02-14", "postcode": "LS1 4AB"}
URGENT = [
    "--emergency",
    "risk_to_life=Threat made by telephone",
    "--caseworker",
    "jb17,Jo Bright,tenancy-sustainment-officer",
]


def test_the_client_asks_by_a_composite_key(client: Client) -> None:
    emergency = Emergency("risk_to_life", "Threat made by telephone")

    answer = client.get(Subject("person", GRACE), fields=["full_name"], emergency=emergency, **CASE)

    assert (answer.identity, answer.fields["full_name"].value) == ("confirmed", "Grace Okafor")


def test_a_subject_by_a_composite_key_has_one_form() -> None:
    subject = Subject("person", GRACE, ref="a", claims={"age": 41})

    assert subject.body() == {"person": GRACE}
    assert subject.named_body() == {"ref": "a", "person": GRACE, "claims": {"age": 41}}
    assert "Grace" not in repr(subject)
    with pytest.raises(
        ValueError, match="the details of the composite key person are its value: leave confirm out"
    ) as told:
        Subject("person", GRACE, {"surname": "Okafor"})
    assert "Okafor" not in str(told.value)


# -- the command line


def get(front: Front, council: Council, *words: str) -> Result:
    whole = [
        "get", "--issuer", front.issuer, "--client", HARBOUR.client_id, "--key", str(key_of(council)),
        "--vkey", council.signer.vkey, "--agreement", HARBOUR.agreement, "--field", "full_name", *words,
    ]  # fmt: skip
    return CliRunner().invoke(make_app(["get"]), whole, env={"COLUMNS": "120"})


def test_a_composite_key_is_named_alone_and_each_of_its_details_beside_it(front: Front, council: Council) -> None:
    details = [word for name, text in GRACE.items() for word in ("--confirm", f"{name}={text}")]

    done = get(front, council, "--subject", "person", *details, *URGENT, "--json")

    assert done.exit_code == 0, done.output
    assert verify_answer(done.stdout_bytes, vkey=council.signer.vkey).disclosure_id
    assert b"Grace Okafor" in done.stdout_bytes


CSV = "ref,person.full_name,person.date_of_birth,person.postcode,claim.age\na,Grace Okafor,1985-02-14,LS1 4AB,41\n"
NDJSON = (
    '{"ref": "a", "person": {"full_name": "Grace Okafor", "date_of_birth": "1985-02-14", "postcode": "LS1 4AB"}, '
    '"claims": {"age": "41"}}\n'
)


@pytest.mark.parametrize(("name", "text"), [("p.csv", CSV), ("p.ndjson", NDJSON)])
def test_people_of_a_file_may_be_named_by_it(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    assert people_of(tmp_path / name) == [Subject("person", GRACE, ref="a", claims={"age": "41"})]


def test_one_of_a_file_is_answered(front: Front, council: Council, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(CSV.replace(",claim.age", "").replace(",41", ""), encoding="utf-8")

    done = get(front, council, "--many", str(tmp_path / "p.csv"), *URGENT, "--json")

    assert [one.ref for one in verify_answers(done.stdout_bytes, vkey=council.signer.vkey)] == ["a"]


def test_details_beside_a_composite_key_are_refused(front: Front, council: Council, tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").write_text('{"person": {"full_name": "A"}, "confirm": {"surname": "A"}}\n', encoding="utf-8")

    done = get(front, council, "--many", str(tmp_path / "p.ndjson"), *URGENT)

    assert (done.exit_code, "leave confirm out" in " ".join(done.stderr.replace("│", " ").split())) == (2, True)


@pytest.mark.parametrize(("subject", "details"), [("person", []), ("", ["a=b"]), ("person=", ["a=b"]), ("person", ["a"])])
def test_a_key_without_value_or_details_is_a_slip(subject: str, details: list[str]) -> None:
    with pytest.raises(Exception, match="wants name=value"):
        person_of(subject, details)


# -- what a partner is told


def asked(house: House, path: str) -> Any:
    return house.aire().call("GET", path).json()


def test_agreements_list_what_a_composite_key_takes(house: House) -> None:
    keys = asked(house, "/v1/agreements")["agreements"][0]["keys"]

    assert keys["person"] == {"all_of": ["full_name", "date_of_birth", "postcode"]}
    assert keys["account_ref"] == {"confirm": ["surname", "date_of_birth"], "at_least": 2}


BODY = {"case_reference": "A-1", "caseworker": {"id": "a", "name": "b", "role": "admissions-officer"}}


@pytest.mark.parametrize(
    ("subject", "fits"),
    [
        ({"person": GRACE}, True),
        ({"person": {**GRACE, "uprn": "1"}}, False),
        ({"person": {"full_name": "Grace Okafor"}}, False),
        ({"person": GRACE, "confirm": {}}, False),
        ({"person": "Grace Okafor"}, False),
        ({"person": GRACE, "account_ref": "1"}, False),
        ({"account_ref": GRACE}, False),
    ],
)
def test_the_partners_description_knows_the_form(house: House, subject: dict[str, Any], fits: bool) -> None:  # noqa: FBT001 -- one of a test's parameters
    description = asked(house, "/v1/openapi.json")
    schema = description["paths"]["/v1/disclosures"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": description["components"]})

    assert validator.is_valid({**BODY, "subject": subject}) is fits
    assert validator.is_valid({**BODY, "subjects": [{"ref": "a", **subject}]}) is fits


def test_the_partners_description_has_an_example_of_it(house: House) -> None:
    content = asked(house, "/v1/openapi.json")["paths"]["/v1/disclosures"]["post"]["requestBody"]["content"]
    examples = content["application/json"]["examples"]

    assert list(examples) == [AIRE.agreement, f"{AIRE.agreement} by person"]
    assert set(examples[f"{AIRE.agreement} by person"]["value"]["subject"]["person"]) == set(GRACE)


def test_an_attack_names_somebody_made_up_by_a_key_with_a_value_where_there_is_one() -> None:
    composite = {"person": {"all_of": ["full_name", "date_of_birth", "postcode"]}}
    plain = {"account_ref": {"confirm": ["surname"], "at_least": 1}}

    alone = made_up.person({"keys": composite}, {})
    both = made_up.person({"keys": {**composite, **plain}}, {})

    assert alone == {"person": {"full_name": "Nobody", "date_of_birth": "1801-01-01", "postcode": "GIR 0AA"}}
    assert list(both) == ["account_ref", "confirm"]
