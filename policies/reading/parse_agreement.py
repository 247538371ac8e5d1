"""What does an agreement's text say, before anything around it is looked at?"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from policies.reading.findings import Finding, TextError
from policies.reading.parse_rules import identify, line_conditions
from policies.reading.sections import (
    Section,
    boolean,
    choice,
    day,
    duration,
    integer,
    listed,
    members,
    name,
    one_of,
    path,
    pinned,
    refused,
    slug,
    word,
)
from policies.reading.yaml_text import Items, Node, Scalar, read_document
from schemas.agreement import Agreement, ConsentOf, LegalBasis, Limits, ReleaseLine, Retain, Side, Variation
from schemas.terms import (
    AssuranceLevel,
    Despite,
    EmergencyKind,
    LawfulBasis,
    Regime,
    Relationship,
    RestrictionLaw,
    SpecialCategoryCondition,
)

_MOST_A_DAY = 1_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What an agreement's text says, as far as it can be read; with `findings`, it is no agreement.

    `broken` names the members that are missing or can't be read whole: what stands there is a stand-in that says
    nothing. A release line without a form, and a side of a line of law that is `LOST`, are such stand-ins too.
    """

    agreement: Agreement
    findings: tuple[Finding, ...]
    broken: frozenset[str]


LOST: Final = Side(LawfulBasis.VITAL_INTERESTS)  # by identity: a side of a line of law that can't be read
_NO_VARIATION: Final = Variation("", "", "", "", (), date(2200, 12, 31), 0)
_NO_TERM: Final = (date(1990, 1, 1), date(2200, 12, 31), None)


def parse_agreement(text: str) -> Agreement:
    """Return the agreement that a text describes, or raise TextError with all that is wrong with it.

    The text is kept as it was written, comments and order with it; `digest` is SHA-256 of its UTF-8 bytes.
    """
    found = read_agreement(text)
    if found.findings:
        raise TextError(found.findings)
    return found.agreement


def read_agreement(text: str) -> Reading:
    """Return what an agreement's text says as far as it can be read. Raises TextError where it has no members at all."""
    section = Section(read_document(text), "the agreement", keeps=True)
    agreement_id = section.need("agreement", slug)
    version = section.need("version", integer(1, 999_999))
    follows = section.need("follows", listed(pinned, lost=("", 0)))
    controller = section.need("controller", slug)
    recipients = section.need("recipients", listed(slug, lost=""))
    relationship = section.need("relationship", choice(Relationship))
    purpose = section.need("purpose", slug)
    dataset = section.need("dataset", pinned)
    why = section.need("why", _why)
    lawful = section.need("lawful", _lawful)
    dpia = section.may("dpia", _dpia, None)
    about = section.need("about", listed(word))
    contacts = section.need("contacts", members(name, word))
    term = section.need("term", _term)
    retain = section.need("retain", _retain)
    onward = section.need("onward", _onward)
    releases = section.need("releases", _releases)
    requires = section.may("requires", listed(one_of("caseworker", "case_reference", "vouched_caseworker")), ())
    assurance = section.may("assurance", listed(choice(AssuranceLevel)), ())
    roles = section.may("roles", listed(slug), ())
    limits = section.may("limits", _limits, Limits())
    variations = section.may("variations", listed(_variation, lost=_NO_VARIATION), ())
    retention_class = section.may("retention_class", duration, "P6Y")
    identified = section.may("identify", identify, None)
    consent_of = section.may("consent_of", choice(ConsentOf), None)
    direct_care = section.may("direct_care", boolean, False)
    emergencies = section.may("emergencies", _emergencies, None)
    resumes = section.may("resumes", word, None)
    starts_on, ends_on, review_on = term or _NO_TERM
    agreement = Agreement(
        id=agreement_id or "",
        version=version or 0,
        follows=follows or (),
        controller=controller or "",
        recipients=recipients or (),
        relationship=relationship or Relationship.PROCESSOR,
        purpose=purpose or "",
        dataset=dataset or ("", 0),
        why=why or {},
        lawful=lawful or (),
        dpia=dpia,
        about=about or (),
        contacts=contacts or {},
        starts_on=starts_on,
        ends_on=ends_on,
        review_on=review_on,
        retain=retain or Retain("P1D", "", "delete", attest=False),
        onward=onward or "none",
        releases=releases or (),
        requires=frozenset(requires),
        assurance=frozenset(assurance),
        roles=roles,
        limits=limits,
        variations=variations,
        retention_class=retention_class,
        resumes=resumes,
        text=text,
        digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        identify=identified,
        consent_of=consent_of,
        direct_care=direct_care,
        emergency_people_per_day=emergencies,
    )
    return Reading(agreement, section.told(), frozenset(section.broken))


def _why(node: Node) -> dict[str, str]:
    section = Section(node, "why")
    found = {part: section.need(part, word) for part in ("aim", "benefit", "necessary_because")}
    section.close()
    return found


def _lawful(node: Node) -> tuple[LegalBasis, ...]:
    found = listed(_legal_basis)(node)
    ids = [one.id for one in found]
    twice = [one for one in ids if ids.count(one) > 1]
    if twice:
        error = Finding(node.line, node.column, f"two lines of law are called {twice[0]}", "Give each its own id.")
        raise TextError([error], kept=found)
    return found


def _legal_basis(node: Node) -> LegalBasis:
    section = Section(node, "a line of law")
    own = section.need("id", slug)
    discloser = section.need("discloser", _side)
    recipient = section.may("recipient", _side, None)
    compatible = section.may("compatible", _compatible, None)
    confidentiality = section.may("confidentiality", word, None)
    findings = section.told()
    if findings:
        theirs = LOST if "recipient" in section.broken else recipient
        raise TextError(findings, kept=LegalBasis(own or "", discloser or LOST, theirs, compatible, confidentiality))
    return LegalBasis(own, discloser, recipient, compatible, confidentiality)


def _side(node: Node) -> Side:
    section = Section(node, "a side")
    side = Side(
        basis=section.need("basis", choice(LawfulBasis)),
        power=section.may("power", slug, None),
        assessment=section.may("assessment", word, None),
        condition=section.may("condition", choice(SpecialCategoryCondition), None),
        schedule_1=section.may("schedule_1", word, None),
        policy_document=section.may("policy_document", word, None),
        official_authority=section.may("official_authority", slug, None),
        regime=section.may("regime", choice(Regime), Regime.UK_GDPR),
    )
    section.close()
    return side


def _compatible(node: Node) -> tuple[str, str | None]:
    section = Section(node, "compatible")
    how = section.need("how", one_of("same_purpose", "assessed", "consent", "statute", "annex_2"))
    ref = section.may("ref", word, None)
    section.check(ref is not None or how == "same_purpose", "how", f"{how} needs its reference", "Add `ref:`.")
    section.close()
    return how, ref


def _dpia(node: Node) -> dict[str, str]:
    section = Section(node, "dpia")
    ref = section.need("ref", word)
    outcome = section.need("outcome", one_of("low", "medium", "high", "not_needed"))
    on = section.need("on", day)
    section.close()
    return {"ref": ref, "outcome": outcome, "on": on.isoformat()}


def _term(node: Node) -> tuple[date, date, date | None]:
    section = Section(node, "term")
    starts_on, ends_on = section.need("starts_on", day), section.need("ends_on", day)
    review_on = section.may("review_on", day, None)
    if starts_on and ends_on:
        section.check(starts_on <= ends_on, "ends_on", "the term ends before it starts", "Put the days in order.")
    section.close()
    return starts_on, ends_on, review_on


def _retain(node: Node) -> Retain:
    section = Section(node, "retain")
    found = Retain(
        duration=section.need("for", duration),
        from_=section.need("from", name),
        then=section.need("then", one_of("delete", "return", "anonymise")),
        attest=section.may("attest", boolean, False),
    )
    section.close()
    return found


def _onward(node: Node) -> str:
    section = Section(node, "onward")
    may = section.need("may", one_of("none", "with_permission", "where_law_requires"))
    section.close()
    return may


def _releases(node: Node) -> tuple[ReleaseLine, ...]:
    if not isinstance(node, Items) or not node.items:
        raise refused(node, "releases must be a list of lines", "Write - {fields: [name], as: form}.")
    found: list[ReleaseLine] = []
    findings: list[Finding] = []
    for number, item in enumerate(node.items, start=1):
        own = f"releases/{number}"
        try:
            found.append(_release(item, own))
        except TextError as error:
            findings += error.findings
            found.append(error.kept if isinstance(error.kept, ReleaseLine) else ReleaseLine(own, item.line, (), ""))
    if findings:
        raise TextError(findings, kept=tuple(found))
    return tuple(found)


def _release(node: Node, own: str) -> ReleaseLine:
    section = Section(node, "a release line", keeps=True)
    when, kinds = section.may("when", line_conditions, ((), frozenset[EmergencyKind]()))
    line = ReleaseLine(
        id=own,
        line=node.line,
        fields=section.need("fields", listed(path)),
        form=section.need("as", name),
        when=when,
        to=section.may("to", listed(_recipient_or_kind), ()),
        roles=section.may("roles", listed(slug), ()),
        of=section.may("of", name, None),
        under=section.may("under", slug, None),
        despite=frozenset(section.may("despite", _despite, ())),
        exempt=section.may("exempt", word, None),
        heeds=frozenset(section.may("heeds", listed(choice(RestrictionLaw)), ())),
        emergencies=kinds,
    )
    findings = section.told()
    if findings:
        # Its sound members are looked at all the same; without a form it releases nothing and is held against nobody.
        raise TextError(findings, kept=replace(line, form="", fields=line.fields or ()))
    return line


def _despite(node: Node) -> tuple[Despite, ...]:
    return (choice(Despite)(node),) if isinstance(node, Scalar) else listed(choice(Despite))(node)


def _recipient_or_kind(node: Node) -> str:
    text = word(node)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", text):
        raise refused(node, f"{text[:80]!r} is neither a recipient nor a kind", "Name a recipient's id or a kind.")
    return text


def _limits(node: Node) -> Limits:
    section = Section(node, "limits")
    count = integer(1, _MOST_A_DAY)
    found = Limits(
        per_minute=section.may("per_minute", count, None),
        subjects_per_day=section.may("subjects_per_day", count, None),
        same_subject_per_day=section.may("same_subject_per_day", count, None),
        batch=section.may("batch", integer(1, 10_000), 1),
        misses_per_day=section.may("misses_per_day", count, None),
    )
    section.close()
    return found


def _emergencies(node: Node) -> int:
    section = Section(node, "emergencies")
    people = section.need("people_per_day", integer(1, _MOST_A_DAY))
    section.close()
    return people


def _variation(node: Node) -> Variation:
    section = Section(node, "a variation")
    found = Variation(
        field=section.need("field", path),
        form=section.need("as", name),
        reason=section.need("reason", word),
        dpia=section.need("dpia", word),
        approved_by=section.need("approved_by", listed(slug)),
        ends_on=section.need("ends_on", day),
        line=node.line,
    )
    section.close()
    return found
