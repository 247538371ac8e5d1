"""What do conditions, caps and guardrails say? The part that cores, council rules and agreements share."""

from __future__ import annotations

from typing import Final

from policies.reading.findings import Finding, TextError, denied, denies, did_you_mean
from policies.reading.sections import (
    Section,
    choice,
    integer,
    listed,
    members,
    name,
    one_of,
    path,
    refused,
    slug,
    truth_or_code,
    word,
)
from policies.reading.yaml_text import Items, Members, Node, Scalar
from schemas.agreement import RECORD_ATOMS, Atom, Cap, Condition, Guardrail, Identify, RecordTerm, Target
from schemas.forms import WITHHELD
from schemas.terms import Classification, EmergencyKind, Origin, RecipientKind, Tag

_NO_GUARDRAIL: Final = Guardrail("", "", None, None, {})  # stands in for one that can't be read: it guards nothing


def conditions(node: Node) -> tuple[Condition, ...]:
    """Read `when`: a list of atoms and `{record: {marker: value}}`, or a lone mapping of that sort."""
    if isinstance(node, Members):
        return _record_terms(node)
    if isinstance(node, Scalar):
        return (_atom(node),)
    if not node.items:
        raise refused(node, "the list is empty", "Name a condition, or take `when` out.")
    found: list[Condition] = []
    for item in node.items:
        more = _record_terms(item) if isinstance(item, Members) else (_atom(item),)
        twice = [one for one in more if one in found]
        if twice:
            raise refused(item, "the same condition stands here twice", "Keep one of them.")
        found += more
    return tuple(found)


def line_conditions(node: Node) -> tuple[tuple[Condition, ...], frozenset[EmergencyKind]]:
    """Read a line's `when`: `{emergency: [risk_to_life, …]}` stands for the atom, held to these kinds."""
    if not isinstance(node, Items):
        kinds = _kinds_of_emergency(node)
        return ((Atom.EMERGENCY,), kinds) if kinds else (conditions(node), frozenset())
    named = [one for item in node.items for one in _kinds_of_emergency(item)]
    others = Items(tuple(item for item in node.items if not _kinds_of_emergency(item)), node.line, node.column)
    found = conditions(others) if others.items or not named else ()
    if named and Atom.EMERGENCY in found:
        raise refused(node, "emergency stands here with kinds and without", "Keep one of them.")
    return ((*found, Atom.EMERGENCY) if named else found), frozenset(named)


def _kinds_of_emergency(node: Node) -> frozenset[EmergencyKind]:
    if not isinstance(node, Members) or "emergency" not in node.members:
        return frozenset()
    section = Section(node, "a condition")
    found = section.need("emergency", listed(choice(EmergencyKind)))
    section.close()
    return frozenset(found)


def _restricting(node: Node) -> tuple[Condition, ...]:
    """Read the conditions of what restricts: only such as can be known to be otherwise.

    A partner's silence is no knowledge, so a cap on what a partner declares would hold at all times.
    """
    found = conditions(node)
    for one in found:
        if isinstance(one, Atom) and one not in {Atom.NO_OBJECTION, *RECORD_ATOMS}:
            text = f"what restricts can't rest on {one.value}, which is never known to be otherwise"
            raise refused(node, text, "Take it out here, and ask for it on the release lines.")
    return found


def _atom(node: Node) -> Atom:
    text = word(node)
    try:
        return Atom(text)
    except ValueError as error:
        known = [*(one.value for one in Atom), "record"]
        if (base := denied(text)) is not None or (base := _undone(text)) is not None:
            raise refused(node, f"{text[:80]!r}: a condition can't be denied", _so_instead(base)) from error
        raise refused(node, f"unknown condition {text[:80]!r}", did_you_mean(text, known)) from error


def _undone(text: str) -> str | None:
    """Return the condition that a word with "un" or "non" before it denies."""
    near = [one.value for one in Atom if one.value != text and denies(text, one.value)]
    return next((one for one in near if text.endswith(one)), None)


def _so_instead(base: str) -> str:
    """Say what to write where somebody denied a condition: what must be so, and never the condition itself."""
    opposite = {Atom.ADULT.value: Atom.CHILD.value, Atom.CHILD.value: Atom.ADULT.value}.get(base)
    if opposite is not None:
        return f"Write what must be so: {opposite}."
    if base in {one.value for one in Atom} - {Atom.DECEASED.value} or not base:
        return "No condition says that: leave the line without `when`, or take it out."
    return f"Write what must be so: {{record: {{{base}: false}}}}."


def _record_terms(node: Node) -> tuple[Condition, ...]:
    section = Section(node, "a condition")
    terms = section.need("record", members(path, truth_or_code))
    section.close()
    return tuple(RecordTerm(marker, value) for marker, value in terms.items())


def exception(node: Node) -> tuple[frozenset[RecipientKind], frozenset[str]]:
    """Read `except`: kinds of recipient in an emergency, powers that a line of law names."""
    section = Section(node, "the exception")
    kinds = section.may("emergency", listed(choice(RecipientKind)), ())
    powers = section.may("powers", listed(slug), ())
    section.close()
    return frozenset(kinds), frozenset(powers)


def cap(node: Node) -> Cap:
    """Read a conditional ceiling."""
    section = Section(node, "a cap")
    found = section.may("except", exception, (frozenset(), frozenset()))
    aim = section.need("at_most", _at_most)
    own, says = section.need("id", slug), section.need("says", word)
    when = section.may("when", _restricting, ())
    kinds = frozenset(section.may("recipient_kinds", listed(choice(RecipientKind)), ()))
    findings = section.told()
    if findings:
        # Without what it is about, it lowers nothing; else its fields are looked at all the same.
        raise TextError(findings, kept=Cap(own or "", says or "", *(aim or (Target(), WITHHELD)), when))
    return Cap(own, says, aim[0], aim[1], when, kinds, found[0], found[1])


def _at_most(node: Node) -> tuple[Target, str]:
    section = Section(node, "at_most")
    target = _target(section)
    form = section.need("as", name)
    _needs_a_facet(section, target, node)
    return target, form


def guardrail(node: Node) -> Guardrail:
    """Read what can never happen."""
    section = Section(node, "a guardrail")
    own, says = section.need("id", slug), section.need("says", word)
    made = section.need("never", lambda inner: _never(inner, own or "", says or ""))
    section.close()
    return made


def _never(node: Node, own: str, says: str) -> Guardrail:
    section = Section(node, "never")
    together = section.may("together", members(path, name), {})
    target = _target(section)
    above = section.may("above", name, None)
    when = section.may("when", _restricting, ())
    kinds = frozenset(section.may("recipient_kinds", listed(choice(RecipientKind)), ()))
    found = section.may("except", exception, (frozenset(), frozenset()))
    if together:
        section.check(target == Target() and above is None, "together", "`together` stands alone", "Use two guardrails.")
        section.check(len(together) > 1, "together", "`together` needs two fields", "Name both, each with its form.")
        section.close()
    else:
        _needs_a_facet(section, target, node)
    return Guardrail(own, says, None if together else target, above, together, when, kinds, found[0], found[1])


def _target(section: Section) -> Target:
    return Target(
        fields=section.may("fields", listed(path), ()),
        reveals=section.may("reveals", choice(Tag), None),
        classification=section.may("classification", choice(Classification), None),
        origin=section.may("origin", one_of(*(one.value for one in Origin)), None),
    )


def _needs_a_facet(section: Section, target: Target, node: Node) -> None:
    section.close()
    if target == Target():
        raise refused(node, "names no fields", "Write one of fields, reveals, classification, origin.")


def identify(node: Node) -> Identify:
    """Read how people may be named."""
    section = Section(node, "identify")
    found = Identify(
        keys=section.may("keys", listed(name), ()),
        confirm=section.may("confirm", listed(name), ()),
        at_least=section.may("at_least", integer(1, 9), None),
    )
    section.check(found != Identify(), "identify", "says nothing", "Name keys, confirming details, or how many: at_least.")
    section.close()
    return found


def unique(node: Node, ids: list[str], what: str, kept: object = None) -> None:
    """Raise TextError where two rules share an id."""
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        error = Finding(node.line, node.column, f"two {what} are called {twice[0]}", "Give each its own id.")
        raise TextError([error], kept=kept)


def caps(node: Node) -> tuple[Cap, ...]:
    """Read a list of caps."""
    found = listed(cap)(node)
    unique(node, [one.id for one in found], "caps", found)
    return found


def guardrails(node: Node) -> tuple[Guardrail, ...]:
    """Read a list of guardrails."""
    found = listed(guardrail, lost=_NO_GUARDRAIL)(node)
    unique(node, [one.id for one in found], "guardrails", found)
    return found
