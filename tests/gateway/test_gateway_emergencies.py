"""Does an emergency open no more than it must, and does a second person look at each? And what does an incident allow?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from house import CASEWORKER, House, confirming, republish
from httpx2 import Response
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.limits.counting import MANY_IN_EMERGENCY
from gateway.store.emergencies import Outcome, due_on
from gateway.store.entries import ChangeRefusedError
from gateway.store.sign_ins import Beginning, SignIns
from policies.deciding.naming import least
from schemas.agreement import Identify
from schemas.terms import EmergencyKind

HARBOUR = "northmoor-harbour-tenancies"
EMERGENCY = {"kind": "risk_to_life", "reason": "Gas leak reported by telephone"}
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
LINE = "when: [emergency], under: emergency"
PEOPLE = [("1000042", "Okafor"), ("1000043", "Price"), ("1000051", "Hargreaves"), ("1000061", "Rahman")]


def subject(number: int) -> dict[str, Any]:
    ref, surname = PEOPLE[number]
    return {"account_ref": ref, "confirm": confirming(ref, surname)}


def urgent(house: House, number: int = 0, **more: Any) -> Response:
    return house.harbour().ask(subject(number), fields=["address"], emergency={**EMERGENCY, **more})


def ask_many(house: House, count: int, emergency: dict[str, str] | None = EMERGENCY) -> Response:
    people = [{"ref": str(number), **subject(number)} for number in range(count)]
    body = {"subjects": people, "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["address"]}
    return house.harbour().call("POST", "/v1/disclosures", {**body, **({"emergency": emergency} if emergency else {})})


def outcomes(answer: Response) -> dict[str, int]:
    return dict(answer.json()["end"]["outcomes"])


def declare(house: House, **more: Any) -> str:
    given: dict[str, Any] = {
        "partners": {"harbour-housing"},
        "kinds": {EmergencyKind.RISK_TO_LIFE},
        "most_people": 10,
        "hours": 12,
        "by": "operator:kit (uid 1001)",
        "incident_id": "i_0123456789ab",
        **more,
    }
    house.append(house.changes().emergencies.declare("Flood at Mill Lane", **given))
    return str(given["incident_id"])


def stile(house: House, *words: str) -> Any:
    whole = [*words, "--dir", str(house.directory)]
    return CliRunner().invoke(make_app(whole), whole)


def listed(house: House, *more: str) -> list[dict[str, Any]]:
    done = stile(house, "emergency", "list", "--json", *more)
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output)["emergencies"])


def metric(house: House, name: str, **labels: str) -> float:
    return house.wiring.telemetry.registry.get_sample_value(name, labels) or 0.0


# -- how much an emergency opens


def test_a_call_about_many_takes_a_declared_incident(house: House) -> None:
    before = len(house.entries())

    answer = ask_many(house, 2)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert "one person a call" in answer.json()["detail"]
    assert answer.json()["urgent_contact"] == "+44 113 496 0000"
    assert len(house.entries()) == before  # nobody was looked for
    assert ask_many(house, 2, emergency=None).status_code == 403  # only an emergency's line gives an address
    assert ask_many(house, 1).status_code == 200


def test_a_line_opens_for_the_kinds_that_it_names(house: House) -> None:
    republish(house, HARBOUR, (LINE, "when: [{emergency: [child_at_risk]}], under: emergency"))

    fire, child = urgent(house), urgent(house, kind="child_at_risk")

    assert "address" not in fire.json()["disclosure"]["record"]["fields"]
    assert "address" in child.json()["disclosure"]["record"]["fields"]
    assert [row[0] for row in house.rows("SELECT kind FROM emergency")] == ["child_at_risk"]


def test_who_was_asked_about_in_an_emergency_counts_towards_the_day(house: House) -> None:
    """And is new to a call without one: an emergency opens nobody for the rest of the day."""
    republish(house, HARBOUR, (LIMITS, "limits: {per_minute: 60, subjects_per_day: 2, batch: 200}"))
    harbour = house.harbour()
    assert harbour.ask(subject(0), fields=["age"]).status_code == 200
    assert [urgent(house, number).status_code for number in (1, 2, 3)] == [200, 200, 200]

    again = [harbour.ask(subject(number), fields=["age"]) for number in range(4)]

    assert [one.status_code for one in again] == [200, 429, 429, 429]
    assert again[1].json()["limit"] == "subjects_per_day"
    assert house.rows("SELECT count FROM usage WHERE name LIKE 'subjects/%'") == [(4,)]


def test_a_text_bounds_the_people_of_a_client_until_the_duty_officer_raises_it(house: House) -> None:
    republish(house, HARBOUR, (LIMITS, f"{LIMITS}\nemergencies: {{people_per_day: 2}}"))
    first = [urgent(house, number).status_code for number in (0, 1, 0)]

    over = urgent(house, 2)
    raised = stile(
        house, "emergency", "raise", HARBOUR, "--client", "harbour-case-system", "--people", "1", "--reason", "Storm"
    )
    after = [urgent(house, number).status_code for number in (2, 3)]

    assert first == [200, 200, 200]  # the same person counts once
    assert (over.status_code, over.json()["code"]) == (429, "limit_reached")
    assert over.json()["limit"] == "emergency_people_per_day"
    assert over.json()["urgent_contact"] == "+44 113 496 0000"
    assert raised.exit_code == 0, raised.output
    assert after == [200, 429]
    told = house.truth(house.entries("emergency.raised")[-1])["what"]
    assert (told["agreement"], told["client"], told["people"]) == (HARBOUR, "harbour-case-system", 1)


def test_many_people_of_one_caseworker_are_an_alarm_and_no_stop(house: House) -> None:
    asked = [
        house.harbour().ask({**subject(0), "account_ref": str(8_000_000 + number)}, fields=["address"], emergency=EMERGENCY)
        for number in range(MANY_IN_EMERGENCY + 1)
        for _ in range(2 if number == 0 else 1)
    ]

    assert {one.status_code for one in asked} <= {200, 403}
    assert metric(house, "stile_emergencies_alarms_total") == 1
    assert metric(house, "stile_emergencies_total", kind="risk_to_life") == MANY_IN_EMERGENCY + 2


class Told:
    """Keeps what operators are told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, **members: Any) -> None:
        self.lines.append({"event": event, **members})


def test_each_is_one_line_of_telemetry_without_anybody_in_it(house: House) -> None:
    house.wiring.telemetry.logger = told = Told()

    urgent(house)

    (line,) = told.lines
    assert (line["event"], line["kind"], line["count"]) == ("emergency", "risk_to_life", 1)
    assert set(line) == {"event", "client_id", "kind", "count", "request_id"}


def test_a_repeat_of_a_call_is_no_new_emergency(house: House) -> None:
    harbour = house.harbour()
    for _ in range(2):
        harbour.ask(subject(0), fields=["address"], emergency=EMERGENCY, Idempotency_Key="k-1")

    assert house.rows("SELECT count(*) FROM emergency") == [(1,)]


def test_a_repeat_that_opens_what_the_first_call_did_not_is_reviewed(house: House) -> None:
    """A text that is published between them opens the line: then the repeat is the emergency."""
    republish(house, HARBOUR, (LINE, "when: [{emergency: [child_at_risk]}], under: emergency"))
    harbour = house.harbour()
    first = harbour.ask(subject(0), fields=["address", "age"], emergency=EMERGENCY, Idempotency_Key="k-1")
    republish(house, HARBOUR, ("when: [{emergency: [child_at_risk]}], under: emergency", LINE))

    again = harbour.ask(subject(0), fields=["address", "age"], emergency=EMERGENCY, Idempotency_Key="k-1")

    assert "address" not in first.json()["disclosure"]["record"]["fields"]
    assert "address" in again.json()["disclosure"]["record"]["fields"]
    assert [one["id"] for one in listed(house)] == [again.json()["disclosure"]["disclosure_id"]]


def test_a_repeat_counts_whom_a_limit_withheld_before(house: House) -> None:
    incident = declare(house, most_people=1)
    people = [{"ref": str(number), **subject(number)} for number in range(2)]
    body = {"subjects": people, "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["address"]}
    call = {**body, "emergency": EMERGENCY}
    harbour = house.harbour()
    assert outcomes(harbour.call("POST", "/v1/disclosures", call, Idempotency_Key="k-1")) == {"full": 1, "none": 1}
    house.append(house.changes().emergencies.close(incident, by="operator:lee (uid 1002)"))
    declare(house, incident_id="i_ba9876543210")

    for _ in range(2):
        assert outcomes(harbour.call("POST", "/v1/disclosures", call, Idempotency_Key="k-1")) == {"full": 2}

    assert house.rows("SELECT incident_id, people FROM emergency") == [("i_0123456789ab", 1), ("i_ba9876543210", 2)]


def place(number: int) -> dict[str, Any]:
    return {"uprn": f"900000000{PEOPLE[number][0][-3:]}", "confirm": subject(number)["confirm"]}


def test_a_call_that_was_refused_before_an_incident_counts_for_it_when_it_is_repeated(house: House) -> None:
    """Else whoever was refused beforehand would be found by place past the incident's people, and past its review."""
    harbour = house.harbour()

    def ask() -> list[int]:
        asked = [
            harbour.ask(place(number), fields=["address"], emergency=EMERGENCY, Idempotency_Key=f"k-{number}")
            for number in range(3)
        ]
        return [one.status_code for one in asked]

    before = ask()
    declare(house, most_people=1)

    assert (before, ask(), ask()) == ([403, 403, 403], [200, 429, 429], [200, 429, 429])
    assert house.rows("SELECT people FROM emergency WHERE incident_id IS NOT NULL") == [(1,)]


@pytest.mark.parametrize("is_within_first", [True, False])
def test_a_repeat_counts_for_the_bound_that_it_is_under(house: House, is_within_first: bool) -> None:  # noqa: FBT001 -- a case
    """An incident is no day, and a day is no incident: whom one counted, the other has not."""
    republish(house, HARBOUR, (LIMITS, f"{LIMITS}\nemergencies: {{people_per_day: {1 if is_within_first else 3}}}"))
    harbour = house.harbour()

    def ask() -> list[int]:
        asked = [
            harbour.ask(subject(number), fields=["address"], emergency=EMERGENCY, Idempotency_Key=f"k-{number}")
            for number in range(3)
        ]
        return [one.status_code for one in asked]

    if is_within_first:
        incident = declare(house, most_people=3)
        first = ask()
        house.append(house.changes().emergencies.close(incident, by="operator:lee (uid 1002)"))
    else:
        first = ask()
        declare(house, most_people=1)

    assert (first, ask()) == ([200, 200, 200], [200, 429, 429])
    assert [row[0] for row in house.rows("SELECT incident_id IS NULL FROM emergency ORDER BY at")] == (
        [0, 0, 0, 1] if is_within_first else [1, 1, 1, 0]
    )


# -- the second look


def test_a_search_has_the_kind_of_emergency(house: House) -> None:
    urgent(house)
    house.harbour().ask(subject(1), fields=["age"])

    done = stile(house, "log", "search", "--partner", "harbour-housing", "--caseworker", CASEWORKER["id"], "--json")

    assert [row["emergency"] for row in json.loads(done.output)["rows"]] == [None, "risk_to_life"]
    told = stile(house, "log", "search", "--partner", "harbour-housing", "--caseworker", CASEWORKER["id"])
    assert "in an emergency: risk to life" in told.output


def test_it_waits_until_somebody_else_has_reviewed_it(house: House) -> None:
    entry = urgent(house).json()["disclosure"]["disclosure_id"]

    (waiting,) = listed(house)
    done = stile(house, "emergency", "review", entry, "--outcome", "justified", "--note", "The call was recorded")

    assert (waiting["id"], waiting["caseworker"], waiting["people"]) == (entry, CASEWORKER["id"], 1)
    assert not waiting["overdue"]
    assert done.exit_code == 0, done.output
    assert listed(house) == []
    assert [one["outcome"] for one in listed(house, "--reviewed")] == ["justified"]
    reviewed = house.truth(house.entries("emergency.reviewed")[-1])
    assert reviewed["what"] == {"item": entry, "outcome": "justified", "note": "The call was recorded"}
    assert stile(house, "emergency", "review", entry, "--outcome", "justified").exit_code == 1


def test_who_is_named_in_it_reviews_nothing(house: House) -> None:
    entry = urgent(house).json()["disclosure"]["disclosure_id"]
    review = house.changes().emergencies.review
    incident = declare(house)
    house.append(house.changes().emergencies.close(incident, by="operator:lee (uid 1002)"))

    for item, by in (
        (entry, f"operator:{CASEWORKER['id']} (uid 1001)"),
        (entry, CASEWORKER["id"].upper()),
        (incident, "operator:kit (uid 1001)"),
        (incident, "operator:lee (uid 1002)"),
    ):
        with pytest.raises(ChangeRefusedError, match="somebody else reviews it"):
            house.append(review(item, outcome=Outcome.JUSTIFIED, note="", by=by))
    assert len(listed(house)) == 2
    for item in (entry, incident):
        house.append(review(item, outcome=Outcome.NOT_JUSTIFIED, note="", by="operator:ada (uid 1003)"))
    assert listed(house) == []


@pytest.mark.parametrize(
    ("named", "by"),
    [
        ("operator:kit (uid 1001)", "operator:uid 1001"),  # where the system does not know the name
        ("operator:uid 1001", "operator:kit (uid 1001)"),
        ("operator:kit (uid 1001)", "operator:kitty (uid 1001)"),
        ("operator:kit (uid 1001)", "op_kit"),  # the console's account of that name
        ("op_kit", "operator:kit (uid 1001)"),
    ],
)
def test_one_person_under_two_names_reviews_nothing_of_their_own(house: House, named: str, by: str) -> None:
    changes = house.changes()
    house.append(changes.operators.grant("op_kit", name="kit", password="x", roles=frozenset(), by="test"))
    incident = declare(house, by=named)
    house.append(changes.emergencies.close(incident, by="operator:lee (uid 1002)"))
    review = changes.emergencies.review

    with pytest.raises(ChangeRefusedError, match="somebody else reviews it"):
        house.append(review(incident, outcome=Outcome.JUSTIFIED, note="", by=by))
    house.append(review(incident, outcome=Outcome.JUSTIFIED, note="", by="operator:ada (uid 1003)"))


@pytest.mark.parametrize(("shown", "is_refused"), [("JB17", True), ("kit", True), ("signed in", False), ("ada", False)])
def test_who_is_named_in_it_under_the_name_that_the_provider_shows_reviews_nothing(
    house: House,
    shown: str,
    is_refused: bool,  # noqa: FBT001 -- a case
) -> None:
    changes = house.changes()
    incident = declare(house)
    urgent(house)
    house.append(changes.emergencies.close(incident, by="operator:lee (uid 1002)"))
    session = Beginning("k", "op_1", "oidc", frozenset(), shown, "m", house.clock())
    house.append(SignIns(changes.emergencies.entries).begin(session, {}))
    review = changes.emergencies.review(incident, outcome=Outcome.JUSTIFIED, note="", by="op_1")

    if is_refused:
        with pytest.raises(ChangeRefusedError, match="somebody else reviews it"):
            house.append(review)
    else:
        house.append(review)


def test_who_asked_under_an_incident_does_not_review_it(house: House) -> None:
    incident = declare(house)
    urgent(house)
    house.append(house.changes().emergencies.close(incident, by="operator:lee (uid 1002)"))
    review = house.changes().emergencies.review

    with pytest.raises(ChangeRefusedError, match="somebody else reviews it"):
        house.append(review(incident, outcome=Outcome.JUSTIFIED, note="", by=f"operator:{CASEWORKER['id']} (uid 1004)"))
    house.append(review(incident, outcome=Outcome.JUSTIFIED, note="", by="operator:ada (uid 1003)"))


def test_what_is_past_two_working_days_stands_first(house: House) -> None:
    old = urgent(house).json()["disclosure"]["disclosure_id"]
    house.append(
        house.changes().emergencies.review(old, outcome=Outcome.TO_BE_FOLLOWED_UP, note="", by="operator:ada (uid 1003)")
    )

    assert due_on(datetime(2026, 11, 27, 23, 59, tzinfo=UTC)) == date(2026, 12, 1)  # a Friday
    assert due_on(datetime(2026, 11, 29, 12, tzinfo=UTC)) == date(2026, 12, 1)  # a Sunday
    assert due_on(datetime(2026, 11, 30, 12, tzinfo=UTC)) == date(2026, 12, 2)


# -- a declared incident


def test_an_incident_allows_many_for_its_partners_and_kinds_alone(house: House) -> None:
    declare(house)

    assert outcomes(ask_many(house, 3)) == {"full": 3}
    assert ask_many(house, 2, {**EMERGENCY, "kind": "serious_harm"}).status_code == 400
    assert house.rows("SELECT incident_id, people FROM emergency") == [("i_0123456789ab", 3)]
    # The calls are reviewed with it, once; and while it is open, not yet.
    assert [one["id"] for one in listed(house)] == ["i_0123456789ab"]
    done = stile(house, "emergency", "review", "i_0123456789ab", "--outcome", "justified")
    assert "still open" in done.output


def test_an_incident_is_for_so_many_people(house: House) -> None:
    declare(house, most_people=2)

    answer = ask_many(house, 3)

    assert outcomes(answer) == {"full": 2, "none": 1}
    assert answer.json()["lines"][2]["disclosure"]["withheld"][0]["reason"] == "limit_reached"


def test_an_incident_ends_by_itself_and_by_being_closed(house: House) -> None:
    incident = declare(house, hours=1)
    assert ask_many(house, 2).status_code == 200
    house.clock.move(minutes=61)
    assert ask_many(house, 2).status_code == 400

    other = declare(house, incident_id="i_ba9876543210")
    assert ask_many(house, 2).status_code == 200
    done = stile(house, "incident", "close", other)

    assert done.exit_code == 0, done.output
    assert ask_many(house, 2).status_code == 400
    with pytest.raises(ChangeRefusedError, match="no incident is open"):
        house.append(house.changes().emergencies.close(incident, by="operator:kit (uid 1001)"))
    kinds = ("emergency.incident_opened", "emergency.incident_closed")
    assert [len(house.entries(kind)) for kind in kinds] == [2, 1]


def test_an_incident_lets_its_partners_find_by_place(house: House) -> None:
    person = {"uprn": "100050000042", "confirm": subject(0)["confirm"]}
    harbour = house.harbour()
    before = harbour.ask(person, fields=["age"], emergency=EMERGENCY)

    declare(house)
    within = harbour.ask(person, fields=["address"], emergency=EMERGENCY)
    without = harbour.ask(person, fields=["age"])

    assert before.status_code == 403
    assert within.status_code == 200
    assert without.status_code == 403


def test_an_incident_lowers_no_floor_of_details(house: House) -> None:
    """What agreement or core want at least counts for a key that an incident alone opens."""
    live = house.wiring.services.reader.find_agreement(HARBOUR, house.clock.today)
    rules = live.compiled.rules
    stricter = replace(rules, agreement=replace(rules.agreement, identify=Identify(at_least=3)))
    key = replace(rules.dataset.keys["uprn"], confirm=("surname", "date_of_birth", "account_ref"))

    assert least(key, rules).at_least == 2
    assert least(key, stricter).at_least == 3


def test_a_place_finds_nobody_once_the_incident_is_over(house: House) -> None:
    """The same call, before, within and after: what was decided of one does not stand for the others."""
    person = {"uprn": "100050000042", "confirm": subject(0)["confirm"]}
    harbour = house.harbour()

    def ask() -> int:
        return harbour.ask(person, fields=["address"], emergency=EMERGENCY).status_code

    before = ask()
    incident = declare(house)
    within = ask()
    house.append(house.changes().emergencies.close(incident, by="operator:lee (uid 1002)"))

    assert (before, within, ask()) == (403, 200, 403)


@pytest.mark.parametrize("what", ["the incident is closed", "the line is taken out"])
def test_what_bars_a_place_while_a_call_is_under_way_leaves_unsaid_who_was_found(house: House, what: str) -> None:
    changes, incident, harbour = house.changes(), declare(house), house.harbour()
    log = house.wiring.services.log
    append, settle, waiting = log.append, log.settle, [what]

    async def late(within: Any) -> Any:
        if waiting.pop() if waiting else None:
            version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR)
            newer = text.replace(f"version: {version}\n", f"version: {version + 1}\n")
            newer = newer.replace(LINE, "when: [{emergency: [child_at_risk]}], under: emergency")
            is_closed = what == "the incident is closed"
            close = changes.emergencies.close(incident, by="operator:lee (uid 1002)")
            await append(close if is_closed else changes.texts.publish_agreement(newer, by="test"))
        return await settle(within)

    log.settle = late
    answer = harbour.ask({"uprn": "900000000042", "confirm": subject(0)["confirm"]}, fields=["age"], emergency=EMERGENCY)

    assert (answer.status_code, answer.json()["disclosure"]["identity"]) == (403, "not_confirmed")
    assert not waiting


def test_an_incident_lets_nobody_find_by_place_where_no_line_opens(house: House) -> None:
    """Else such a look-up would be past the incident's bound, and past its review."""
    republish(house, HARBOUR, (LINE, "when: [{emergency: [child_at_risk]}], under: emergency"))
    declare(house, most_people=1)
    person = {"uprn": "100050000042", "confirm": subject(0)["confirm"]}

    answer = house.harbour().ask(person, fields=["age"], emergency=EMERGENCY)

    assert answer.status_code == 403
    assert house.rows("SELECT * FROM emergency") == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"partners": {"nobody"}}, "no partner is registered as nobody"),
        ({"hours": 25}, "1 to 24 hours"),
        ({"hours": 0}, "1 to 24 hours"),
        ({"most_people": 0}, "people"),
        ({"kinds": set()}, "kinds"),
    ],
)
def test_an_incident_that_is_unbounded_is_refused(house: House, more: dict[str, Any], told: str) -> None:
    with pytest.raises(ChangeRefusedError, match=told):
        declare(house, **more)


def test_the_control_api_does_the_same(house: House) -> None:
    dpo = house.dpo()
    given = {"what": "Flood", "partners": ["harbour-housing"], "kinds": ["risk_to_life"], "most_people": 5, "hours": 2}

    made = dpo.call("POST", "/control/v1/incidents", given)
    name = made.json()["incident"]
    answered = ask_many(house, 2).status_code
    urgent_before = dpo.call("GET", "/control/v1/incidents").json()["incidents"]
    closed = dpo.call("POST", f"/control/v1/incidents/{name}/closing")
    entry = urgent(house).json()["disclosure"]["disclosure_id"]
    waiting = dpo.call("GET", "/control/v1/emergencies").json()["emergencies"]
    own = dpo.call("POST", f"/control/v1/emergencies/{name}/review", {"outcome": "justified"})
    other = dpo.call("POST", f"/control/v1/emergencies/{entry}/review", {"outcome": "justified"})
    bound = {"agreement": HARBOUR, "client": "harbour-case-system", "people": 1, "reason": "Storm"}
    raised = dpo.call("POST", "/control/v1/emergency-bounds", bound)

    assert (made.status_code, answered, closed.status_code) == (201, 200, 201)
    assert [one["incident"] for one in urgent_before] == [name]
    assert {one["id"] for one in waiting} == {name, entry}
    assert (own.status_code, own.json()["code"]) == (409, "conflict")
    assert other.status_code == 201
    assert raised.status_code == 409  # this agreement has no bound
