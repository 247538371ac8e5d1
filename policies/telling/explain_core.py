"""How does a common core, or a council's own rules, read aloud?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.telling.wording import listed, rule_text, spoken
from schemas.agreement import Cap, Core, Guardrail, Target


def explain_core(core: Core) -> str:
    """Return the core read aloud: what it is for, the most that may be shared, what holds back. Ends with a newline."""
    parts = (
        _opening(core),
        _ceiling(core),
        _rules("What always holds back what is shared:", (_cap(one) for one in core.caps)),
        _rules("What can never happen:", (_guardrail(one) for one in core.guardrails)),
        [f"Text {core.digest}"],
    )
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _opening(core: Core) -> list[str]:
    kind = "the council's own rules, over all its agreements" if core.is_council else "a common core"
    scope = [
        *([f"for the purpose {spoken(core.purpose)}"] if core.purpose else []),
        *([f"about the dataset {core.dataset}"] if core.dataset else []),
        *(
            [f"to a {listed(sorted(spoken(one.value) for one in core.recipient_kinds), 'or')}"]
            if core.recipient_kinds
            else []
        ),
    ]
    return [
        f"{core.id}, version {core.version}: {kind}.",
        f"It is for agreements {listed(scope)}." if scope else "It is for every agreement that is bound by it.",
    ]


def _ceiling(core: Core) -> list[str]:
    if core.ceiling is None:
        return ["It sets no ceiling."]
    most = [f"  {path}: {spoken(form)}" for path, form in core.ceiling.items()]
    return ["The most that any council may share:", *most, "Everything else is withheld."]


def _rules(heading: str, said: Iterable[str]) -> list[str]:
    numbered = [f"  {number}. {one}" for number, one in enumerate(said, start=1)]
    return [heading, *numbered] if numbered else []


def _cap(cap: Cap) -> str:
    return f"{cap.says}. ({target_text(cap.target)}: at most {spoken(cap.form)}; {rule_text(cap)})"


def _guardrail(rail: Guardrail) -> str:
    if rail.target is None:
        return (
            f"{rail.says}. ({listed(f'{path} {spoken(form)}' for path, form in rail.together.items())}; {rule_text(rail)})"
        )
    return f"{rail.says}. ({target_text(rail.target)}: above {spoken(rail.above or 'withheld')}; {rule_text(rail)})"


def target_text(target: Target) -> str:
    """Return which fields a rule is about."""
    return ", ".join(_facets(target))


def _facets(target: Target) -> Iterator[str]:
    if target.fields:
        yield listed(target.fields)
    if target.reveals is not None:
        yield f"what reveals {spoken(target.reveals.value)}"
    if target.classification is not None:
        yield f"{spoken(target.classification.value)} data"
    if target.origin is not None:
        yield f"what came from {target.origin}"
