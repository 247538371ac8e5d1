"""What would this partner get? The decision without data and without a subject; nothing is looked up or recorded."""

from __future__ import annotations

from typing import Any

from gateway.journey.answer import withheld
from gateway.journey.call import Ask
from gateway.journey.check_people import check_fields
from gateway.journey.equipment import Services
from gateway.journey.facts import NO_PERSON, read_call
from gateway.journey.judge import NOBODY, Judgement, judge_all
from schemas.agreement import Atom, PersonTerm, Resting
from schemas.decision import Option, Release


def explain_to_partner(ask: Ask, services: Services) -> dict[str, Any]:
    """Return, per field, the forms that lines could release and when, or the reason and its remedy.

    No subject: consent and restrictions are not known, so a line that waits for consent says so.
    """
    call = read_call(services.reader, ask, at=services.clock(), state_index=ask.state_index)
    judged = judge_all(call, [ask], services, found=[NOBODY], people=[NO_PERSON])[0]
    if judged.live is not None:
        check_fields(ask, judged.live)
    return {"agreement": judged.agreement_id, "permits": judged.decision.permits, "fields": explain_fields(judged)}


def explain_fields(judged: Judgement) -> dict[str, Any]:
    """Return each field's own explanation."""
    return {
        path: {"released": [_option(one) for one in field.options], "unless": [cap.id for cap in field.caps]}
        if isinstance(field, Release)
        else withheld(path, field.reason)
        for path, field in sorted(judged.decision.fields.items())
    }


def _option(option: Option) -> dict[str, Any]:
    return {"form": option.form, "line": option.line, "if_record": [condition_text(one) for one in option.record]}


def condition_text(condition: Resting) -> str:
    """Return a condition as a reader sees it."""
    if isinstance(condition, Atom):
        return condition.value
    if isinstance(condition, PersonTerm):
        return f"{condition.person} is {condition.needs.value.replace('_', ' ')}"
    return f"{condition.marker} is {str(condition.value).lower()}"
