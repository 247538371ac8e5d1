"""What the state keeps can be told, holds back whom it names, and is what was published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from house import House, released, withheld

from gateway.store.changes import ChangeRefusedError
from gateway.store.people import YEARS
from schemas.consent import Restriction
from schemas.terms import RestrictionKind

HELD = {"kind": "objection_upheld", "dataset": "council-tax", "person": "P0000042"}
GIVEN = {
    "state": "given",
    "dataset": "council-tax",
    "person": "P0000042",
    "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"],
    "fields": ["arrears"],
    "text_version": "v1",
    "how": "in person",
}
WAYS = {"restrictions": HELD, "consents": GIVEN}


def conflict(house: House, way: str, **changes: Any) -> str:
    """Return what a refused change is told; nothing of it is kept."""
    entries = len(house.entries())
    answer = house.dpo().call("POST", f"/control/v1/{way}", {**WAYS[way], **changes})
    assert (answer.status_code, answer.json().get("code")) == (409, "conflict")
    assert len(house.entries()) == entries
    return str(answer.json()["detail"])


# -- instants

UNTELLABLE = [
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "1899-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
    "2199-12-31T23:59:59-14:00",
]


@pytest.mark.parametrize("until", UNTELLABLE)
@pytest.mark.parametrize("way", WAYS)
def test_an_end_that_no_clock_can_tell_is_refused(house: House, way: str, until: str) -> None:
    """Kept, it would fail every call about the person."""
    assert "is not in the years 1900 to 2199 (UTC)" in conflict(house, way, until=until)
    assert house.harbour().ask(fields=["age"]).status_code == 200


@pytest.mark.parametrize("way", WAYS)
def test_an_end_that_is_past_is_refused(house: House, way: str) -> None:
    """The instant itself is past, for an end is not included."""
    assert "before it begins" in conflict(house, way, until="1950-01-01T00:00:00Z")
    assert "before it begins" in conflict(house, way, until=(house.clock.at - timedelta(seconds=1)).isoformat())


@pytest.mark.parametrize("way", WAYS)
def test_the_last_end_that_can_be_told_counts(house: House, way: str) -> None:
    body = {**WAYS[way], "until": f"{YEARS.stop - 1}-12-31T23:59:59Z"}

    assert house.dpo().call("POST", f"/control/v1/{way}", body).status_code == 201
    assert house.harbour().ask(fields=["arrears"]).status_code in {200, 403}


@pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(2200, 1, 1, tzinfo=UTC)])
def test_a_beginning_that_no_clock_can_tell_is_refused(house: House, at: datetime) -> None:
    one = replace(a_restriction(house), from_at=at)

    with pytest.raises(ChangeRefusedError, match="`from` of the restriction"):
        house.append(house.changes().people.set_restriction(one))


def a_restriction(house: House) -> Restriction:
    return Restriction(
        restriction_id="r_" + "0" * 24,
        subject_ref=house.changes().people.subject_ref("council-tax", "P0000042"),
        dataset="council-tax",
        kind=RestrictionKind.OBJECTION_UPHELD,
        fields=frozenset(),
        recipients=frozenset(),
        from_at=house.clock.at,
        until=None,
        recorded_by="test",
    )


# -- whom it names, and what for


@pytest.mark.parametrize("person", ["P0000042", "P0000042 ", " P0000042", "P0000042\xa0", "\u2003P0000042"])
def test_a_person_is_the_same_with_space_around(house: House, person: str) -> None:
    """As the source's own reference is read: acknowledged means held back."""
    before = house.harbour().ask(fields=["age"])
    answer = house.dpo().call("POST", "/control/v1/restrictions", {**HELD, "person": person})
    after = house.harbour().ask(fields=["age"])

    assert (before.status_code, answer.status_code, after.status_code) == (200, 201, 403)


@pytest.mark.parametrize("person", [" ", "\xa0"])
@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_no_person(house: House, way: str, person: str) -> None:
    assert "the person is empty" in conflict(house, way, person=person)


@pytest.mark.parametrize("state", ["given", "refused"])
def test_a_purpose_that_no_agreement_has_is_refused(house: House, state: str) -> None:
    """A misspelt refusal would be acknowledged, and never counted."""
    told = conflict(house, "consents", purpose="tenancy-sustainmnet", state=state)

    assert told == "no published agreement has the purpose tenancy-sustainmnet. Did you mean tenancy-sustainment?"


def test_before_any_agreement_is_published_a_purpose_may_be_any(house: House) -> None:
    house.append(lambda connection, _moment: connection.one("DELETE FROM text WHERE kind = 'agreement'") and None)

    assert house.dpo().call("POST", "/control/v1/consents", {**GIVEN, "purpose": "of-next-year"}).status_code == 201
    house.differs = True


# -- texts that were changed where they lie

RULES = """\
council: northmoor
version: 1
caps:
  - id: ages-of-charities
    says: Charities see no birth date closer than its year
    at_most: {fields: [date_of_birth], as: year}
    recipient_kinds: [charity]
"""


def change_text(house: House, kind: str, name: str) -> None:
    """Append a comment to every version of a text, as by hand; the gateway then reads its state anew."""
    change = "UPDATE text SET text = text || '# by hand\n' WHERE kind = ? AND id = ?"

    def within(connection: Any, _moment: Any) -> None:
        assert connection.run(change, (kind, name)) > 0, f"no {kind} {name} to change"

    house.append(within)
    house.wiring.services.reader._kept.clear()


def names_of(house: House, kind: str) -> list[str]:
    return [row[0] for row in house.rows("SELECT DISTINCT id FROM text WHERE kind = ? ORDER BY id", kind)]


def test_an_agreement_changed_by_hand_is_not_found(house: House) -> None:
    """Even a comment: the log names the text that was agreed by its digest. The other agreements stand."""
    harbour, calder = house.harbour(), house.calder()
    assert set(released(harbour.ask(fields=["age"]))) == {"age"}

    change_text(house, "agreement", "northmoor-harbour-tenancies")

    assert withheld(harbour.ask(fields=["age"])) == {"age": "agreement_not_found"}
    others = [one["id"] for one in calder.call("GET", "/v1/agreements").json()["agreements"]]
    assert sorted(others) == ["northmoor-calder-child-health", "northmoor-calder-discharge"]


def test_no_agreement_is_found_while_a_core_was_changed_by_hand(house: House) -> None:
    """Left out, a core would let more leave than was agreed."""
    harbour = house.harbour()
    assert "statutory-bars" in names_of(house, "core")

    change_text(house, "core", "statutory-bars")

    assert withheld(harbour.ask(fields=["age"])) == {"age": "agreement_not_found"}


def test_no_agreement_is_found_while_the_councils_rules_were_changed_by_hand(house: House) -> None:
    harbour = house.harbour()
    house.append(house.changes().texts.publish_core(RULES, by="test"))
    assert set(released(harbour.ask(fields=["age"]))) == {"age"}

    change_text(house, "council", "northmoor")

    assert withheld(harbour.ask(fields=["age"])) == {"age": "agreement_not_found"}


def test_a_dataset_changed_by_hand_is_not_there(house: House) -> None:
    harbour = house.harbour()
    change_text(house, "dataset", "council-tax")

    assert house.wiring.services.reader.find_dataset("council-tax", 2) is None
    assert withheld(harbour.ask(fields=["age"])) == {"age": "agreement_not_found"}


def test_a_mapping_changed_by_hand_is_not_there(house: House) -> None:
    """Nothing is asked of any system by it, and the failure is recorded."""
    harbour, name = house.harbour(), "council-tax@2"
    assert name in names_of(house, "mapping")
    change_text(house, "mapping", name)

    answer = harbour.ask(fields=["age"])

    assert house.wiring.services.reader.find_mapping(name) is None
    assert (answer.status_code, answer.json()["code"]) == (502, "source_unavailable")
    assert house.entries()[-1]["kind"] == "failure"


def test_an_older_version_does_not_stand_in_for_one_changed_by_hand(house: House) -> None:
    """Or a change could be undone by spoiling its text."""
    reader = house.wiring.services.reader
    for text in (RULES, RULES.replace("version: 1", "version: 2")):
        house.append(house.changes().texts.publish_core(text, by="test"))
    assert reader.find_text("council", "northmoor")[0] == 2

    spoil = "UPDATE text SET text = text || ' ' WHERE kind = 'council' AND version = 2"
    house.append(lambda connection, _moment: connection.one(spoil) and None)

    assert reader.find_text("council", "northmoor") is None
    assert reader.find_text("council", "northmoor", 1) is not None


# -- a source that gives what can't be read


def test_a_fault_in_reading_the_source_is_recorded_as_its_failure(house: House) -> None:
    """As with a mapping of an earlier day, whose date format is one that no library takes."""
    harbour = house.harbour()
    harbour.ask(fields=["age"])
    (source,) = house.wiring.services.source_of.__self__._sources.values()

    def identify(*_: object) -> None:
        raise RecursionError("P0000042")

    source._search.identify = identify
    answer = harbour.ask(fields=["age"])

    assert (answer.status_code, answer.json()["code"]) == (502, "source_unavailable")
    assert house.truth(house.entries("failure")[-1])["what"]["code"] == "source_unavailable"
