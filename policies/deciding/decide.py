"""What may leave, on what is known before the record is read?

`decide` is pure, total and has no error path. A condition that releases holds only if its fact is known; one that
restricts holds unless its fact is known to be otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Final

from policies.deciding.claims import comparable
from policies.deciding.compile import Compiled, Lane, paths_of
from policies.deciding.consents import Covered, Yes, consented
from policies.deciding.facts import personal_edges
from policies.deciding.lines_that_count import Facts, counting_nets, decide_field, is_emergency, opens_in, unnamed
from policies.deciding.restrictions import Held, restricted
from schemas.decision import Decision, Release, Withhold
from schemas.forms import SHOWS_ROWS
from schemas.instants import first_instant, instant_after, london_day
from schemas.reasons import Reason
from schemas.request import Circumstances
from schemas.terms import Action, ConsentKind

# A decision is remembered by each member of the circumstances; for these stands what matters of them.
NOT_AS_IT_IS: Final = frozenset({"at", "consents", "restrictions", "assurances"})
AS_IT_IS: Final = attrgetter(*(one.name for one in fields(Circumstances) if one.name not in NOT_AS_IT_IS))
_NOTHING: Final[Covered] = frozenset()
_FREE: Final[Held] = frozenset()


def decide(compiled: Compiled | None, c: Circumstances) -> Decision:
    """Return the decision on these circumstances; None stands for no such agreement.

    A declared emergency opens the lines that name it, on their own line of law, and waives on those lines the
    consent condition, for the whole request the case reference; never the caseworker, and no other line changes.
    """
    if compiled is None:
        return _refuse_all(c.asked or (), Reason.AGREEMENT_NOT_FOUND)
    epoch = bisect_right(compiled.edges, c.at)
    covered = consented(compiled, c) if c.consents else _NOTHING
    held = restricted(compiled, c) if c.restrictions else _FREE
    known = (
        AS_IT_IS(c),
        epoch,
        _midnight(compiled, c.at) if compiled.counts_days else None,
        c.assurances if compiled.rules.agreement.assurance else None,
        covered,
        held,
    )
    decision = compiled.memo.find(known)
    if decision is None:
        kind = compiled.rules.recipient_kinds.get(c.recipient)
        said: dict[tuple[str, str, ConsentKind], tuple[Yes, ...]] = {}
        for one in sorted(covered):
            known_of = (one.person, one.path, one.kind)
            said[known_of] = (*said.get(known_of, ()), one)
        decision = compiled.memo.keep(known, _decide(compiled, Facts(c, kind, compiled, held, epoch, said)))
    if c.consents or c.restrictions:
        return _until_they_change(decision, c)
    return decision


def _midnight(compiled: Compiled, at: datetime) -> datetime:
    """Return the first instant of the next London day. Each day is worked out once: zones are slow."""
    day = compiled.today.get("day")
    if day is None or not day[0] <= at < day[1]:
        on = london_day(at)
        day = compiled.today["day"] = (first_instant(on), instant_after(on))
    return day[1]


def _until_they_change(decision: Decision, c: Circumstances) -> Decision:
    """Bound how long a decision holds by what a consent or restriction does later."""
    edges = list(personal_edges(c))
    if not edges:
        return decision
    if decision.holds_until is not None:
        edges.append(decision.holds_until)
    return replace(decision, holds_until=min(edges))


def _decide(compiled: Compiled, facts: Facts) -> Decision:
    asked = tuple(dict.fromkeys(facts.c.asked)) if facts.c.asked is not None else compiled.asked_by_default
    edges = list(compiled.edges[facts.epoch : facts.epoch + 1])
    refusal = _whole_refusal(compiled, facts)
    if refusal is not None:
        return replace(_refuse_all(asked, refusal), holds_until=min(edges, default=None))
    not_by = unnamed(compiled, facts, in_incident=facts.c.in_incident and waives_in_emergency(compiled, facts.c))
    if not_by:
        refused = _refuse_all(asked, Reason.NAMING_NOT_AGREED)
        return replace(refused, holds_until=min(edges, default=None), unnamed=not_by)
    if compiled.counts_days:
        edges.append(_midnight(compiled, facts.c.at))
    carriers = _carriers(compiled, asked)
    fields = {path: decide_field(compiled, path, facts) for path in (*carriers, *asked)}
    fields = {path: _with_rows(compiled.lanes.get(path), one, fields) for path, one in fields.items()}
    idle = {path for path in carriers if not _carries(path, fields)}
    fields = {path: one for path, one in fields.items() if path not in idle}
    if facts.c.action is Action.VERIFY:
        fields = {
            path: comparable(compiled.lanes[path].field, one) if path in compiled.lanes else one
            for path, one in fields.items()
        }
    released = {path: one for path, one in fields.items() if isinstance(one, Release)}
    nets = counting_nets(compiled.nets, tuple(compiled.lanes[path].field for path in released), facts)
    return Decision(
        fields=fields,
        permits=bool(released) or _may_be_anothers(fields.values()),
        read=_read(compiled, released, nets, facts.c.subject),
        lawful=_lawful(compiled, fields.values()),
        holds_until=min(edges, default=None),
        carriers=carriers - idle,
        nets=nets,
        subject=facts.c.subject,
    )


def waives_in_emergency(compiled: Compiled, c: Circumstances) -> bool:
    """Tell whether a declared emergency waives case reference and daily limits: only where a line opens in one for them."""
    if not is_emergency(c):
        return False
    kind = compiled.rules.recipient_kinds.get(c.recipient)
    they = {c.recipient, kind.value if kind else ""}
    return any(
        opens_in(line, c) and (not line.to or line.to & they) and (not line.roles or c.role in line.roles)
        for lane in compiled.lanes.values()
        for line in lane.lines
    )


def _refuse_all(asked: tuple[str, ...], reason: Reason) -> Decision:
    return Decision(
        fields=dict.fromkeys(asked, Withhold(reason)),
        permits=False,
        read=frozenset(),
        lawful=None,
        holds_until=None,
    )


def _whole_refusal(compiled: Compiled, facts: Facts) -> Reason | None:
    c, agreement = facts.c, compiled.rules.agreement
    if c.recipient not in agreement.recipients:
        return Reason.NOT_A_RECIPIENT
    if not compiled.in_force[facts.epoch]:
        return Reason.AGREEMENT_NOT_IN_FORCE
    if (c.token_purpose, c.token_dataset) != (agreement.purpose, compiled.rules.dataset.id):
        return Reason.PURPOSE_NOT_AGREED
    if c.action not in c.token_actions:
        return Reason.ACTION_NOT_AGREED
    if agreement.assurance and agreement.assurance.isdisjoint(c.assurances):
        return Reason.ASSURANCE_NEEDED
    if "caseworker" in agreement.requires and not c.has_caseworker:
        return Reason.CASEWORKER_NEEDED
    if "vouched_caseworker" in agreement.requires and not c.is_vouched:
        return Reason.VOUCHING_NEEDED if c.has_caseworker else Reason.CASEWORKER_NEEDED
    if agreement.roles and c.role not in agreement.roles:
        return Reason.ROLE_NOT_AGREED
    if "case_reference" in agreement.requires and not c.has_case_reference and not waives_in_emergency(compiled, c):
        return Reason.CASE_REFERENCE_NEEDED
    return None


def _may_be_anothers(fields: Iterable[Release | Withhold]) -> bool:
    """Tell whether a field stays only for whose it is: that the record knows, so it may not show as a refusal."""
    return any(isinstance(one, Withhold) and one.reason is Reason.NOT_AVAILABLE for one in fields)


# -- groups


def _carriers(compiled: Compiled, asked: tuple[str, ...]) -> frozenset[str]:
    """Return the groups that nobody asked for, and whose rows an asked field stands in."""
    groups = (lane.group for path in asked if (lane := compiled.lanes.get(path)))
    return frozenset(group for group in groups if group is not None and group not in asked)


def _with_rows(lane: Lane | None, one: Release | Withhold, fields: dict[str, Release | Withhold]) -> Release | Withhold:
    """Withhold a group's field where the group's rows do not leave."""
    if lane is None or lane.group is None or not one.options:
        return one
    group = fields[lane.group]
    if any(option.form in SHOWS_ROWS for option in group.options):
        return replace(group, options=one.options) if isinstance(group, Withhold) else one
    if isinstance(group, Release) and any(option.form in SHOWS_ROWS for option in group.held):
        return Withhold(Reason.NOT_AVAILABLE, group.held[0].line, one.options)
    return Withhold(Reason.FIELD_NOT_AGREED) if group.options else group


def _carries(group: str, fields: dict[str, Release | Withhold]) -> bool:
    return any(path.startswith(group + ".") and bool(one.options) for path, one in fields.items())


# -- what must be read, and under which law


def _read(compiled: Compiled, released: dict[str, Release], nets: tuple[int, ...], subject: str | None) -> frozenset[str]:
    rules = compiled.rules
    of = compiled.whose
    paths: set[str] = set()
    for path, one in released.items():
        field = rules.dataset.fields[path]
        paths |= rules.dataset.bases_of(path)
        if path in rules.dataset.groups:
            paths.add(rules.dataset.groups[path].order_by)
        for option in one.options:
            for resting in option.record:
                paths.update(paths_of(resting, compiled, field, subject, of[option.line]))
        for cap in one.caps:
            for condition in cap.record:
                paths.update(paths_of(condition, compiled, field, subject, field.of))
    for net in (compiled.nets[place] for place in nets):
        for path in {path for part in net.parts for path, _ in part} & released.keys():
            for condition in net.record:
                paths.update(paths_of(condition, compiled, rules.dataset.fields[path], subject, None))
    return frozenset(paths)


def _lawful(compiled: Compiled, fields: Iterable[Release | Withhold]) -> str | None:
    """Return the line of law that what may leave rests on: an emergency's own where it opened something.

    As if nothing were held back by another's word, for of that nobody is told.
    """
    options = [one.options[0] for one in fields if one.options]
    opened = [one.lawful for one in options if one.line in compiled.emergency_lines]
    return next(iter(opened or [one.lawful for one in options]), None)
