"""What holds for everybody, whatever an agreement and its cores say? What a marker protects is withheld.

No text can take this away, and none has to be copied right for it: what can kill somebody must not depend on that. The
exceptions are the lawful ones: police, ambulance and fire in an emergency, and a line that rests on the protected
person's own consent. (`protected_access`, by two people's approval, is not publishable yet.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from policies.deciding.targets import covered
from schemas.agreement import Cap, Guardrail, RecordTerm, Target
from schemas.dataset import Dataset, Field
from schemas.forms import WITHHELD
from schemas.semantics import FIRST, Semantics
from schemas.terms import RecipientKind, Tag

SINCE: Final = 2  # the semantics that know safeguards
BLUE_LIGHT: Final = frozenset({RecipientKind.POLICE, RecipientKind.AMBULANCE, RecipientKind.FIRE})
PREFIX: Final = "safeguard-"


def safeguards(dataset: Dataset) -> tuple[Cap, ...]:
    """Return one cap for each marker and tag that it protects."""
    return tuple(
        _safeguard(dataset, marker, tag)
        for marker in dataset.fields.values()
        if marker.marker
        for tag in sorted(marker.protects)
    )


def _safeguard(dataset: Dataset, marker: Field, tag: Tag) -> Cap:
    return Cap(
        id=f"{PREFIX}{marker.path}-{tag.value}".replace("_", "-").replace(".", "-"),
        says=f"What reveals {tag.value.replace('_', ' ')} of somebody whom {marker.label.lower()} protects never leaves",
        target=_target(dataset, marker, tag),
        form=WITHHELD,
        when=(RecordTerm(marker.path, value=True),),
        except_emergency=BLUE_LIGHT,
        except_own_consent=True,
    )


def _target(dataset: Dataset, marker: Field, tag: Tag) -> Target:
    """A marker of the header protects all that the record holds; one of a group its own row."""
    group, dot, _ = marker.path.partition(".")
    if not dot:
        return Target(reveals=tag)
    inner = (group, *dataset.groups[group].fields)
    return Target(fields=tuple(path for path in inner if tag in dataset.fields[path].reveals) or (marker.path,))


def caps_of_wider_rules(guardrails: tuple[Guardrail, ...], dataset: Dataset) -> Iterator[Cap]:
    """Yield, for a text of the first semantics, a cap in place of what its guardrails have come to cover since.

    Nobody proved that text against it: it withholds, and is no tripped net.
    """
    for rail in guardrails:
        if rail.target is None:
            continue
        before = covered(rail.target, dataset, Semantics(FIRST, FIRST))
        wider = tuple(one.path for one in covered(rail.target, dataset, Semantics()) if one not in before)
        if wider:
            yield Cap(
                id=rail.id,
                says=rail.says,
                target=replace(Target(), fields=wider),
                form=WITHHELD if rail.when else rail.above or WITHHELD,
                when=rail.when,
                recipient_kinds=rail.recipient_kinds,
                except_emergency=rail.except_emergency,
                except_powers=rail.except_powers,
            )
