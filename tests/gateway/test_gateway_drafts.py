"""Every mistake of a draft at once, from all stages together; none hides another, and none makes one."""

from __future__ import annotations

from itertools import combinations

import pytest
from house import HARBOUR, House
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.demo.making import text_of
from gateway.store.draft_checks import check_draft
from policies.checking.core_rules import core_draft
from policies.reading.findings import TextError

NAME = HARBOUR.agreement

# what -> (the piece, what stands in its place, what is said, what is to be written); of every stage some
MISTAKES = {
    "a day": ("review_on: ", "review_on: 31 May 2027 ", "is not a date", "Write"),
    "a word": (
        "independent_controller ",
        "independant_controller ",
        "unknown word",
        "Did you mean independent_controller?",
    ),
    "a member": ("onward: {may: none}", "onwards: {may: none}", "has no member onwards", "Did you mean onward?"),
    "a number": ("batch: 200", "batch: 0200", "0200 has noughts before it", "Write 200."),
    "a core's name": (
        "tenancy-sustainment@3",
        "tenancy-sustainmant@3",
        "is not published",
        "Did you mean tenancy-sustainment@3?",
    ),
    "a recipient": ("[harbour-housing]", "[harbor-housing]", "is not registered", "Did you mean harbour-housing?"),
    "a field": ("[account_status, council", "[account_statsu, council", "has no field account_statsu", "account_status?"),
    "a form": ("{fields: [postcode], as: sector}", "{fields: [postcode], as: sectr}", "has no form sectr", "sector?"),
    "a line of law": (
        "when: [emergency], under: emergency",
        "when: [emergency], under: emergncy",
        "no line of law",
        "emergency?",
    ),
    "a condition": (
        "[last_payment_on], as: month, when: [consent]",
        "[last_payment_on], as: month, when: [consnt]",
        "unknown condition",
        "consent?",
    ),
    "a power": (", power: localism-act-2011-s1", "", "names no power", "Add `power:`"),
    "above the ceiling": (
        "{fields: [liable_from], as: month}",
        "{fields: [liable_from], as: full}",
        "is above the ceiling",
        "Write as: ",
    ),
    "a line that never matters": (
        "  - {fields: [age], as: band}\n",
        "  - {fields: [age], as: band}\n  - {fields: [age], as: band, when: [consent]}\n",
        "can never matter",
        "Take the field out",
    ),
    "a variation": (
        "{field: date_of_birth, as: month",
        "{field: date_of_brith, as: month",
        "has no field date_of_brith",
        "date_of_birth?",
    ),
    "a denial": (
        "[recovery_stage], as: group, when: [consent]",
        "[recovery_stage], as: group, when: [not consent]",
        "can't be denied",
        "leave the line",
    ),
}


def spoilt(house: House, *whats: str) -> str:
    text = text_of(NAME, house.clock.today).replace("version: 4\n", "version: 5\n")
    for what in whats:
        piece, other, *_ = MISTAKES[what]
        assert piece in text, piece
        text = text.replace(piece, other, 1)
    return text


def told(house: House, *whats: str) -> dict[tuple[int, str], str]:
    """Return (line, message) -> remedy of everything that is wrong."""
    try:
        check_draft(house.wiring.services.reader, spoilt(house, *whats))
    except TextError as error:
        return {(one.line, one.message): one.remedy for one in error.findings}
    return {}


def test_the_text_without_mistakes_is_right(house: House) -> None:
    assert told(house) == {}


def test_a_mistake_is_told_once_with_what_to_write(house: House) -> None:
    """And makes no other: what is said of one mistake is one finding."""
    for what, (_, _, said, remedy) in MISTAKES.items():
        found = told(house, what)

        assert len(found) == 1, (what, found)
        ((_, message), written) = next(iter(found.items()))
        assert (said in message, remedy in written) == (True, True), (what, found)


def test_no_mistake_hides_another_or_makes_one(house: House) -> None:
    """Of every two mistakes both are told, as each is told alone, and nothing besides. Lines may move."""
    alone = {what: {message for _, message in told(house, what)} for what in MISTAKES}
    for one, other in combinations(MISTAKES, 2):
        found = {message for _, message in told(house, one, other)}

        assert found == alone[one] | alone[other], (one, other, found ^ (alone[one] | alone[other]))


def test_all_mistakes_are_told_at_once(house: House) -> None:
    found = {message for _, message in told(house, *MISTAKES)}

    assert all(any(said in message for message in found) for _, _, said, _ in MISTAKES.values())
    assert len(found) == len(MISTAKES)


@pytest.mark.parametrize(
    ("piece", "other", "remedy"),
    [
        ("tenancy-sustainment@3", "tenancy-sustainment@9", "tenancy-sustainment@3 is the newest."),
        ("council-tax@", "council-tax@9", "is the newest."),
        ("council-tax@", "council-taxes@", "Did you mean council-tax@"),
        ("tenancy-sustainment@3", "x@1", "Write one of: "),
        ("[harbour-housing]", "[x]", "Register the partner first, or mend the name."),
    ],
)
def test_a_suggestion_names_what_is_published(house: House, piece: str, other: str, remedy: str) -> None:
    text = spoilt(house)
    assert piece in text

    with pytest.raises(TextError) as error:
        check_draft(house.wiring.services.reader, text.replace(piece, other, 1))

    (found,) = error.value.findings
    assert "is not published" in found.message or "is not registered" in found.message
    assert remedy in found.remedy


DENIALS = {
    "not emergency": "leave the line without `when`, or take it out",
    "without_consent": "leave the line without `when`, or take it out",
    "no consent": "leave the line without `when`, or take it out",
    "consent_withdrawn": "leave the line without `when`, or take it out",
    "not_deceased": "{record: {deceased: false}}",
    "not adult": "Write what must be so: child.",
    "nonadult": "Write what must be so: child.",
    "!child": "Write what must be so: adult.",
    "{record: {not_protected_address: true}}": "{record: {protected_address: false}}",
    "{record: {not_protected_address: false}}": "{record: {protected_address: true}}",
    "{record: {no_deceased: true}}": "{record: {deceased: false}}",
}


@pytest.mark.parametrize("denial", sorted(DENIALS))
def test_no_remedy_says_the_opposite_of_what_was_written(house: House, denial: str) -> None:
    piece = "[arrears], as: band, when: [consent]"
    written = denial if denial.startswith("{") else f'"{denial}"'
    text = spoilt(house)
    assert piece in text

    with pytest.raises(TextError) as error:
        check_draft(house.wiring.services.reader, text.replace(piece, f"[arrears], as: band, when: [{written}]", 1))

    (found,) = error.value.findings
    assert "can't be denied" in found.message
    assert DENIALS[denial] in found.remedy
    assert "Did you mean" not in found.remedy


def test_no_name_is_suggested_for_its_opposite(house: House) -> None:
    """In any place where one of a list is written, not among conditions alone."""
    text = spoilt(house).replace("onward: {may: none}", "onward: {may: not_with_permission}")

    with pytest.raises(TextError) as error:
        check_draft(house.wiring.services.reader, text)

    assert "Did you mean" not in str(error.value)


def test_the_control_api_and_the_console_tell_all_of_it_too(house: House) -> None:
    answer = house.dpo().call("POST", "/control/v1/agreements", {"text": spoilt(house, "a day", "a field", "a power")})

    assert answer.status_code == 422
    assert len(answer.json()["findings"]) == 3


def test_a_text_with_a_byte_order_mark_is_published_without_it(house: House) -> None:
    text = spoilt(house)

    answer = house.dpo().call("POST", "/control/v1/agreements", {"text": "\ufeff" + text})

    assert answer.status_code == 201, answer.text
    assert house.wiring.services.reader.find_text("agreement", NAME)[1] == text
    assert house.last()["what"]["digest"] == answer.json()["digest"]


def test_settings_and_keys_with_a_byte_order_mark_are_read(house: House) -> None:
    for file in (house.directory / "stile.toml", house.directory / "partners" / "harbour-case-system.jwk.json"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    key = house.directory / "partners" / "harbour-case-system.jwk.json"
    words = ["assertion", "--client", "harbour-case-system", "--key", str(key), "--issuer", "http://127.0.0.1:8080"]
    listing = ["partner", "list", "--dir", str(house.directory)]

    assert CliRunner().invoke(make_app(words), words).exit_code == 0
    assert CliRunner().invoke(make_app(listing), listing).exit_code == 0


# -- cores: the same


CORE = """core: tenancy-checks
version: 1
for: {purpose: tenancy-sustainment, dataset: council-tax}
ceiling: {full_name: full, postcode: sector, arrears: band}
caps:
  - {id: no-arrears, says: Never arrears, at_most: {fields: [arrears], as: withheld}}
  - {id: no-places, says: Never a place, at_most: {reveals: location, as: withheld}, when: {record: {deceased: false}}}
guardrails:
  - {id: never-together, says: Never both, never: {together: {postcode: full, date_of_birth: full}}}
"""
CORE_MISTAKES = {
    "a field of the ceiling": ("postcode: sector", "postcod: sector", "has no field postcod", "Did you mean postcode?"),
    "a form of the ceiling": ("arrears: band", "arrears: bnad", "arrears has no form bnad", "Did you mean band?"),
    "a field of a cap": ("fields: [arrears]", "fields: [arears]", "has no field arears", "Did you mean arrears?"),
    "a member of a cap": ("says: Never arrears", "say: Never arrears", "a cap has no member say", "Did you mean says?"),
    "a cap that lowers": (
        "location, as: withheld",
        "location, as: area",
        "rests on the record and lowers to area",
        "as: withheld",
    ),
    "a marker": ("{deceased: false}", "{decesed: false}", "rests on an unknown marker decesed", "Did you mean deceased?"),
    "a guardrail's field": ("date_of_birth: full", "date_of_brith: full", "has no field date_of_brith", "date_of_birth?"),
    "a version": ("version: 1", "version: 01", "01 has noughts before it", "Write 1."),
}


def told_of_core(house: House, *whats: str) -> set[str]:
    text = CORE
    for what in whats:
        piece, other, *_ = CORE_MISTAKES[what]
        assert piece in text, piece
        text = text.replace(piece, other, 1)
    try:
        core_draft(text, house.wiring.services.reader.datasets())
    except TextError as error:
        return {f"{one.line}: {one.message}. {one.remedy}" for one in error.findings}
    return set()


def test_every_mistake_of_a_core_is_told_at_once(house: House) -> None:
    """None hides another, and none makes one."""
    alone = {what: told_of_core(house, what) for what in CORE_MISTAKES}
    for what, (_, _, said, remedy) in CORE_MISTAKES.items():
        (found,) = alone[what]
        assert (said in found, remedy in found) == (True, True), found
    for one, other in combinations(CORE_MISTAKES, 2):
        assert told_of_core(house, one, other) == alone[one] | alone[other], (one, other)
    assert told_of_core(house) == set()
    assert told_of_core(house, *CORE_MISTAKES) == set().union(*alone.values())
