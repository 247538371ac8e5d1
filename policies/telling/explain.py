"""How does an agreement read aloud, in plain English?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.deciding.line_meaning import law_of
from policies.telling.wording import (
    after_when,
    day_text,
    duration_text,
    field_text,
    form_text,
    law_text,
    listed,
    rule_text,
    spoken,
)
from schemas.agreement import Agreement, ReleaseLine, RuleSet
from schemas.terms import AssuranceLevel, Relationship

_ONWARD = {
    "none": "It may not be passed on.",
    "with_permission": "It may be passed on with the controller's permission.",
    "where_law_requires": "It may be passed on only where the law requires it.",
}
_THEN = {"delete": "deleted", "return": "returned", "anonymise": "made anonymous"}
ASSURANCES = {
    AssuranceLevel.DSPT_STANDARDS_MET: "DSPT standards met",
    AssuranceLevel.DSPT_STANDARDS_EXCEEDED: "DSPT standards exceeded",
    AssuranceLevel.CYBER_ESSENTIALS: "Cyber Essentials",
    AssuranceLevel.CYBER_ESSENTIALS_PLUS: "Cyber Essentials Plus",
    AssuranceLevel.ISO_27001: "ISO 27001",
    AssuranceLevel.PSN_CONNECTION: "a PSN connection",
}
_STANDING = {
    Relationship.INDEPENDENT_CONTROLLER: "an independent controller",
    Relationship.JOINT_CONTROLLER: "a joint controller",
    Relationship.PROCESSOR: "a processor",
}


def explain_agreement(rules: RuleSet) -> str:
    """Return the agreement read aloud: who, what, when, under which law, within which bounds. Ends with a newline."""
    parts = (
        _opening(rules),
        _released(rules),
        ["Under which law:", *_numbered(f"{one.id}: {law_text(one)}" for one in rules.agreement.lawful)],
        _asking(rules.agreement),
        _keeping(rules.agreement),
        _varying(rules),
        _bounds(rules),
        _stamp(rules),
    )
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _opening(rules: RuleSet) -> list[str]:
    agreement = rules.agreement
    who = [f"{name} ({spoken(rules.recipient_kinds[name].value)})" for name in agreement.recipients]
    review = f" It is to be reviewed by {day_text(agreement.review_on)}." if agreement.review_on else ""
    return [
        f"{agreement.id}, version {agreement.version}.",
        f"{agreement.controller} lets {listed(who)}, as {_STANDING[agreement.relationship]}, see data",
        f"of the dataset {rules.dataset.title} for the purpose {spoken(agreement.purpose)}.",
        f"It is about {listed(agreement.about)}.",
        f"Why: {agreement.why['aim']}. What comes of it: {agreement.why['benefit']}.",
        f"Why it is needed: {agreement.why['necessary_because']}.",
        f"Its term is {day_text(agreement.starts_on)} to {day_text(agreement.ends_on)}, both days included.{review}",
        *([f"It takes up again what had been ended: {agreement.resumes}."] if agreement.resumes else []),
    ]


def _released(rules: RuleSet) -> list[str]:
    lines = _numbered(_line(rules, line) for line in rules.agreement.releases)
    return ["What is released:", *lines, "Everything else is withheld."]


def _line(rules: RuleSet, line: ReleaseLine) -> str:
    fields = listed([field_text(rules.dataset.fields[path]) for path in line.fields])
    form = form_text(rules.dataset.fields[line.fields[0]], line.form)
    to = f", to {listed([spoken(one) for one in line.to])} only" if line.to else ""
    roles = f", to a {listed([spoken(one) for one in line.roles], 'or')} only" if line.roles else ""
    of = f", of the person called {line.of}" if line.of else ""
    when = after_when(line.when, rules.dataset)
    despite = [spoken(one) for one in sorted(line.despite)]
    survives = f" It survives a restriction for {listed(despite, 'or')}." if despite else ""
    return f"{fields}{of}, {form}{to}{roles}{when}; under the law {law_of(rules, line).id}.{survives}"


def _asking(agreement: Agreement) -> list[str]:
    needed = [f"the {spoken(one)}" for one in sorted(agreement.requires, reverse=True)]
    limits = agreement.limits
    counts = (
        ("{} requests a minute", limits.per_minute),
        ("{} people a day", limits.subjects_per_day),
        ("{} times a day about the same person", limits.same_subject_per_day),
        ("{} people in one request", limits.batch),
        ("{} misses a day of one client", limits.misses_per_day),
    )
    most = [text.format(f"{count:,}") for text, count in counts if count is not None]
    said = ["How it is asked for:"]
    if agreement.assurance:
        shown = listed([ASSURANCES[one] for one in sorted(agreement.assurance)], "or")
        said.append(f"  The recipient must have shown {shown}, and it must not be over.")
    if needed:
        said.append(f"  Every request names {listed(needed)}; in an emergency the case reference may be missing.")
    if agreement.roles:
        said.append(f"  Only a {listed([spoken(one) for one in agreement.roles], 'or')} may ask.")
    return [*said, f"  At most {listed(most)}."]


def _keeping(agreement: Agreement) -> list[str]:
    retain = agreement.retain
    attest = ", and the recipient confirms it" if retain.attest else ""
    return [
        f"It may be kept for {duration_text(retain.duration)} from {spoken(retain.from_)},",
        f"and is then {_THEN[retain.then]}{attest}.",
        _ONWARD[agreement.onward],
    ]


def _varying(rules: RuleSet) -> list[str]:
    found = []
    for one in rules.agreement.variations:
        field = rules.dataset.fields[one.field]
        ceiling = rules.ceiling.get(one.field, "withheld")
        found.append(
            f"{field_text(field)} may go up to {form_text(field, one.form)}, above the common core's "
            f"{form_text(field, ceiling)}, until the end of {day_text(one.ends_on)}. Reason: {one.reason}. "
            f"Approved by {listed([spoken(who) for who in one.approved_by])} ({one.dpia})."
        )
    return ["Approved variations:", *_numbered(found)] if found else []


def _bounds(rules: RuleSet) -> list[str]:
    cores = [f"{one.id}@{one.version}" for one in rules.cores]
    said = [f"It is bound by {listed(cores)}."]
    if rules.caps:
        said += ["What always holds it back:", *_numbered(f"{one.says}. ({rule_text(one)})" for one in rules.caps)]
    if rules.guardrails:
        said += ["What can never happen:", *_numbered(f"{one.says}. ({rule_text(one)})" for one in rules.guardrails)]
    return said


def _stamp(rules: RuleSet) -> list[str]:
    return [f"Text {rules.agreement.digest}", f"Rules {rules.rules_digest}"]


def _numbered(said: Iterable[str]) -> Iterator[str]:
    return (f"  {number}. {one}" for number, one in enumerate(said, start=1))
