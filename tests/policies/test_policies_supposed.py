"""Is what `stile decide` says what a record is then shaped into, wherever the suppositions are so?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from random import Random

import policies_building as build
import policies_random as random
import pytest

from gateway.desk.supposing import Outlook, Supposed, circumstances, outlook
from policies.deciding.compile import AGES, DECEASED, Compiled, births_for, born_of, compile_rules
from policies.deciding.decide import decide
from policies.deciding.facts import holds
from policies.deciding.forms import apply_form
from policies.deciding.shape import shape
from schemas.agreement import PersonTerm, RecordTerm
from schemas.dataset import Field
from schemas.decision import Option, Record, Release, Unusable, Withhold
from schemas.instants import london_day
from schemas.terms import EmergencyKind, RestrictionKind

WORLDS = 400


def supposed(r: Random) -> Supposed:
    return Supposed(
        recipient=random.mostly(r, "aire-police", "aire-ambulance"),
        about=r.choice([None, *random.PEOPLE]),
        role=r.choice([None, "nurse", "clerk"]),
        consent=r.random() < 0.6,
        restriction=r.choice([None, None, *RestrictionKind]),
        statement=r.random() < 0.5,
        assessment=r.random() < 0.5,
        emergency=r.choice([None, *EmergencyKind]),
        age=r.choice([None, 3, 15, 16, 17, 18, 40]),
    )


def record_of(r: Random, compiled: Compiled, s: Supposed, on: date) -> Record:
    """Return a record, whatever it says, of which all that is supposed is so."""
    found = random.record(r)
    living = {DECEASED: False} if s.consent else {}
    born = (
        {} if s.age is None else dict.fromkeys(compiled.births.values(), date(on.year - s.age, on.month, min(on.day, 28)))
    )
    return replace(found, values={**found.values, **living, **{path: day for path, day in born.items() if path}})


def said_to_leave(one: Release, field: Field, record: Record, said: Outlook, subject: str | None) -> str | None:
    """Read an outlook as it is written: the first form whose conditions hold, and that no cap keeps."""
    compiled, on = said.compiled, said.on

    def each(term: object, of: str | None) -> list[bool | None]:
        if isinstance(term, PersonTerm):
            births: tuple[str | None, ...] = (born_of(compiled, person=term.person, subject=subject),)
        else:
            births = births_for(compiled, field, subject=subject, of=of) if term in AGES else (None,)
        return [holds(term, record, on=on, born=born) for born in births]

    kept = [cap for cap in one.caps if not any(set(each(term, field.of)) == {False} for term in cap.record)]

    def leaves(option: Option) -> bool:
        spared = all(option.line in cap.spares or (cap.spares_own_consent and option.own_consent) for cap in kept)
        return spared and all(set(each(term, compiled.whose[option.line])) == {True} for term in option.record)

    raw = record.values.get(field.derived_from or field.path)
    forms = (option.form for option in one.options if leaves(option))
    made = ((form, apply_form(field, form, raw, on=on, pseudonym=lambda _path, _value: "p")) for form in forms)
    return next((form for form, value in made if value is not None and value is not Unusable.INVALID), None)


def test_what_is_said_to_leave_leaves_and_nothing_else_does() -> None:
    seen: Counter[str] = Counter()
    for seed in range(WORLDS):
        r = random.world(seed)
        compiled, s = compile_rules(random.rule_set(r)), supposed(r)
        at = random.mostly(r, build.NOW, *random.INSTANTS)
        said, c = outlook(compiled, s, at), circumstances(compiled, s, at)
        record, decision = record_of(r, compiled, s, london_day(at)), decide(compiled, c)
        shaped = shape(
            record,
            decision,
            compiled,
            people=c.people,
            on=said.on,
            emergency=s.emergency,
            recipient=s.recipient,
            pseudonym=lambda _path, _value: "p",
        )
        for path, one in said.fields.items():
            field, left = compiled.rules.dataset.fields[path], shaped.fields.get(path)
            if isinstance(one, Withhold):
                assert left is None, (seed, path)
                assert shaped.withheld[path] == one.reason, (seed, path)
            elif path in random.OUTER:
                form = said_to_leave(one, field, record, said, c.subject)
                assert (left and left["form"]) == form, (seed, path)
                seen["released" if form else "not available"] += 1
    assert min(seen["released"], seen["not available"]) > 200


@pytest.mark.parametrize(
    "s", [Supposed("aire-police", age=40), Supposed("aire-police", consent=True)], ids=["age", "consent"]
)
def test_of_a_groups_rows_nothing_is_supposed(s: Supposed) -> None:
    """A cap on what rows say was taken for lifted, as if there were no rows."""
    hidden = random.cap(random.world(1))
    rest = RecordTerm("episodes.hidden", True)
    capped = replace(hidden, when=(rest,), target=random.Target(fields=("surname", "tenure")), form="withheld",
                     recipient_kinds=frozenset(), except_emergency=frozenset(), except_powers=frozenset())  # fmt: skip
    line = replace(random.line(random.world(1), 1), fields=("tenure",), form="full", when=(), to=(), roles=(), of=None)
    rules = replace(random.RULES, caps=(capped,), guardrails=())
    rules = replace(
        rules, agreement=replace(rules.agreement, releases=(line,), requires=frozenset(), assurance=frozenset())
    )

    found = outlook(compile_rules(rules), s, build.NOW).fields["tenure"]

    assert [cap.record for cap in found.caps] == [(rest,)]
