"""Does the gateway answer as its own description says, whatever it is sent? Made-up calls with real tokens and proofs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from house import CASEWORKER, GRACE, HARBOUR, ISSUER, Caller, House, copy_template, open_house, republish
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from joserfc import jwk
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.store.registrations import new_token, token_hash

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
EVERYTHING = list(HealthCheck)
TOKEN = "/oauth2/token"


@dataclass
class Crawl:
    """One gateway with its description, and what became of the calls."""

    house: House
    operations: list[Any]
    partner: Caller
    office: Caller
    authenticated: Counter[bool] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def credentials(self, method: str, path: str) -> dict[str, str]:
        """Return what lets a call in: a token with its proof, an invitation, or a registration's own token."""
        if not path.startswith("/oauth2/register"):
            caller = self.office if path.startswith("/control/") else self.partner
            return caller.headers(method, path)
        token, changes = new_token(), self.house.changes().registrations
        self.house.append(changes.invite(HARBOUR.partner_id, token_hash(token), days=1, by="test"))
        return {"Authorization": f"Bearer {token}"}

    def send(self, case: Any) -> Any:
        """Send a made-up call, with the credentials of a client that may make it."""
        made = requests.Request(**case.as_transport_kwargs(base_url=ISSUER)).prepare()
        path = urlsplit(str(made.url)).path
        is_secured = bool(case.operation.definition.raw.get("security"))
        headers = {name: value for name, value in made.headers.items() if name.lower() not in ("authorization", "dpop")}
        if is_secured:
            headers |= self.credentials(str(made.method), path)
        elif path == TOKEN:
            headers["DPoP"] = self.partner.proof("POST", TOKEN)
        content = made.body.encode() if isinstance(made.body, str) else made.body
        answer = self.house.http.request(str(made.method), str(made.url), headers=headers, content=content)
        if is_secured and not path.startswith("/oauth2/register/"):  # a made-up client has no token there
            self.authenticated[answer.status_code != 401] += 1
        self.statuses[case.operation.label, answer.status_code] += 1
        return answer


@pytest.fixture(scope="module")
def crawl(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawl]:
    with open_house(copy_template(template, tmp_path_factory.mktemp("schema") / "council")) as house:
        republish(house, HARBOUR.agreement, (LIMITS, "limits: {batch: 5}"))
        schema = schemathesis.openapi.from_dict(house.http.get("/openapi.json").json())
        operations = [one.ok() for one in schema.get_all_operations()]
        partner = house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=["read", "verify", "match"])
        yield Crawl(house, operations, partner, house.dpo())


def made_real(body: dict[str, Any], crawl: Crawl) -> dict[str, Any]:
    """Put a real person, a real case or a real assertion into a made-up body, so that it comes further."""
    real = dict(body)
    if "subject" in real:
        real["subject"] = GRACE
    if "subjects" in real:
        real["subjects"] = [
            {"ref": "a", **GRACE},
            {"ref": "b", "account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}},
        ]
        real.pop("claims", None)
    if "subject" in real or "subjects" in real:
        real |= {"case_reference": "HH-1", "caseworker": CASEWORKER, "agreement": None}
        real["fields"] = ["full_name", "age", "arrears"] if real.get("action", "read") == "read" else None
        if real.get("action") == "verify" and "subject" in real:
            real["claims"] = {"age": 41}
    if "person" in real:
        real |= {"person": "P0000042", "dataset": "council-tax", "fields": [], "until": None}
        if "purpose" in real:
            real |= {"purpose": "tenancy-sustainment", "recipients": [HARBOUR.partner_id], "state": "given"}
    if "jwks" in real or "client_name" in real:
        public = jwk.generate_key("EC", "P-256", private=True).as_dict(private=False)
        real = {"client_name": "Made up", "jwks": {"keys": [public]}}
    if "client_assertion" in real:
        real |= crawl.partner.form()
    return real


def test_every_call_is_answered_as_described(crawl: Crawl) -> None:
    """No 5xx, no status, type, header or body that the description does not name."""
    assert len(crawl.operations) >= 15
    for number, operation in enumerate(crawl.operations):
        for mode in GenerationMode:
            explore(crawl, operation, mode, number)

    assert sum(crawl.authenticated.values()) >= 300
    share = crawl.authenticated[True] / sum(crawl.authenticated.values())
    assert share >= 0.7, f"only {share:.0%} of the calls passed authentication"
    answered = {label for label, status in crawl.statuses if status < 300}
    assert {"POST /v1/disclosures", "POST /v1/explain", "GET /v1/agreements", "POST /control/v1/consents"} <= answered


def explore(crawl: Crawl, operation: Any, mode: GenerationMode, number: int) -> None:
    strategy = operation.as_strategy(generation_mode=mode)
    has_input = bool(operation.body) or bool(list(operation.iter_parameters()))
    if mode is GenerationMode.NEGATIVE and not has_input:
        return  # nothing about it can be wrong

    @seed(number)
    @settings(
        max_examples=16 if has_input else 2,
        deadline=None,
        database=None,
        suppress_health_check=EVERYTHING,
        phases=[Phase.generate],
    )
    @given(case=strategy, is_real=st.booleans())
    def run(case: Any, is_real: bool) -> None:  # noqa: FBT001 -- hypothesis passes it
        if is_real and isinstance(case.body, dict):
            case.body = made_real(case.body, crawl)
        case.validate_response(crawl.send(case), checks=CHECKS)

    with contextlib.suppress(Unsatisfiable):  # a string in a path can't be wrong
        run()
