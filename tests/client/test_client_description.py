"""A partner's own OpenAPI: what it may have and nothing else, and every real answer fits it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from house import CASEWORKER, GRACE, ISSUER, House, free_port, open_house, republish
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway.api.value_schemas import value_schema
from gateway.client import Action
from gateway.demo.asking import CHILD_BODY, CONSENT, TENANCY_BODY
from gateway.demo.cast import CAST
from gateway.demo.making import MORE_PARTNERS, PARTNERS, DemoPartner, text_of
from gateway.demo.upstream import housing_system
from gateway.oauth.made_jwts import make_context
from schemas.dataset import Field
from schemas.forms import CHAINS, FieldType
from schemas.terms import Action as GatewaysAction
from schemas.terms import Classification

CLIENTS = [*PARTNERS, *MORE_PARTNERS]
HARBOUR = PARTNERS[0]
ASK = ("/v1/disclosures", "post")


def description_for(
    house: House, partner: DemoPartner, *, actions: tuple[str, ...] = ("read",)
) -> tuple[Any, dict[str, Any]]:
    caller = house.caller(partner.client_id).get_token(partner.agreement, actions=list(actions))
    answer = caller.call("GET", "/v1/openapi.json")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    return caller, answer.json()


def validator(description: dict[str, Any], schema: Any) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": description["components"]}, validate_formats=True)


def request_schema(description: dict[str, Any]) -> Any:
    content = description["paths"][ASK[0]][ASK[1]]["requestBody"]["content"]["application/json"]
    return validator(description, content["schema"])


def answer_schema(description: dict[str, Any], status: int) -> Any:
    named = {200: "Answer", 403: "Refusal"}[status]
    (content,) = [
        one
        for kind, one in description["components"]["responses"][named]["content"].items()
        if kind != "application/x-ndjson"
    ]
    return validator(description, content["schema"])


@pytest.mark.parametrize("partner", CLIENTS, ids=lambda one: one.client_id)
def test_each_partners_description_is_openapi_3_1(house: House, partner: DemoPartner) -> None:
    _, description = description_for(house, partner)

    OPENAPI_31_VALIDATOR.validate(description)
    for content in description["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator({**content, "components": description["components"]})


@pytest.mark.parametrize("partner", CLIENTS, ids=lambda one: one.client_id)
def test_a_description_names_the_partners_own_alone(house: House, partner: DemoPartner) -> None:
    """Agreements as an enum, and no word of another partner's, nor of the council's own calls."""
    _, description = description_for(house, partner)
    mine = {one.agreement for one in CLIENTS if one.partner_id == partner.partner_id}
    text = json.dumps(description)

    assert set(description["components"].get("schemas", {})) >= {f"Answer.{one}" for one in mine}
    assert {one["id"] for one in description["x-stile-agreements"]} == mine
    assert [one.agreement for one in CLIENTS if one.agreement not in mine and one.agreement in text] == []
    assert "/control/" not in text


def test_each_agreement_is_stamped_with_its_digest(house: House) -> None:
    caller, description = description_for(house, HARBOUR)
    (listed,) = caller.call("GET", "/v1/agreements").json()["agreements"]
    (stamped,) = description["x-stile-agreements"]

    assert {name: stamped[name] for name in ("id", "version", "digest", "limits")} == {
        name: listed[name] for name in ("id", "version", "digest", "limits")
    }


def subjects_of(dataset: str) -> list[dict[str, Any]]:
    """Return whom a dataset's partners can ask about: everybody of the cast, or the story's own."""
    if dataset != "council-tax":
        return [one["subject"] for one in (TENANCY_BODY, CHILD_BODY) if DATASET_OF[one["agreement"]] == dataset]
    found = []
    for one in CAST:
        day, month, year = one.lead.born.split("/")
        confirm = {"surname": one.lead.surname, "date_of_birth": f"{year}-{month}-{day}"}
        found.append({"account_ref": one.account_ref, "confirm": confirm})
    return found


def answers_of(house: House, partner: DemoPartner) -> list[Any]:
    """Ask for all that there is: as every day, in an emergency, and with too little said."""
    live = house.wiring.services.reader.find_agreement(partner.agreement, house.clock.today)
    worker = {**CASEWORKER, "role": (live.agreement.roles or ("any",))[0]}
    said = {"case_reference": "HH-1", "caseworker": worker, "statement": "our task", "assessment": "RA-1"}
    caller = house.caller(partner.client_id).get_token(partner.agreement)
    people = subjects_of(live.dataset.id)
    bodies = [{"subject": one, **said} for one in people]
    bodies += [{"subject": one, **said, "emergency": EMERGENCY} for one in people[:3]]  # a minute has its limit
    bodies.append({"subject": people[0]})
    context = make_context(
        caller.key,
        client_id=caller.client_id,
        issuer=ISSUER,
        practitioner={name: worker[name] for name in ("id", "name", "role")},
        organisation="ODS-1",
        reason="a test",
        now=house.clock().timestamp(),
    )
    vouched = {"Stile-Context": context} if "vouched_caseworker" in live.agreement.requires else {}
    return [caller.call("POST", "/v1/disclosures", body, **vouched) for body in bodies]


EMERGENCY = {"kind": "risk_to_life", "reason": "a threat"}
DATASET_OF = {TENANCY_BODY["agreement"]: "housing-tenancies", CHILD_BODY["agreement"]: "children-looked-after"}
CONSENTED = ["arrears", "recovery_stage", "last_payment_on", "date_of_birth"]


@pytest.fixture
def whole_house(council_directory: Path) -> Iterator[House]:
    """A gateway with the demo's housing system beside it, on a port that no other test has."""
    port = free_port()
    with open_house(council_directory, source_hosts=[f"127.0.0.1:{port}"]) as house:
        mapping = text_of("source-housing-tenancies", house.clock.today, port).replace("version: 1", "version: 2", 1)
        house.append(house.changes().texts.publish_mapping(mapping, by="test"))
        with housing_system(council_directory, port):
            yield house


@pytest.mark.parametrize("partner", CLIENTS, ids=lambda one: one.client_id)
def test_every_real_answer_fits(whole_house: House, partner: DemoPartner) -> None:
    """Of every agreement of the demo, over a database, HTTP and files; with a consent where one was given."""
    house = whole_house
    _, description = description_for(house, partner)
    given = house.dpo().call("POST", "/control/v1/consents", {**CONSENT, "fields": CONSENTED})
    assert given.status_code in (200, 201), given.text
    released, statuses = 0, set()

    for answer in answers_of(house, partner):
        statuses.add(answer.status_code)
        answer_schema(description, answer.status_code).validate(answer.json())
        released += len(answer.json()["disclosure"]["record"]["fields"])
    assert statuses == {200, 403}
    assert released > 0


def test_answers_to_verify_fit(house: House) -> None:
    caller, description = description_for(house, HARBOUR, actions=("verify",))
    claims = {"postcode": "LS1 4AB", "age": 41, "full_name": "Grace Price"}

    answer = caller.ask(action="verify", claims=claims)

    answer_schema(description, 200).validate(answer.json())
    request_schema(description).validate(
        {"action": "verify", "subject": GRACE, "claims": claims, "case_reference": "x", "caseworker": CASEWORKER}
    )


def test_an_answer_about_many_fits(house: House) -> None:
    caller, description = description_for(house, HARBOUR)
    people = [
        {"ref": "a", **GRACE},
        {"ref": "b", "account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}},
    ]

    answer = caller.call("POST", "/v1/disclosures", {"subjects": people, "case_reference": "x", "caseworker": CASEWORKER})
    refused = caller.call("POST", "/v1/disclosures", {"subjects": people, "caseworker": CASEWORKER})

    assert (answer.status_code, refused.status_code) == (200, 403)
    answer_schema(description, 200).validate(answer.json())
    answer_schema(description, 403).validate(refused.json())


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        ("age", {"from": 20, "below": 30}, "band"),
        ("age", 41, "years"),
        ("postcode", "LS1 4AB", "sector"),
        ("arrears", "642.18", "full"),
        ("account_ref", "1000042", "pseudonym"),
        ("nino", "QQ123456C", "full"),
    ],
)
def test_a_value_that_is_not_agreed_does_not_fit(house: House, field: str, value: Any, form: str) -> None:
    """In another form, in a form that is not its own, or of a field that no line releases."""
    caller, description = description_for(house, HARBOUR)
    answer = caller.ask().json()
    schema = answer_schema(description, 200)
    assert schema.is_valid(answer)

    answer["disclosure"]["record"]["fields"][field] = {"value": value, "form": form}

    assert not schema.is_valid(answer)


BODY = {"subject": GRACE, "fields": ["age"], "case_reference": "HH-1", "caseworker": CASEWORKER}
WRONG: list[dict[str, Any]] = [
    {"caseworker": None},
    {"case_reference": None},
    {"fields": ["nino"]},
    {"caseworker": {**CASEWORKER, "role": "chief"}},
    {"subject": {"account_ref": "1000042"}},
    {"subject": {"account_ref": "1000042", "confirm": {"date_of_birth": "14/02/1985"}}},
    {"subject": {"shoe_size": "9", "confirm": {"surname": "Okafor"}}},
    {"agreement": "northmoor-calder-discharge"},
    {"subject": None},
    {"sql": "1"},
]


@pytest.mark.parametrize("change", WRONG, ids=range(len(WRONG)))
def test_a_request_that_would_be_refused_does_not_fit(house: House, change: dict[str, Any]) -> None:
    _, description = description_for(house, HARBOUR)
    schema = request_schema(description)

    assert schema.is_valid(BODY)
    assert not schema.is_valid({name: one for name, one in {**BODY, **change}.items() if one is not None})


def test_an_emergency_waives_the_case_reference_in_the_schema_too(house: House) -> None:
    _, description = description_for(house, HARBOUR)
    body = {"subject": GRACE, "caseworker": CASEWORKER, "emergency": EMERGENCY}

    assert request_schema(description).is_valid(body)
    assert house.harbour().call("POST", "/v1/disclosures", body).status_code == 200


def test_the_batch_bounds_the_people(house: House) -> None:
    republish(house, HARBOUR.agreement, ("batch: 200", "batch: 2"))
    _, description = description_for(house, HARBOUR)
    people = [
        {"ref": str(n), "account_ref": str(n), "confirm": {"surname": "x", "date_of_birth": "1970-01-01"}} for n in range(3)
    ]

    schema = request_schema(description)
    body = {name: one for name, one in BODY.items() if name != "subject"}

    assert schema.is_valid({**body, "subjects": people[:2]})
    assert not schema.is_valid({**body, "subjects": people})
    assert description["x-stile-agreements"][0]["version"] == 5


@pytest.mark.parametrize("partner", CLIENTS, ids=lambda one: one.client_id)
def test_the_examples_fit(house: House, partner: DemoPartner) -> None:
    _, description = description_for(house, partner)
    content = description["paths"][ASK[0]][ASK[1]]["requestBody"]["content"]["application/json"]

    assert content["examples"]
    for example in content["examples"].values():
        request_schema(description).validate(example["value"])


def test_a_stranger_gets_no_description(house: House) -> None:
    for path in ("/v1/openapi.json", "/v1/collection.json"):
        assert house.http.get(path).status_code == 401


def test_the_collection_holds_every_call_of_the_description(house: House) -> None:
    caller, description = description_for(house, HARBOUR)

    collection = caller.call("GET", "/v1/collection.json").json()

    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    called = {(one["request"]["method"], "/" + "/".join(one["request"]["url"]["path"])) for one in collection["item"]}
    assert called == {
        (method.upper(), path.replace("{disclosure_id}", ":disclosure_id"))
        for path, item in description["paths"].items()
        for method in item
    }
    asks = [one for one in collection["item"] if one["request"]["url"]["path"] == ["v1", "disclosures"]]
    assert len(asks) == 2, "by a key, and by a composite one"
    for ask in asks:
        assert request_schema(description).is_valid(json.loads(ask["request"]["body"]["raw"]))
        assert {one["key"] for one in ask["request"]["header"]} == {"Authorization", "DPoP", "Content-Type"}


def test_every_form_of_every_type_has_a_schema() -> None:
    seen = 0
    for kind, chain in CHAINS.items():
        field = Field("f", kind, "F", Classification.PERSONAL, chain, bands=(1, 2), code_groups={"a": "b"})
        for form in chain:
            jsonschema_rs.Draft202012Validator(value_schema(field, form))
            seen += 1
    assert seen > 30
    assert {FieldType.GROUP} < set(CHAINS)


def test_the_actions_of_the_client_are_those_of_the_gateway() -> None:
    assert [one.value for one in Action] == [one.value for one in GatewaysAction]
