"""What does each boundary refuse, and does it say what is wrong, where, and what to do?"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from house import CASEWORKER, GRACE, House, open_house, republish, withheld

from audit.writing.item import NeedsTooMuchError
from gateway.store.changes import ChangeRefusedError
from gateway.web import bodies
from schemas.instants import instant_after

BODY = {"subject": GRACE, "fields": ["age"], "case_reference": "HH-1", "caseworker": CASEWORKER}


def changed(**members: Any) -> bytes:
    return json.dumps({**BODY, **members}).encode()


DEEP = b'{"subject":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
MALFORMED = {
    "not JSON": (b"{", 400, "request_malformed", ""),
    "not UTF-8": (b'{"subject": "\xff"}', 400, "request_malformed", ""),
    "empty": (b"", 400, "request_malformed", ""),
    "an array": (b"[]", 400, "request_malformed", ""),
    "nested deeply": (DEEP, 413, "request_too_large", "16 levels"),
    "over 64 KiB": (changed(statement="x" * 70_000), 413, "request_too_large", ""),
    "an unknown member": (changed(reason="because"), 400, "request_malformed", "reason"),
    "no subject": (b'{"fields": ["age"]}', 400, "request_malformed", "subject"),
    "a subject of two keys": (changed(subject={**GRACE, "uprn": "1"}), 400, "request_malformed", "subject"),
    "an unknown key": (changed(subject={"nino": "AB123456C", "confirm": {}}), 400, "request_malformed", "account_ref"),
    "too few details": (changed(subject={"account_ref": "1000042", "confirm": {}}), 400, "request_malformed", "at least 2"),
    "an unknown detail": (
        changed(subject={"account_ref": "1000042", "confirm": {"shoe_size": "9"}}),
        400,
        "request_malformed",
        "confirm",
    ),
    "a key of the wrong type": (changed(subject={"account_ref": 1000042}), 400, "request_malformed", "strings"),
    "a member twice": (
        changed().replace(b'"case_reference"', b'"case_reference": "a", "case_reference"'),
        400,
        "request_malformed",
        "twice",
    ),
    "a member twice, spelt differently": (
        changed().replace(b'"case_reference"', b'"case\\u005freference": "a", "case_reference"'),
        400,
        "request_malformed",
        "twice",
    ),
    "fields of the wrong type": (changed(fields="age"), 400, "request_malformed", "fields"),
    "no fields": (changed(fields=[]), 400, "request_malformed", "fields"),
    "a field twice": (changed(fields=["age", "age"]), 400, "request_malformed", "fields"),
    "a field that is not there": (changed(fields=["shoe_size"]), 400, "request_malformed", "fields"),
    "too many fields": (changed(fields=[f"f{n}" for n in range(201)]), 400, "request_malformed", "fields"),
    "a control character": (changed(case_reference="a\u0000b"), 400, "request_malformed", "case_reference"),
    "text turned around": (changed(case_reference="a\u202eb"), 400, "request_malformed", "case_reference"),
    "half a character pair": (
        changed().replace(b'"HH-1"', b'"\\ud800"'),
        400,
        "request_malformed",
        "",
    ),
    "an empty case reference": (changed(case_reference="  "), 400, "request_malformed", "case_reference"),
    "a caseworker without a role": (changed(caseworker={"id": "a", "name": "b"}), 400, "request_malformed", "role"),
    "an unknown kind of emergency": (changed(emergency={"kind": "fire", "reason": "x"}), 400, "request_malformed", "kind"),
    "an emergency without a reason": (changed(emergency={"kind": "risk_to_life"}), 400, "request_malformed", "reason"),
    "a number past all bounds": (b'{"subject": 1' + b"0" * 4_000 + b"}", 400, "request_malformed", ""),
    "not a number": (b'{"subject": NaN}', 400, "request_malformed", ""),
    "another agreement than the token's": (changed(agreement="northmoor-calder-discharge"), 403, "nothing_permitted", ""),
}


@pytest.mark.parametrize("case", MALFORMED, ids=str)
def test_a_body_that_can_not_be_read_is_refused_in_words(house: House, case: str) -> None:
    body, status, code, told = MALFORMED[case]
    harbour = house.harbour()
    disclosed = len(house.entries("disclosure"))

    answer = harbour.call("POST", "/v1/disclosures", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]
    assert answer.json()["remedy"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.json()["urgent_contact"] == "+44 113 496 0000"
    assert len(house.entries("disclosure")) == disclosed
    for secret in (b"Okafor", b"1985-02-14", b"1000042", b"AB123456C"):
        assert secret not in answer.content


def test_a_body_of_another_type_is_refused(house: House) -> None:
    harbour = house.harbour()
    headers = {**harbour.headers("POST", "/v1/disclosures"), "Content-Type": "text/plain"}

    answer = house.http.post("/v1/disclosures", content=changed(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


def test_authentication_comes_before_the_body_is_read(house: House) -> None:
    """A stranger's body is not looked at, however large or broken it is."""
    answer = house.http.post("/v1/disclosures", content=b"[" * 1_000_000, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")


STRANGERS = [
    ("POST", "/v1/disclosures"),
    ("POST", "/v1/explain"),
    ("GET", "/v1/agreements"),
    ("GET", "/v1/disclosures/x/receipt"),
]


@pytest.mark.parametrize(("method", "path"), STRANGERS)
def test_a_stranger_gets_401_and_is_told_where_to_get_a_token(house: House, method: str, path: str) -> None:
    answer = house.http.request(method, path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('DPoP error="invalid_token"')
    assert "/.well-known/oauth-protected-resource" in answer.headers["www-authenticate"]


def test_every_call_of_the_description_that_wants_a_token_refuses_a_stranger(house: House) -> None:
    paths = house.http.get("/openapi.json").json()["paths"]
    guarded = [
        (method.upper(), path)
        for path, item in paths.items()
        for method, operation in item.items()
        if operation.get("security")
    ]

    assert len(guarded) >= 13
    for method, path in guarded:
        answer = house.http.request(method, path.replace("{", "").replace("}", ""), json={})
        told = answer.json().get("code", answer.json().get("error"))  # registration says it in OAuth's own form
        assert (answer.status_code, told) == (401, "invalid_token" if path.startswith("/oauth2/") else "token_refused")


def test_a_partners_token_is_refused_at_the_control_side(house: House) -> None:
    harbour = house.harbour()

    answer = harbour.call("POST", "/control/v1/consents", {})

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")


def test_an_offices_token_is_refused_at_the_partners_side(house: House) -> None:
    answer = house.dpo().call("POST", "/v1/disclosures", BODY)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")


def test_a_token_of_two_agreements_must_name_one(house: House) -> None:
    version, text, _ = house.wiring.services.reader.find_text("agreement", "northmoor-harbour-tenancies")
    second = text.replace("agreement: northmoor-harbour-tenancies", "agreement: northmoor-harbour-second")
    house.append(house.changes().texts.publish_agreement(second, by="test"))
    harbour = house.caller("harbour-case-system").get_token("northmoor-harbour-tenancies", "northmoor-harbour-second")

    unclear = harbour.ask(fields=["age"])
    clear = harbour.ask(fields=["age"], agreement="northmoor-harbour-second")

    assert version
    assert (unclear.status_code, unclear.json()["code"]) == (400, "agreement_unclear")
    assert clear.json()["disclosure"]["agreement"]["id"] == "northmoor-harbour-second"


def test_the_token_only_narrows(house: House) -> None:
    narrow = house.caller("harbour-case-system").get_token("northmoor-harbour-tenancies", fields=["age"])

    answer = narrow.ask(fields=["age", "full_name"])

    assert withheld(answer) == {"full_name": "outside_the_token"}


def test_a_token_for_one_person_is_for_nobody_else(house: House) -> None:
    """`subject` in authorization_details stands in the token as a keyed reference, never as an identifier."""
    subject = {"account_ref": "1000042"}
    caller = house.caller("harbour-case-system").get_token("northmoor-harbour-tenancies", subject=subject)

    own = caller.ask(fields=["age"])
    other = caller.ask(
        {"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}, fields=["age"]
    )

    assert own.status_code == 200
    assert (other.status_code, withheld(other)) == (403, {"age": "outside_the_token"})
    payload = caller.token.split(".")[1]
    assert b"1000042" not in base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def test_an_agreement_ends_at_the_very_instant(house: House) -> None:
    """`ends_on` holds to the last instant of that London day, and not a microsecond longer."""
    agreement = house.wiring.services.reader.find_agreement("northmoor-harbour-tenancies", house.clock.today)
    _, end = agreement.compiled.edges[0], max(agreement.compiled.edges)
    house.clock.at = end - timedelta(microseconds=1)
    assert house.harbour().ask(fields=["age"]).status_code == 200

    house.clock.at = end
    answer = house.harbour().ask(fields=["age"])

    assert (answer.status_code, withheld(answer)) == (403, {"age": "agreement_not_in_force"})


def test_an_agreement_that_ends_while_its_answer_waits_for_the_log_discloses_nothing(house: House) -> None:
    """The transaction is the judge of time: an item whose `holds_until` has come is decided again there."""
    today = house.clock.today
    end = instant_after(today)
    house.clock.at = end - timedelta(minutes=2)
    harbour = house.harbour()
    # Its end is put forward once the token is there, which else would end with it.
    agreement = house.wiring.services.reader.find_agreement("northmoor-harbour-tenancies", today).agreement
    days = [(f"{name}: {getattr(agreement, name)}", f"{name}: {today}") for name in ("review_on", "ends_on")]
    republish(house, agreement.id, *days)
    house.clock.at = end - timedelta(seconds=1)
    log = house.wiring.services.log
    settle = log.settle

    async def late(within):
        house.clock.at = end
        return await settle(within)

    log.settle = late

    answer = harbour.ask(fields=["age"])

    assert (answer.status_code, withheld(answer)) == (403, {"age": "agreement_not_in_force"})
    assert house.verify(answer).outcome == "none"


def test_a_token_that_ends_while_its_answer_waits_for_the_log_discloses_nothing(house: House) -> None:
    """A token ends with its agreement, to the second."""
    agreement = house.wiring.services.reader.find_agreement("northmoor-harbour-tenancies", house.clock.today)
    end = max(agreement.compiled.edges)
    house.clock.at = end - timedelta(seconds=1)
    harbour = house.harbour()
    size = len(house.entries())

    async def at_the_end(_append: Any) -> None:
        house.clock.at = end

    answer = late(house, harbour, at_the_end)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert len(house.entries()) == size


def late(house: House, harbour: Any, meanwhile: Any) -> Any:
    """Ask, and let something happen between the answer's making and its recording."""
    log = house.wiring.services.log
    append, settle = log.append, log.settle

    async def slow(within: Any) -> Any:
        log.settle = settle
        await meanwhile(append)
        return await settle(within)

    log.settle = slow
    return harbour.ask(fields=["full_name", "age"])


def test_a_token_that_expires_under_way_discloses_nothing(house: House) -> None:
    """`holds_until` holds the token's end too."""
    harbour = house.harbour()
    before = len(house.entries())
    house.clock.move(seconds=280)  # the proof of the call will be new

    async def wait(_append: Any) -> None:
        house.clock.move(seconds=30)

    answer = late(house, harbour, wait)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert len(house.entries()) == before


def test_a_proof_whose_time_is_over_is_used_up(house: House) -> None:
    """That it was used may be forgotten by then, so it counts as used."""
    harbour = house.harbour()

    async def wait(_append: Any) -> None:
        house.clock.move(seconds=120)

    assert late(house, harbour, wait).json()["code"] == "proof_replayed"


def test_a_mapping_published_under_way_is_asked_anew(house: House) -> None:
    """No later entry discloses what the old mapping read, nor names one that did not read it."""
    harbour = house.harbour()
    _, text, _ = house.wiring.services.reader.find_text("mapping", "council-tax@2")
    moved = text.replace("version: 1", "version: 2").replace(
        "liable: trim(a.lead_liab_forename) || ' ' || trim(a.lead_liab_surname)", "liable: trim(a.lead_liab_surname)"
    )
    assert moved.count("version: 2") == 1

    async def publish(append: Any) -> None:
        await append(house.changes().texts.publish_mapping(moved, by="test"))

    answer = late(house, harbour, publish)

    assert answer.json()["disclosure"]["record"]["fields"]["full_name"]["value"] == "Okafor"
    assert [entry["kind"] for entry in house.entries()][-2:] == ["source.changed", "disclosure"]


def test_an_agreement_published_under_way_is_searched_for(house: House) -> None:
    """A refusal for which nobody was looked for does not become an answer about nobody."""
    harbour = house.harbour()
    house.append(house.changes().texts.end_agreement("northmoor-harbour-tenancies", reason="over", by="test"))
    _, text, _ = house.wiring.services.reader.find_text("agreement", "northmoor-harbour-tenancies")

    async def publish(append: Any) -> None:
        await append(
            house.changes().texts.publish_agreement(text.replace("version: 4", "version: 5\nresumes: back"), by="test")
        )

    answer = late(house, harbour, publish)

    assert (answer.status_code, answer.json()["disclosure"]["identity"]) == (200, "confirmed")


def test_a_body_that_arrives_in_drops_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SLOWEST", 0.05)
    harbour = house.harbour()
    headers = {**harbour.headers("POST", "/v1/disclosures"), "Content-Type": "application/json"}
    sent = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.2)
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/disclosures", "raw_path": b"/v1/disclosures",
        "query_string": b"", "scheme": "http", "server": ("127.0.0.1", 8080), "client": ("127.0.0.1", 1), "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    house.http.portal.call(house.http.app, scope, receive, send)

    assert sent[0]["status"] == 408


def test_a_clock_that_is_ten_seconds_fast_is_borne(house: House) -> None:
    harbour = house.harbour()
    house.clock.move(seconds=-9)
    assert harbour.call("GET", "/v1/agreements").status_code == 200

    house.clock.move(seconds=-51)
    body, headers = None, harbour.headers("GET", "/v1/agreements")
    house.clock.move(seconds=-60)
    refused = house.http.get("/v1/agreements", headers=headers)

    assert body is None
    assert refused.status_code == 401


def test_the_callers_names_of_a_request_are_echoed(house: House) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    answer = house.harbour().call("GET", "/v1/agreements", X_Request_ID="abc-1", traceparent=trace)

    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("abc-1", trace)


def test_a_hostile_name_of_a_request_is_replaced(house: House) -> None:
    answer = house.harbour().call("GET", "/v1/agreements", X_Request_ID="a b<script>", traceparent="00-0")

    assert answer.headers["x-request-id"].isalnum()
    assert "traceparent" not in answer.headers


def test_server_timing_tells_the_total_only(council_directory) -> None:
    with open_house(council_directory, steps_in_server_timing=False) as house:
        answer = house.harbour().ask(fields=["age"])

    assert answer.headers["server-timing"].startswith("total;dur=")
    assert "," not in answer.headers["server-timing"]


def test_addresses_come_from_the_setting_and_never_from_host(house: House) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}

    metadata = house.http.get("/.well-known/oauth-authorization-server", headers=headers)
    problem = house.http.get("/v1/agreements", headers=headers)

    assert "evil" not in metadata.text
    assert "evil" not in problem.text
    assert metadata.json()["issuer"] == "http://127.0.0.1:8080"


def test_a_consent_of_unknown_words_is_refused(house: House) -> None:
    answer = house.dpo().call("POST", "/control/v1/consents", {"state": "perhaps", "extra": 1})

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert "state" in answer.json()["detail"]


def test_two_publications_at_once_make_one(house: House) -> None:
    """Two writers, one version: exactly one is published."""
    version, text, _ = house.wiring.services.reader.find_text("agreement", "northmoor-harbour-tenancies")
    next_one = text.replace(f"version: {version}", f"version: {version + 1}")
    texts = [next_one + f"# by writer {number}\n" for number in range(4)]
    outcomes: list[str] = []
    before = len(house.entries("agreement.published"))

    def publish(one: str) -> None:
        try:
            house.append(house.changes().texts.publish_agreement(one, by="test"))
            outcomes.append("published")
        except ChangeRefusedError:
            outcomes.append("refused")

    threads = [threading.Thread(target=publish, args=(one,)) for one in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(outcomes) == ["published", "refused", "refused", "refused"]
    assert len(house.entries("agreement.published")) == before + 1


def test_two_publications_of_one_version_make_one(house: House) -> None:
    """The second is told which version to give it; the first stands."""
    version, text, _ = house.wiring.services.reader.find_text("agreement", "northmoor-harbour-tenancies")
    republish(house, "northmoor-harbour-tenancies")

    again = text.replace(f"version: {version}", f"version: {version + 1}")

    with pytest.raises(ChangeRefusedError, match=f"give this one version {version + 2}"):
        house.append(house.changes().texts.publish_agreement(again, by="test"))


def test_a_round_that_needs_too_much_leaves_the_proof_unused_for_the_next(house: House) -> None:
    """Nothing of it was kept, so the next round uses the proof; sent again it is a replay."""
    harbour, log = house.harbour(), house.wiring.services.log
    settle, rounds = log.settle, []

    async def first_too_much(judging: Any) -> Any:
        rounds.append(judging.round.is_first)
        if len(rounds) == 1:
            raise NeedsTooMuchError
        return await settle(judging)

    log.settle = first_too_much
    headers = {**harbour.headers("POST", "/v1/disclosures"), "Content-Type": "application/json"}
    body = json.dumps({**BODY, "caseworker": CASEWORKER})
    first = house.http.post("/v1/disclosures", content=body, headers=headers)
    again = house.http.post("/v1/disclosures", content=body, headers=headers)

    assert rounds[:2] == [True, True]
    assert (first.status_code, again.status_code, again.json()["code"]) == (200, 401, "proof_replayed")
