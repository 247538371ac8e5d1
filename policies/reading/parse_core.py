"""What does a common core's text say, or a council's rules over all its agreements?"""

from __future__ import annotations

import hashlib

from policies.reading.findings import Finding, TextError
from policies.reading.parse_rules import caps, guardrails, identify
from policies.reading.sections import Section, choice, integer, listed, members, name, path, slug
from policies.reading.yaml_text import Node, read_document
from schemas.agreement import Core
from schemas.terms import RecipientKind


def parse_core(text: str) -> Core:
    """Return a common core (`core: id`) or council rules (`council: id`), or raise TextError."""
    core, findings, _ = read_core(text)
    if findings:
        raise TextError(findings)
    return core


def read_core(text: str) -> tuple[Core, tuple[Finding, ...], frozenset[str]]:
    """Return a core as far as it can be read, what is wrong, and which members are not whole: with findings, it is none."""
    root = read_document(text)
    section = Section(root, "the core", keeps=True)
    is_council = "council" in root.members
    core_id = section.need("council" if is_council else "core", slug)
    version = (
        section.need("version", integer(1, 999_999)) if not is_council else section.may("version", integer(1, 999_999), 1)
    )
    purpose, kinds, dataset = section.may("for", _scope, (None, frozenset[RecipientKind](), None))
    ceiling = section.may("ceiling", members(path, name), None)
    found_caps = section.may("caps", caps, ())
    found_guardrails = section.may("guardrails", guardrails, ())
    identified = section.may("identify", identify, None)
    may_confirm = section.may("may_confirm", listed(path), ())
    section.check(
        not (is_council and may_confirm), "may_confirm", "council rules open nothing", "They only lower: list it in a core."
    )
    section.check(not (is_council and ceiling), "ceiling", "council rules set no ceiling", "Write caps; they only lower.")
    section.check(
        not {"ceiling", "caps", "guardrails", "identify"}.isdisjoint(section.names()),
        "core",
        "says nothing",
        "Add a ceiling, caps or guardrails.",
    )
    core = Core(
        id=core_id or "",
        version=version or 0,
        is_council=is_council,
        purpose=purpose,
        recipient_kinds=kinds,
        dataset=dataset,
        ceiling=ceiling,
        caps=found_caps,
        guardrails=found_guardrails,
        text=text,
        digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        identify=identified,
        may_confirm=may_confirm,
    )
    return core, section.told(), frozenset(section.broken)


def _scope(node: Node) -> tuple[str | None, frozenset[RecipientKind], str | None]:
    section = Section(node, "for")
    purpose = section.may("purpose", slug, None)
    kinds = section.may("recipient_kinds", listed(choice(RecipientKind)), ())
    dataset = section.may("dataset", slug, None)
    section.close()
    return purpose, frozenset(kinds), dataset
