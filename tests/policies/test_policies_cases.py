"""Does each story that a data protection officer tells come out as told?"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import policies_building as build
import policies_texts as texts
import pytest

from policies.deciding.compile import Compiled
from policies.deciding.decide import decide
from schemas.agreement import RECORD_ATOMS, Atom, Speaking
from schemas.consent import ConsentRecord, Restriction
from schemas.decision import Decision, Release, Shaped
from schemas.forms import CHAINS, FieldType
from schemas.reasons import Reason, TrueReason
from schemas.request import Circumstances
from schemas.terms import (
    Action,
    AssuranceLevel,
    Capacity,
    ConsentKind,
    ConsentState,
    EmergencyKind,
    GivenBy,
    RestrictionKind,
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
    "vouched",
    "assurances",
    "statement",
    "assessment",
    "emergency",
    "token",
    "action",
    "subject",
    "people",
    "key",
    "details",
    "consents",
    "restrictions",
    "record",
    "groups",
}
# A net that catches is a bug, which no text that publishes can show: test_policies_nets.py makes one. Claims are compared
# with what a decision released: test_policies_claims.py. A limit is judged by the append transaction.
UNREACHABLE = {TrueReason.GUARDRAIL_TRIPPED, TrueReason.CLAIM_NOT_COMPARABLE, TrueReason.WRONG_TOO_OFTEN}
UNDECIDED = {Reason.LIMIT_REACHED}
SPEAKING = tuple(f"{one.value}:" for one in Speaking)


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
    wanted_markers = log.get("markers", {})
    # That whoever said yes was alive and able to is in every such entry: told of where a story is about it.
    markers = {name: one for name, one in shaped.markers.items() if name in wanted_markers or not name.startswith(SPEAKING)}
    assert markers == wanted_markers
    assert shaped.tripped == ()


def test_there_are_enough_cases():
    assert len(CASES) >= 115


def test_every_dataset_has_its_stories():
    """None stands here that nobody has told of, and each that ships has a dozen."""
    told = Counter(dataset_of(texts.load_yaml(path)) for path in CASES)

    assert len(texts.datasets()) >= 4
    assert {one for one, count in told.items() if one is not None and count >= 12} == set(texts.datasets())


def test_every_agreement_that_ships_has_its_stories():
    told = Counter(texts.load_yaml(path)["given"]["agreement"] for path in CASES)

    assert {name: told[name] for name in texts.SHIPPED_AGREEMENTS if told[name] < 5} == {}


def test_every_form_of_a_group_that_an_agreement_names_leaves_in_some_case():
    """Per dataset and group, what a line says of the number and the rows; over all of them, the whole chain."""
    named = {
        (agreement.dataset, path, line.form)
        for agreement in texts.agreements().values()
        for line in agreement.releases
        for path in line.fields
        if path in texts.datasets()[agreement.dataset].groups
    }
    left = set()
    for path in CASES:
        case = texts.load_yaml(path)
        _, shaped = run(case)
        groups = texts.datasets()[dataset_of(case)].groups if dataset_of(case) else {}
        left |= {(dataset_of(case), name, form) for name, (form, _) in shaped.lines.items() if name in groups}

    assert {form for *_, form in named} == set(CHAINS[FieldType.GROUP])
    assert named <= left


def test_rows_are_shown_and_held_back_over_every_dataset_with_groups():
    """A group's own marker is known to be true of some row, and to be false of all, in each dataset that has one."""
    marked = {
        (dataset, path)
        for dataset, one in texts.datasets().items()
        for path, field in one.fields.items()
        if field.marker and "." in path
    }
    said = set()
    for path in CASES:
        case = texts.load_yaml(path)
        said |= {(dataset_of(case), *one) for one in run(case)[1].markers.items() if "." in one[0]}

    assert len(marked) >= 3
    assert {(*one, value) for one in marked for value in (True, False)} <= said


def test_every_second_persons_own_field_leaves_and_stays_in_some_case():
    """By a line that says whose it is; and in another story, not. Where nothing is a person's own, they are told of."""
    theirs = {(at, who) for at, one in texts.datasets().items() for who in list(one.people)[1:]}
    left, stayed, told = set(), set(), set()
    for path in CASES:
        case = texts.load_yaml(path)
        given, dataset = case["given"], dataset_of(case)
        _, shaped = run(case)
        own = {name: field.of for name, field in fields_of(case).items()}
        left |= {(dataset, own[name]) for name in shaped.lines}
        stayed |= {(dataset, own.get(name)) for name in shaped.withheld}
        named = {given.get("subject"), *given.get("consents", {}), *given.get("restrictions", {})}
        told |= {(dataset, who) for who in named}
    with_fields = {(at, who) for at, who in theirs if any(one.of == who for one in texts.datasets()[at].fields.values())}

    assert len(with_fields) >= 3
    assert with_fields <= left
    assert with_fields <= stayed
    assert theirs <= told | left


def test_every_reason_is_told_by_some_case():
    """A reason that no story shows is a reason that nobody has read."""
    told = [run(texts.load_yaml(path))[1] for path in CASES]

    assert {reason for shaped in told for reason in shaped.withheld.values()} == set(Reason) - UNDECIDED
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
        # Whoever is told of in a case is alive, unless it says otherwise: a consent ends with a death.
        living = able_and_alive(compiled) if given.get("consents") else {}
        held = build.record(compiled.rules.dataset, {**living, **given.get("record", {})}, given.get("groups"))
    people = frozenset(given["people"]) if "people" in given else None
    return build.answer(compiled, circumstances(compiled, given, asked), held, people)


def able_and_alive(compiled: Compiled) -> dict[str, object]:
    grown = dict.fromkeys(compiled.births.values(), "1980-01-01")
    return {**grown, **({"deceased": False} if "deceased" in compiled.rules.dataset.fields else {})}


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
        is_vouched=given.get("vouched", True),
        assurances=frozenset(AssuranceLevel(one) for one in given.get("assurances", list(AssuranceLevel))),
        has_statement=given.get("statement", False),
        has_assessment=given.get("assessment", False),
        emergency=EmergencyKind(emergency) if emergency else None,
        subject=given.get("subject", None if given.get("record") == "nobody" else base.subject),
        people=frozenset(given.get("people", base.people)),
        key=given.get("key"),
        details=frozenset(given.get("details", ())),
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


def dataset_of(case):
    agreement = texts.agreements().get(case["given"]["agreement"])
    return agreement.dataset if agreement else None


def fields_of(case):
    return texts.datasets()[dataset_of(case)].fields if dataset_of(case) else {}


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
