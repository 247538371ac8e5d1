"""What an attack on many people, claims and receipts once broke. Each of these failed before it was mended."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from house import GRACE, HARBOUR, House, confirming, released, republish
from test_gateway_many import LIMITS, ask, body, end_of, named, people_of, stream
from test_gateway_others import CEILING, NAMES, OTHERS, republish_core

import audit.checking.published
from audit.checking.verify import ProofError, is_complete, verify_answer, verify_answers
from gateway.journey.check_people import _check_once
from gateway.problems import ProblemError
from gateway.sources.json_answer import NotJsonError, parse
from gateway.web.bodies import check_json
from policies.reading.parse import parse_dataset
from schemas.request import SubjectQuery

FITTING = {"surname": "Okafor", "date_of_birth": "1985-02-14"}


SAMUEL = {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1983-09-02"}}


SORTED = orjson.OPT_SORT_KEYS


@pytest.fixture
def others(house: House) -> House:
    """Let Harbour have the joint taxpayer's name too."""
    version = republish_core(house, "tenancy-sustainment", CEILING)
    republish(house, HARBOUR.agreement, ("tenancy-sustainment@3", f"tenancy-sustainment@{version}"), (NAMES, OTHERS))
    return house


def verifier(house: House, agreement: str = HARBOUR.agreement) -> Any:
    return house.caller(HARBOUR.client_id).get_token(agreement, actions=["verify"])


def limited(found: dict[str, Any]) -> list[str]:
    return [ref for ref, one in found.items() if {held["reason"] for held in one["withheld"]} == {"limit_reached"}]


def opened(leaf: dict[str, Any], name: str) -> Any:
    text = leaf["openings"][name]
    return orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[2]


def test_a_repeat_does_not_lift_the_limit_that_withheld_a_person(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {subjects_per_day: 2, batch: 9}"))
    people = [named(number) for number in range(4)]

    first, again = (limited(people_of(ask(house, people, key="again"))) for _ in range(2))

    assert first == ["r2", "r3"]
    assert again == first


def test_a_key_used_under_one_agreement_is_no_repeat_under_another(house: House) -> None:
    version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    changes = (
        (f"agreement: {HARBOUR.agreement}", "agreement: northmoor-harbour-second"),
        (f"version: {version}\n", "version: 1\n"),
        (LIMITS, "limits: {same_subject_per_day: 1, batch: 9}"),
    )
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    house.append(house.changes().texts.publish_agreement(text, by="test"))
    house.harbour().ask(fields=["age"], Idempotency_Key="k")
    second = house.caller(HARBOUR.client_id).get_token("northmoor-harbour-second")

    statuses = [second.ask(fields=["age"], Idempotency_Key="k").status_code for _ in range(3)]

    assert statuses.count(200) <= 1


def test_a_body_of_unfinished_strings_costs_no_more_than_its_size() -> None:
    """64 KiB take 10 seconds today, 2 MiB take hours; nobody else is answered meanwhile."""
    hostile = b"[" * 17 + b'"' + b'\\"' * 8_000
    begun = time.perf_counter()
    with pytest.raises(ProblemError):
        check_json(hostile)
    assert time.perf_counter() - begun < 0.2


def test_an_upstreams_unfinished_strings_cost_no_more_than_their_size() -> None:
    begun = time.perf_counter()
    with pytest.raises(NotJsonError):
        parse(b"[" * 17 + b'"' + b'\\"' * 8_000)
    assert time.perf_counter() - begun < 0.2


def publish_stricter_dataset(house: House) -> None:
    """Publish council-tax@3, which does not take a surname as a detail any more, with its mapping."""
    reader, texts = house.wiring.services.reader, house.changes().texts
    _, text, _ = reader.find_text("dataset", "council-tax")
    _, mapping, _ = reader.find_text("mapping", "council-tax@2")
    old = "account_ref: {finds: [liable, joint], confirm: [surname, date_of_birth], at_least: 2}"
    assert old in text
    text = text.replace(old, old.replace("surname", "full_name")).replace("version: 2\n", "version: 3\n", 1)
    house.append(texts.publish_dataset(text, by="test"))
    house.append(texts.publish_mapping(mapping.replace("council-tax@2\n", "council-tax@3\n"), by="test"))


def next_version(house: House, *changes: tuple[str, str]) -> Any:
    version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    for old, new in ((f"version: {version}\n", f"version: {version + 1}\n"), *changes):
        assert old in text
        text = text.replace(old, new)
    return house.changes().texts.publish_agreement(text, by="test")


def test_a_later_chunk_confirms_nobody_by_a_detail_that_its_dataset_does_not_take(house: House) -> None:
    """Price is released by her surname alone, under a version whose dataset does not accept it."""
    publish_stricter_dataset(house)
    people = [named(number) for number in range(10, 120)]
    people[105] = named(1)

    def between(inside: House) -> Any:
        return next_version(inside, ("dataset: council-tax@2", "dataset: council-tax@3"))

    try:
        _, second = stream(house, people, chunks=2, between=between)
    except ProblemError:
        return
    (price,) = [line for one in second if (line := orjson.loads(one)).get("ref") == "r1"]
    assert price["disclosure"]["agreement"]["version"] == 5
    assert price["disclosure"]["identity"] == "not_confirmed"


def test_a_later_chunk_keeps_to_the_batch_of_its_own_version(house: House) -> None:
    def between(inside: House) -> Any:
        return next_version(inside, (LIMITS, "limits: {batch: 1}"))

    with pytest.raises(ProblemError):
        stream(house, [named(number) for number in range(120)], chunks=2, between=between)


def test_an_agreement_published_under_way_is_asked_about_people_who_were_checked(house: House) -> None:
    """Nobody was checked while it was ended: so somebody named twice, or too many, or under no key, is looked for."""
    caller, log = house.harbour(), house.wiring.services.log
    house.append(end_of(house))
    _, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    append, settle = log.append, log.settle

    async def slow(within: Any) -> Any:
        log.settle = settle
        await append(house.changes().texts.publish_agreement(text.replace("version: 4", "version: 5"), by="test"))
        return await settle(within)

    log.settle = slow
    twice = [{"ref": ref, "account_ref": "1000042", "confirm": FITTING} for ref in "ab"]

    assert caller.call("POST", "/v1/disclosures", body(twice)).status_code == 400


def test_misses_count_together_however_a_number_is_spelt(house: House) -> None:
    """The source's key is a number, as many are: the database takes 01000042 for 1000042."""
    publish_numeric_key(house)
    for number in range(5):
        ask(house, [{"ref": "a", "account_ref": "1000042", "confirm": confirming("1000042", f"Wrong{'abcde'[number]}")}])

    for spelt in ("1000042", "01000042", "+1000042", "1000042.0"):
        found = people_of(ask(house, [{"ref": "a", "account_ref": spelt, "confirm": FITTING}]))
        assert found["a"]["identity"] == "not_confirmed", spelt


def test_nobody_is_named_twice_by_another_spelling_of_a_number(house: House) -> None:
    publish_numeric_key(house)
    twice = [{"ref": spelt, "account_ref": spelt, "confirm": FITTING} for spelt in ("1000042", "01000042")]

    assert ask(house, twice).status_code == 400


def publish_numeric_key(house: House) -> None:
    _, text, _ = house.wiring.services.reader.find_text("mapping", "council-tax@2")
    for old, new in (
        ("account_ref: trim(a.account_ref)", "account_ref: CAST(a.account_ref AS INTEGER)"),
        ("\nversion: 1\n", "\nversion: 2\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    house.append(house.changes().texts.publish_mapping(text, by="test"))


def test_a_limited_persons_receipt_does_not_tell_that_they_were_found(house: House) -> None:
    """`basis.lawful` is Grace's, who has consented; of those who were not found, or have not, it is null."""
    given = {
        "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
        "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
    }  # fmt: skip
    house.dpo().call("POST", "/control/v1/consents", given)
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {subjects_per_day: 1, batch: 9}"))
    ask(house, [named(5)])

    told = []
    for who in (named(0, confirm=FITTING), named(1), named(6)):
        line, receipt = ask(house, [who], fields=["arrears"]).json()["lines"]
        assert limited({"one": line["disclosure"]}) == ["one"]
        told.append(opened(receipt["receipt"], "basis")["lawful"])

    assert len(set(told)) == 1


def test_a_limited_persons_leaves_do_not_tell_that_they_were_found(others: House) -> None:
    """Samuel's own field moves into the first leaf where it is he who was found."""
    republish(others, HARBOUR.agreement, (LIMITS, "limits: {subjects_per_day: 1, batch: 9}"))
    ask(others, [named(5)])
    misfit = {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1983-09-03"}}

    told = []
    for who in (SAMUEL, misfit):
        line = ask(others, [{"ref": "one", **who}], fields=["joint_full_name", "full_name"]).json()["lines"][0]
        assert limited({"one": line["disclosure"]}) == ["one"]
        told.append([sorted(opened(leaf, "fields")) for leaf in line["leaves"]])

    assert told[0] == told[1]


@pytest.mark.parametrize("how", ["left out, and the end rewritten", "put twice for another"])
def test_an_answer_that_lacks_a_person_is_not_complete(house: House, how: str) -> None:
    """The entry's tree says how many people there are; what `end` says is signed by nobody."""
    first, second, _, receipt, end = ask(
        house, [named(number) for number in range(3)], accept="application/x-ndjson"
    ).content.splitlines()
    lines = [first, second, receipt, end.replace(b'"lines":3', b'"lines":2')]
    if how == "put twice for another":
        lines = [first, second, second, receipt, end]
    cut = b"\n".join(lines) + b"\n"

    try:
        verify_answers(cut, vkey=house.vkey)
    except ProofError:
        return
    assert not is_complete(cut)


def test_lines_beside_a_problem_that_the_gateway_never_gave_are_refused(house: House) -> None:
    whole = ask(house, [named(0)]).json()
    texts = dict.fromkeys(("type", "title", "code", "remedy", "request_id", "urgent_contact"), "call 0900 123")
    lied = orjson.dumps({**whole, **texts, "status": 403, "detail": 7}, option=SORTED)

    with pytest.raises(ProofError):
        verify_answers(lied, vkey=house.vkey)


def test_wrong_claims_about_a_person_count_whoever_was_asked_for(others: House) -> None:
    """Five guesses at Samuel's name through Grace, and then five more through himself."""
    caller = verifier(others)
    for number in range(5):
        answer = caller.ask(GRACE, action="verify", claims={"joint_full_name": f"Sam {number}"})
        assert released(answer) == {"joint_full_name": "no"}

    assert caller.ask(SAMUEL, action="verify", claims={"full_name": "Sam 6"}).status_code == 429


@pytest.mark.parametrize("how", ["unknown", "ended"])
def test_people_are_bounded_also_where_no_agreement_is_in_force(house: House, how: str) -> None:
    """Each of 10,000 has a key of their own made and kept, for a call that nothing counts."""
    caller = house.harbour()
    if how == "ended":
        house.append(end_of(house))
    more = {"agreement": "no-such-agreement"} if how == "unknown" else {}
    people = [
        {"ref": f"r{n}", "account_ref": str(7_000_000 + n), "confirm": {"surname": "N", "date_of_birth": "1970-01-01"}}
        for n in range(250)
    ]
    before = house.rows("SELECT count(*) FROM subject_key")[0][0]

    caller.call("POST", "/v1/disclosures", body(people, **more))

    assert house.rows("SELECT count(*) FROM subject_key")[0][0] - before <= 201


def test_the_receipt_of_a_line_of_which_a_person_was_erased_verifies_or_says_that_it_can_not(others: House) -> None:
    caller = others.harbour()
    people = [{"ref": "g", **GRACE}, named(1)]
    answer = caller.call("POST", "/v1/disclosures", body(people, fields=["full_name", "joint_full_name"]))
    line, truth = answer.json()["lines"][0], others.last()
    ref = bytes.fromhex(truth["1/subject"]["ref"])
    others.council.keyring.destroy([others.rows("SELECT key_id FROM subject_key WHERE reference = ?", ref)[0][0]])

    again = caller.call("GET", f"/v1/disclosures/{line['disclosure']['disclosure_id']}/receipt")

    if again.status_code == 200:
        whole = {"disclosure": line["disclosure"], "receipt": again.json()}
        verify_answer(orjson.dumps(whole, option=SORTED), vkey=others.vkey)
    else:
        assert again.json()["code"] == "no_longer_opens"


def test_the_ratelimit_header_of_one_document_counts_all_of_its_people(patient: None, house: House) -> None:
    answer = ask(house, [named(number) for number in range(120)])

    assert '"subjects_per_day";r=380' in answer.headers["ratelimit"]


def test_checking_that_nobody_is_named_twice_does_not_grow_with_the_square() -> None:
    """10,000 lines of one key take half a minute of one processor, and 2 seconds at a stretch."""

    dataset = parse_dataset((Path(audit.__file__).parent.parent / "schemas/catalogue/council-tax.yaml").read_text())

    def seconds(count: int) -> float:
        seen: dict[Any, Any] = {}
        begun = time.perf_counter()
        for number in range(count):
            query = SubjectQuery("account_ref", "1000042", {"postcode": "LS1 4AB", "surname": f"X{number}"})
            try:
                _check_once(seen, number, query, dataset)
            except ProblemError:
                break
        return time.perf_counter() - begun

    assert seconds(3_000) < 0.5
