"""Does each story that a data protection officer tells come out as told?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import policies_building as build
import policies_texts as texts
import pytest

from policies.compile import Compiled
from policies.decide import decide
from schemas.agreement import RECORD_ATOMS, Atom
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import CHAINS, FieldType
from schemas.decision import Decision, Release, Shaped
from schemas.request import Circumstances
from schemas.terms import (
    Action,
    Capacity,
    ConsentKind,
    ConsentState,
    EmergencyKind,
    GivenBy,
    Reason,
    RestrictionKind,
    TrueReason,
)

CASES = sorted(texts.CASES.glob("*.yaml"))
MEMBERS = {"description", "given", "asked", "want", "permits", "log"}
GIVEN = {
    "agreement",
    "at",
    "recipient",
    "role",
    "caseworker",
    "case_reference",
    "statement",
    "assessment",
    "emergency",
    "token",
    "action",
    "subject",
    "people",
    "consents",
    "restrictions",
    "record",
    "groups",
}
# A net that catches is a bug, which no text that publishes can show: test_policies_nets.py makes one.
UNREACHABLE = {TrueReason.GUARDRAIL_TRIPPED}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_case_comes_out_as_told(path):
    """What leaves, in which form, by which line; why the rest stays; and what only the log knows."""
    case = texts.load_yaml(path)
    assert set(case) <= MEMBERS, "a misspelt member would be a promise that nobody checks"
    assert {"description", "given", "want"} <= set(case)

    decision, shaped = run(case)

    wanted = case["want"]
    told = {name: seen(shaped, name) for name in (*shaped.fields, *shaped.withheld, *shaped.lines)}
    assert told == wanted
    assert decision.permits is case.get("permits", True)
    log = case.get("log", {})
    assert set(log) <= {"reasons", "markers"}
    assert {name: reason.value for name, reason in shaped.true_reasons.items()} == log.get("reasons", {})
    assert dict(shaped.markers) == log.get("markers", {})
    assert shaped.tripped == ()


def test_there_are_enough_cases():
    assert len(CASES) >= 25


def test_every_reason_is_told_by_some_case():
    """A reason that no story shows is a reason that nobody has read."""
    told = [run(texts.load_yaml(path))[1] for path in CASES]

    assert {reason for shaped in told for reason in shaped.withheld.values()} == set(Reason)
    assert {reason for shaped in told for reason in shaped.true_reasons.values()} == set(TrueReason) - UNREACHABLE


def test_every_form_of_every_type_leaves_in_some_case():
    """The chains of all types, whole; an age's threshold counts as one form."""
    left = set()
    for path in CASES:
        case = texts.load_yaml(path)
        _, shaped = run(case)
        fields = fields_of(case)
        left |= {(fields[name].type, form) for name, (form, _) in shaped.lines.items()}

    assert left == {(kind, form) for kind in FieldType for form in CHAINS[kind]}


def test_every_condition_is_met_and_missed_in_some_case():
    """Known true releases; known false, and for what the record tells unknown too, does not."""
    met, missed, said = set(), set(), set()
    for path in CASES:
        case = texts.load_yaml(path)
        decision, shaped = run(case)
        said |= {(name.partition(":")[0], value) for name, value in shaped.markers.items()}
        agreement = texts.agreements().get(case["given"]["agreement"])
        for line in agreement.releases if agreement and decision.permits else ():
            released = {name for name in line.fields if shaped.lines.get(name, ("", ""))[1] == line.id}
            stays = [name for name in line.fields if name in decision.fields and name not in released]
            met |= {atom for atom in line.when if released}
            missed |= {atom for atom in line.when if stays}

    assert set(Atom) <= met
    assert set(Atom) <= missed
    assert {(atom.value, value) for atom in RECORD_ATOMS for value in (True, False, None)} <= said
    assert {("protected_address", value) for value in (True, False, None)} <= said


def run(case) -> tuple[Decision, Shaped]:
    given = case["given"]
    assert set(given) <= GIVEN
    asked = case.get("asked")
    if given["agreement"] not in texts.agreements():
        other = texts.compiled("northmoor-harbour-tenancies")
        decision = decide(None, build.circumstances(other, asked=tuple(asked)))
        reasons = {name: one.reason for name, one in decision.fields.items()}
        return decision, Shaped({}, {}, reasons, {}, {})
    compiled = texts.compiled(given["agreement"])
    held = None
    if given.get("record") != "nobody":
        held = build.record(compiled.rules.dataset, given.get("record", {}), given.get("groups"))
    people = frozenset(given["people"]) if "people" in given else None
    return build.answer(compiled, circumstances(compiled, given, asked), held, people)


def circumstances(compiled: Compiled, given, asked) -> Circumstances:
    base = build.circumstances(compiled)
    token = given.get("token", {})
    emergency = given.get("emergency")
    return Circumstances(
        at=instant(given["at"]) if "at" in given else base.at,
        recipient=given.get("recipient", base.recipient),
        token_purpose=token.get("purpose", base.token_purpose),
        token_dataset=token.get("dataset", base.token_dataset),
        token_fields=frozenset(token["fields"]) if "fields" in token else None,
        token_actions=frozenset(Action(one) for one in token.get("actions", ["read"])),
        action=Action(given.get("action", "read")),
        asked=None if asked is None else tuple(asked),
        role=given.get("role", base.role),
        has_caseworker=given.get("caseworker", True),
        has_case_reference=given.get("case_reference", True),
        has_statement=given.get("statement", False),
        has_assessment=given.get("assessment", False),
        emergency=EmergencyKind(emergency) if emergency else None,
        subject=given.get("subject", None if given.get("record") == "nobody" else base.subject),
        consents={who: tuple(consent(compiled, one) for one in many) for who, many in given.get("consents", {}).items()},
        restrictions={
            who: tuple(restriction(compiled, one) for one in many) for who, many in given.get("restrictions", {}).items()
        },
    )


def consent(compiled: Compiled, told) -> ConsentRecord:
    readers = {
        "state": ConsentState,
        "kind": ConsentKind,
        "given_by": GivenBy,
        "capacity": Capacity,
        "fields": frozenset,
        "recipients": frozenset,
        "purpose": str,
        "from_at": instant,
        "until": instant,
    }
    return build.consent(compiled, **{name: readers[name](value) for name, value in told.items()})


def restriction(compiled: Compiled, told) -> Restriction:
    readers = {
        "kind": RestrictionKind,
        "fields": frozenset,
        "recipients": frozenset,
        "from_at": instant,
        "until": instant,
    }
    return build.restriction(compiled, **{name: readers[name](value) for name, value in told.items()})


def instant(raw) -> datetime:
    found = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def fields_of(case):
    agreement = texts.agreements().get(case["given"]["agreement"])
    return texts.datasets()[agreement.dataset].fields if agreement else {}


def seen(shaped: Shaped, name: str):
    """Return what a case says of one field: a value with its form and line, or a reason."""
    if name in shaped.withheld:
        return shaped.withheld[name].value
    form, line = shaped.lines[name]
    if name not in shaped.fields:
        return {"form": form, "line": int(line.partition("/")[2])}
    return {**plain(dict(shaped.fields[name])), "line": int(line.partition("/")[2])}


def plain(value):
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def test_a_release_is_never_both_given_and_withheld():
    for path in CASES:
        decision, shaped = run(texts.load_yaml(path))
        assert not set(shaped.lines) & set(shaped.withheld)
        assert all(name in decision.fields for name in shaped.lines)
        assert all(isinstance(decision.fields[name], Release) for name in shaped.lines)
