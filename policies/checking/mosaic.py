"""Could several agreements give one recipient what a guardrail says may never leave together?

Two calls are one disclosure to whoever makes them. Within an agreement the guardrail is proved; across agreements this
warns, and what a recipient has received is counted elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.deciding.line_meaning import ceiling_rank, receivers
from policies.deciding.net_parts import Part, net_parts
from policies.reading.places import Flaw
from schemas.agreement import Guardrail, ReleaseLine, RuleSet


def mosaic_flaws(rules: RuleSet, others: Sequence[RuleSet]) -> Iterator[Flaw]:
    """Yield each guardrail whose parts leave partly by this agreement and partly by another, to one recipient."""
    for rail in rules.guardrails:
        if rail.together:
            for other in others:
                yield from _broken(rail, rules, other)


def _broken(rail: Guardrail, rules: RuleSet, other: RuleSet) -> Iterator[Flaw]:
    parts = net_parts(rail, rules)
    for recipient in sorted(rules.recipient_kinds.keys() & other.recipient_kinds.keys()):
        if rail.recipient_kinds and rules.recipient_kinds[recipient] not in rail.recipient_kinds:
            continue
        ours = [_giving(rules, part, recipient) for part in parts]
        theirs = [_giving(other, part, recipient) for part in parts]
        if not parts or any(one is None and another is None for one, another in zip(ours, theirs, strict=True)):
            continue
        here = next((one for one in ours if one is not None), None)
        there = next(
            (one for mine, one in zip(ours, theirs, strict=True) if one is not None and (mine is None or mine is not here)),
            None,
        )
        if here is None or there is None:
            continue
        theirs_is = f"{', '.join(there.fields)} by {other.agreement.id}@{other.agreement.version}, line {there.line}"
        yield Flaw(
            ("releases", rules.agreement.releases.index(here)),
            f"{', '.join(here.fields)} here, and {theirs_is}, reach {recipient} in two calls: together they are what the "
            f"guardrail {rail.id} forbids: {rail.says}",
            "Release one of them to this recipient, in one of the agreements.",
        )
        return


def _giving(rules: RuleSet, part: Part, recipient: str) -> ReleaseLine | None:
    """Return a line by which a part of a guardrail is reached for a recipient, whatever it waits for."""
    for path, most in part:
        field = rules.dataset.fields.get(path)
        for line in rules.agreement.releases:
            if field is None or path not in line.fields or line.form not in field.chain:
                continue
            varied = [
                field.rank(one.form) for one in rules.agreement.variations if one.field == path and one.form in field.chain
            ]
            if (
                recipient in receivers(rules, line)
                and min(field.rank(line.form), max([ceiling_rank(rules, field), *varied])) > most
            ):
                return line
    return None
