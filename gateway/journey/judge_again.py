"""Does what was judged before still hold, inside the transaction? Else it is judged again, on the records in hand."""

from __future__ import annotations

from dataclasses import replace

from audit.stores.state_keys import STATE_KEYS
from audit.writing.item import Known, Moment
from gateway.journey.facts import FACTS, Facts, FactsAsked
from gateway.journey.judge import NOBODY, Judgement, judge_all, no_person_could_change
from gateway.journey.person import Line
from gateway.journey.round import Round, Stopped
from schemas.terms import Match


def standing(round_: Round, known: Known, moment: Moment) -> tuple[Line, ...] | Stopped:
    """Return the lines of a round as they stand; why it stops where they can't be answered, or are asked by a new text."""
    if not _must_judge_again(round_, known, moment):
        return round_.lines
    found = [line.judged.found for line in round_.lines]
    services, asks = round_.services, round_.chunk.asks
    asked = FactsAsked(
        call=id(round_),
        at=moment.at,
        state_index=moment.state_index,
        ask=round_.ask,
        found=found,
        reader=services.reader,
        index_secret=services.secrets.index,
    )
    facts: Facts = known.one((FACTS, asked))
    if not facts.still_counts:
        return Stopped.REVOKED
    if moment.at.timestamp() >= round_.ask.caller.token.expires:
        return Stopped.EXPIRED
    early = [line.judged for line in round_.lines]
    judged = judge_all(facts.call, asks, services, found=found, people=facts.people, before=early)
    if any(_must_ask_again(round_, line, now) for line, now in zip(round_.lines, judged, strict=True)):
        return Stopped.FETCH_AGAIN
    return tuple(
        replace(line, judged=now, record=line.record if now.decision.permits else None)
        for line, now in zip(round_.lines, judged, strict=True)
    )


def _must_judge_again(round_: Round, known: Known, moment: Moment) -> bool:
    if moment.at >= min(line.judged.holds_until for line in round_.lines):
        return True
    before = round_.judged.state_index
    if moment.state_index == before:
        return False
    indices = known.all((STATE_KEYS, key) for key in round_.basis)
    return any(index is not None and index > before for index in indices.values())


def _must_ask_again(round_: Round, line: Line, now: Judgement) -> bool:
    """Tell whether the new decision wants what the source was not asked, or asked in another way."""
    early = line.judged
    if early.found is NOBODY:
        return now.live is not None and not now.live.ended and not no_person_could_change(now.decision)
    if now.decision.unnamed:
        return True  # by what names nobody any more, it is not told either whether somebody was found
    if (now.incident is None) != (early.incident is None):
        return True  # what an incident alone allows was allowed, or asked of nobody
    if now.asked_by != early.asked_by or (round_.chunk.refs and _text_of(now) != _text_of(early)):
        return True  # of many people, what one call may ask is the text's too
    fetched = early.read if line.record is not None else frozenset()
    is_confirmed = early.found.match is Match.CONFIRMED
    return is_confirmed and now.decision.permits and bool(now.read - fetched)


def _text_of(judged: Judgement) -> str | None:
    return judged.live.agreement.digest if judged.live is not None else None
