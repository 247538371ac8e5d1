"""Is a genuine answer accepted, and everything else refused, always with ProofError?"""

import json
import random

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checking.verify import ProofError, verify_answer
from audit.exporting.receipt import receipt
from audit.format.commitment import PARTNER_NAMES, encode, opening_of, seal
from audit.format.entry import Kind, canonical
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.item import Draft

RELEASED = {
    "full_name": {"value": "Grace Okafor", "form": "full"},
    "age": {"value": {"from": 25, "below": 65}, "form": "band"},
    "postcode": {"value": "LS1 4", "form": "sector"},
}
WITHHELD = {"arrears": "consent_needed", "notes": "not_available"}
PROBLEM = {
    "type": "https://gateway.example/docs/problems/nothing_permitted",
    "title": "Nothing may be disclosed",
    "status": 403,
    "code": "nothing_permitted",
    "detail": "Nothing may be disclosed",
    "remedy": "Ask the person.",
    "request_id": "r_1",
    "urgent_contact": "0113 000 0000",
}


def refused(answer, vkey: str, match: str | None = None) -> None:
    raw = answer if isinstance(answer, bytes) else canonical(answer)
    with pytest.raises(ProofError, match=match):
        verify_answer(raw, vkey=vkey)


def test_a_genuine_answer_is_verified(answer, vkey) -> None:
    found = verify_answer(canonical(answer), vkey=vkey)

    assert (found.origin, found.index, found.size) == ("gateway.northmoor.gov.uk/log/northmoor", 4, 5)
    assert (found.entry_id, found.outcome, found.counter) == (answer["disclosure"]["disclosure_id"], "partial", 5)
    assert found.at == "2026-10-02T09:14:03.000005Z"
    assert found.openings["parties"] == {"partner": "harbour", "client": "harbour-1"}
    assert set(found.openings) == set(PARTNER_NAMES)


@pytest.mark.parametrize("released", [{}, RELEASED])
@pytest.mark.parametrize("withheld", [{}, WITHHELD])
def test_an_answer_of_any_outcome_is_verified(partner, vkey, released, withheld) -> None:
    verify_answer(canonical(partner.ask(released, withheld)), vkey=vkey)


def test_every_receipt_of_a_growing_log_is_verified(partner, vkey) -> None:
    answers = [partner.ask() for _ in range(20)]
    assert [verify_answer(canonical(one), vkey=vkey).index for one in answers] == list(range(20))


def test_a_refusal_is_verified_beside_its_problem(partner, vkey) -> None:
    given = partner.ask({}, WITHHELD, kind=Kind.REFUSAL)
    assert verify_answer(canonical({**PROBLEM, **given}), vkey=vkey).outcome == "none"


def test_the_halves_of_a_refusal_are_verified_alone(partner, vkey) -> None:
    """So a receipt is given back that was asked for again."""
    given = partner.ask({}, WITHHELD, kind=Kind.REFUSAL)
    assert given.keys() == {"disclosure", "receipt"}
    assert verify_answer(canonical(given), vkey=vkey).outcome == "none"


def test_a_member_that_no_answer_has_is_refused(answer, partner, vkey) -> None:
    refused({**answer, "status_of_person": "safe"}, vkey, "members that no answer has")
    refusal = {**PROBLEM, **partner.ask({}, WITHHELD, kind=Kind.REFUSAL)}
    refused({**refusal, "status_of_person": "safe"}, vkey, "members that no answer has")


@pytest.mark.parametrize("name", PROBLEM)
def test_a_disclosure_has_no_problem_beside_it(answer, vkey, name: str) -> None:
    """Nobody can write words of their own beside what was disclosed."""
    refused({**answer, name: PROBLEM[name]}, vkey, "members that no answer has")
    refused({**PROBLEM, **answer}, vkey, "members that no answer has")


@pytest.mark.parametrize("name", PROBLEM)
def test_a_refusals_problem_is_whole(partner, vkey, name: str) -> None:
    answer = {**PROBLEM, **partner.ask({}, WITHHELD, kind=Kind.REFUSAL)}
    del answer[name]
    refused(answer, vkey, "lacks some of a refusal's")


@pytest.mark.parametrize("junk", [None, True, 7, [], {}, ["x"]], ids=str)
@pytest.mark.parametrize("name", PROBLEM)
def test_a_member_of_another_type_is_refused(partner, vkey, name: str, junk) -> None:
    answer = {**PROBLEM, **partner.ask({}, WITHHELD, kind=Kind.REFUSAL)}
    refused({**answer, name: junk}, vkey, "wrong type|not a refusal's")


@pytest.mark.parametrize("change", [{"status": 200}, {"status": "403"}, {"code": "wrong_role"}, {"code": ""}], ids=str)
def test_a_problem_of_another_kind_is_refused(partner, vkey, change) -> None:
    answer = {**PROBLEM, **partner.ask({}, WITHHELD, kind=Kind.REFUSAL)}
    refused({**answer, **change}, vkey, "wrong type|not a refusal's")


def test_every_changed_byte_is_refused(answer, vkey) -> None:
    """Every byte of the answer, changed in four ways: none is without effect."""
    raw = canonical(answer)
    assert len(raw) > 2000
    dice = random.Random(1)
    for place in range(len(raw)):
        for other in {raw[place] ^ 1, raw[place] ^ 0x20, raw[place] ^ 0x80, dice.randrange(256)} - {raw[place]}:
            changed = raw[:place] + bytes([other]) + raw[place + 1 :]
            with pytest.raises(ProofError):
                verify_answer(changed, vkey=vkey)


def test_every_removed_or_doubled_byte_is_refused(answer, vkey) -> None:
    raw = canonical(answer)
    assert len(raw) > 2000
    for place in range(len(raw)):
        for changed in (raw[:place] + raw[place + 1 :], raw[:place] + raw[place : place + 1] + raw[place:]):
            with pytest.raises(ProofError):
                verify_answer(changed, vkey=vkey)


def test_every_changed_byte_of_a_refusals_disclosure_or_receipt_is_refused(partner, vkey) -> None:
    """The problem's own members stand beside, uncovered: a changed title is no change of what was recorded."""
    given = partner.ask({}, WITHHELD, kind=Kind.REFUSAL)
    raw = canonical({**PROBLEM, **given})
    covered = [(raw.index(part), len(part)) for part in (canonical(given["disclosure"]), canonical(given["receipt"]))]
    for begin, length in covered:
        for place in range(begin, begin + length):
            with pytest.raises(ProofError):
                verify_answer(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], vkey=vkey)
    assert verify_answer(canonical({**PROBLEM, **given, "title": "Other words"}), vkey=vkey)


def test_a_byte_before_or_after_is_refused(answer, vkey) -> None:
    raw = canonical(answer)
    for changed in (b" " + raw, raw + b"\n", b"\xef\xbb\xbf" + raw, raw + raw, b""):
        refused(changed, vkey)


def test_the_same_json_written_otherwise_is_refused(answer, vkey) -> None:
    assert orjson.loads(json.dumps(answer)) == answer
    refused(json.dumps(answer).encode(), vkey, "not written canonically")
    doubled = canonical(answer)[:-1] + b',"receipt":' + canonical(answer["receipt"]) + b"}"
    refused(doubled, vkey, "not written canonically")


# -- another answer's parts


def test_swapped_disclosures_are_refused(partner, vkey) -> None:
    one, other = partner.ask(RELEASED, WITHHELD), partner.ask(RELEASED, WITHHELD)
    refused({"disclosure": other["disclosure"], "receipt": one["receipt"]}, vkey, "another disclosure")
    refused({"disclosure": one["disclosure"], "receipt": other["receipt"]}, vkey, "another disclosure")


@pytest.mark.parametrize("name", ["entry", "index", "size", "proof", "checkpoint", "openings", "seed"])
def test_a_part_of_another_answers_receipt_is_refused(partner, vkey, name: str) -> None:
    one, other = partner.ask(RELEASED, WITHHELD), partner.ask(RELEASED, WITHHELD)
    refused({**one, "receipt": {**one["receipt"], name: other["receipt"][name]}}, vkey)


@pytest.mark.parametrize("name", PARTNER_NAMES)
def test_an_opening_of_another_entry_is_refused(partner, vkey, name: str) -> None:
    one, other = partner.ask(RELEASED, WITHHELD), partner.ask(RELEASED, WITHHELD)
    one["receipt"]["openings"][name] = other["receipt"]["openings"][name]
    refused(one, vkey, "does not stand in the entry")


@pytest.mark.parametrize("name", PARTNER_NAMES)
def test_a_missing_opening_is_refused(answer, vkey, name: str) -> None:
    del answer["receipt"]["openings"][name]
    refused(answer, vkey, "does not open all the names")


@pytest.mark.parametrize("name", ["subject", "facts", "more"])
def test_an_opening_that_is_not_the_partners_is_refused(answer, vkey, name: str) -> None:
    answer["receipt"]["openings"][name] = answer["receipt"]["openings"]["parties"]
    refused(answer, vkey, "or opens others")


def test_an_opening_under_another_name_is_refused(answer, vkey) -> None:
    openings = answer["receipt"]["openings"]
    openings["parties"], openings["basis"] = openings["basis"], openings["parties"]
    refused(answer, vkey, "not of that name")


def test_an_unreferenced_opening_is_refused(answer, vkey) -> None:
    """RFC 9901, section 7.3: one that no digest stands for makes the whole invalid."""
    answer["receipt"]["openings"]["matter"] = opening_of(bytes(16), "matter", {"case_reference": "C-1"})
    refused(answer, vkey, "does not stand in the entry")


@pytest.mark.parametrize("opening", ["", "!", "YQ", "YQ==", "bnVsbA", "W10", "eyJhIjoxfQ", "é", encode(b'["s","matter"]')])
def test_an_opening_of_another_form_is_refused(answer, vkey, opening: str) -> None:
    answer["receipt"]["openings"]["matter"] = opening
    refused(answer, vkey)


def test_a_changed_value_is_refused(answer, vkey) -> None:
    answer["disclosure"]["record"]["fields"]["full_name"]["value"] = "Grace Okafur"
    refused(answer, vkey, "another disclosure")


# -- logs that are wrong


def test_an_answer_of_another_log_is_refused(make_place, make_partner, answer, vkey) -> None:
    other = make_partner(make_place(origin="gateway.southmoor.gov.uk/log/southmoor")).ask()
    refused(other, vkey, "no signature by the key you hold")


def test_the_key_of_a_log_that_the_receipt_brings_along_proves_nothing(make_place, make_partner, vkey) -> None:
    """A forger makes a whole log, of the same name, and signs it with a key of its own."""
    forged = make_place()
    forged.signer = CheckpointSigner(forged.origin, Ed25519PrivateKey.generate())
    answer = make_partner(forged).ask()
    verify_answer(canonical(answer), vkey=forged.signer.vkey)
    refused(answer, vkey, "no signature by the key you hold")


def test_a_receipt_that_names_another_log_or_size_is_refused(answer, vkey) -> None:
    for change in ({"origin": "other.example"}, {"size": answer["receipt"]["size"] + 1}):
        refused({**answer, "receipt": {**answer["receipt"], **change}}, vkey, "another log or size")


def test_an_entry_that_commits_to_nothing_is_refused(place, writer, partner, vkey) -> None:
    """A gateway that logs an empty entry beside a full disclosure."""
    genuine = partner.ask(RELEASED, WITHHELD)
    sealed = seal("d_empty", {}, (), None)
    made = writer.append(lambda _c, _m: Draft(Kind.DISCLOSURE, "d_empty", sealed, outcome="partial", recipient="harbour"))
    given = receipt(made, origin=place.origin)
    for openings in ({}, genuine["receipt"]["openings"]):
        refused(
            {"disclosure": genuine["disclosure"], "receipt": {**given, "openings": openings}},
            vkey,
            "does not commit to 10 names",
        )


@pytest.mark.parametrize("without", [["facts"], ["subject"], ["facts", "subject"], ["parties"]])
def test_an_entry_that_does_not_commit_to_all_names_is_refused(partner, vkey, without) -> None:
    refused(partner.ask(RELEASED, WITHHELD, without=without), vkey, "does not commit to 10 names")


def test_an_entry_that_commits_to_an_eleventh_name_is_refused(partner, vkey) -> None:
    refused(partner.ask(RELEASED, WITHHELD, more={}), vkey, "does not commit to 10 names")


def test_an_entry_of_another_kind_is_refused(partner, vkey) -> None:
    refused(partner.ask(RELEASED, WITHHELD, kind=Kind.FAILURE), vkey, "not of a disclosure or a refusal")


def test_an_entry_without_a_counter_is_refused(partner, vkey) -> None:
    refused(partner.ask(RELEASED, WITHHELD, recipient=None), vkey, "no counter")


def test_an_entry_of_another_request_is_refused(partner, vkey) -> None:
    """The council records one disclosure's digest under another's id."""
    other = partner.ask(RELEASED, WITHHELD)
    refused(
        partner.ask(RELEASED, WITHHELD, answer=other["receipt"]["openings"] and {"digest": "sha256:" + "1" * 64}),
        vkey,
        "another disclosure",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"full_name": {"form": "full", "line": "releases[0]"}},
        {**{path: {"form": "year"} for path in RELEASED}, **{path: {"reason": why} for path, why in WITHHELD.items()}},
        [],
        None,
        {"full_name": "full"},
    ],
)
def test_an_entry_that_states_other_fields_is_refused(partner, vkey, fields) -> None:
    refused(partner.ask(RELEASED, WITHHELD, fields=fields), vkey, "fields|forms or reasons")


@pytest.mark.parametrize(
    "values", [[], [("full_name", RELEASED["full_name"])], [*RELEASED.items(), ("income", {"value": "1", "form": "full"})]]
)
def test_an_entry_that_commits_to_other_values_is_refused(partner, vkey, values) -> None:
    refused(partner.ask(RELEASED, WITHHELD, values=values), vkey, "values do not open|seed")


def test_where_nothing_was_released_there_is_no_seed(partner, vkey) -> None:
    given = partner.ask({}, WITHHELD)
    assert given["receipt"]["seed"] is None
    given["receipt"]["seed"] = encode(bytes(32))
    refused(given, vkey, "no released value")
