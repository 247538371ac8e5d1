"""What does one field of a dataset say, and which forms can it take?"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from policies.reading.findings import did_you_mean
from policies.reading.sections import Section, boolean, choice, integer, listed, members, name, refused, word
from policies.reading.yaml_text import Node, Scalar
from schemas.dataset import Field
from schemas.forms import CHAINS, FieldType
from schemas.semantics import FIRST
from schemas.terms import Classification, Origin, SpecialCategory, Tag

_DEFAULT_OVER: Final = 18
_STEPPED: Final = frozenset({FieldType.NUMBER, FieldType.MONEY})
_BANDED: Final = _STEPPED | {FieldType.AGE}


def parse_field(at: Scalar, node: Node, prefix: str, number: int) -> Field:
    """Return a field; `prefix` is its group's name and a dot, or nothing. `number` is the semantics of the text."""
    own = name(at)
    section = Section(node, f"field {prefix}{own}")
    type_ = section.need("type", choice(FieldType))
    label = section.need("label", word)
    classification = section.need("classification", choice(Classification))
    bands = section.may("bands", listed(integer(-1_000_000, 1_000_000_000)), ())
    step = section.may("step", integer(1, 1_000_000), None)
    over = section.may("over", integer(1, 120), None)
    base = section.may("from", name, None)
    groups = section.may("groups", members(word, word), None)
    codes = section.may("codes", listed(word), None)
    is_open = section.may("open", boolean, number == FIRST and not (groups or codes))
    allowed = section.may("forms", listed(name), None)
    categories = section.may("categories", listed(choice(SpecialCategory)), ())
    field = Field(
        path=prefix + own,
        type=type_,
        label=label,
        classification=classification,
        chain=(),
        categories=frozenset(categories),
        reveals=frozenset(section.may("reveals", listed(choice(Tag)), ())),
        origin=section.may("origin", choice(Origin), None),
        marker=section.may("marker", boolean, False),
        of=section.may("of", name, None),
        derived_from=prefix + base if base else None,
        bands=bands,
        step=step,
        code_groups=groups,
        codes=None if is_open or type_ is not FieldType.CODE else frozenset((*(codes or ()), *(groups or ()))),
        protects=frozenset(section.may("protects", listed(choice(Tag)), _old_words(own, type_, number))),
    )
    if type_ is not None:
        _check_field(section, field, over)
        _check_codes(section, field, codes)
    section.close()
    return replace(field, chain=_chain(node, field, over, allowed))


def _old_words(own: str, kind: FieldType, number: int) -> tuple[Tag, ...]:
    """Return what a marker protects that says nothing of it: in texts of the first semantics its name said so."""
    is_old = number == FIRST and own == "protected_address" and kind is FieldType.BOOLEAN
    return (Tag.LOCATION,) if is_old else ()


def _check_codes(section: Section, field: Field, codes: tuple[str, ...] | None) -> None:
    is_code = field.type is FieldType.CODE
    for member in ("codes", "open"):
        is_there = member in section.names()
        section.check(not is_there or is_code, member, f"a {field.type.value} has no {member}", f"Take `{member}` out.")
    section.check(
        not (codes and field.codes is None), "open", "`open` and `codes` stand against each other", "Take one of them out."
    )
    outside = sorted(set(field.code_groups or ()) - set(codes)) if codes else []
    section.check(
        not outside, "codes", f"groups has {outside[:1]}, which is not among the codes", "Add it, or take it out of groups."
    )
    section.check(
        not field.protects or (field.marker and field.type is FieldType.BOOLEAN),
        "protects",
        "only a boolean marker protects",
        "Write `type: boolean` and `marker: true`, or take `protects` out.",
    )


def _check_field(section: Section, field: Field, over: int | None) -> None:
    kind = field.type
    section.check(kind is not FieldType.GROUP, "type", "a group is not a field's type", "Write it under groups.")
    special = field.classification is Classification.SPECIAL_CATEGORY
    section.check(
        special == bool(field.categories),
        "classification",
        "special_category and categories go together",
        "Name the Article 9 categories of a special category field, and of no other.",
    )
    section.check(
        not field.marker or kind in {FieldType.BOOLEAN, FieldType.CODE},
        "marker",
        "a marker must be a boolean or a code",
        "Take `marker` out, or change the type.",
    )
    section.check(
        (kind is FieldType.AGE) == (field.derived_from is not None),
        "from",
        "`from` and the type age go together",
        "An age names the date that it derives from; nothing else does.",
    )
    for member, is_there, kinds in (
        ("bands", bool(field.bands), _BANDED),
        ("step", field.step is not None, _STEPPED),
        ("over", over is not None, {FieldType.AGE}),
        ("groups", field.code_groups is not None, {FieldType.CODE}),
    ):
        section.check(not is_there or kind in kinds, member, f"a {kind.value} has no {member}", f"Take `{member}` out.")
    _check_edges(section, field, over)


def _check_edges(section: Section, field: Field, over: int | None) -> None:
    """Keep the chain law: a band follows from the rounded value, and over_N from the band."""
    bands, step = field.bands, field.step
    section.check(list(bands) == sorted(set(bands)), "bands", "bands must rise", "Put the edges in order, each once.")
    section.check(
        step is None or all(edge % step == 0 for edge in bands),
        "bands",
        f"every band edge must be a multiple of the step {step}",
        "Move the edge, or change the step.",
    )
    section.check(
        over is None or not bands or over in bands,
        "over",
        f"bands must have an edge at {over}, so that over_{over} follows from the band",
        f"Add {over} to bands.",
    )


def _chain(node: Node, field: Field, over: int | None, allowed: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return what the dataset allows of the type's chain; a form that lacks what it needs is left out."""
    full = list(CHAINS[field.type])
    if field.type is FieldType.AGE:
        threshold = over or _DEFAULT_OVER
        follows = not field.bands or threshold in field.bands
        full = [*([f"over_{threshold}"] if follows else []), "band", "years"]
    missing = {
        "band": not field.bands,
        "rounded": field.step is None,
        "group": field.type is FieldType.CODE and field.code_groups is None,
    }
    chain = tuple(form for form in full if not missing.get(form, False))
    if allowed is None:
        return chain
    unknown = [form for form in allowed if form not in chain]
    if unknown:
        text = f"field {field.path} can't take the form {unknown[0]}"
        raise refused(node, text, did_you_mean(unknown[0], chain))
    return tuple(form for form in chain if form in allowed)
