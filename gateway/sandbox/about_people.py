"""Which scenarios are there of people and their records, and of the system that holds these?"""

from __future__ import annotations

from typing import Final

from gateway.problems import FAULT, SOURCE_SLOW, SOURCE_UNAVAILABLE
from gateway.sandbox import persons
from gateway.sandbox.facts import Facts
from gateway.sandbox.scenario import Scenario
from gateway.sources.contract import Cause, SourceFailedError, SourceSlowError
from schemas.reasons import Reason
from schemas.terms import ConsentState, Identity, Match, RestrictionKind


class ScenarioFaultError(Exception):
    """A bug in the gateway, as the scenario `fault` has it."""


def _source_down() -> Exception:
    return SourceFailedError("the source is down: a scenario", Cause.HOST)


def _source_slow() -> Exception:
    return SourceSlowError("the source is slow: a scenario")


def _fault() -> Exception:
    return ScenarioFaultError("a scenario")


PEOPLE: Final = (
    Scenario(
        name="consent-given",
        says="Everybody in the record has said yes to all that the agreement wants a consent for.",
        shows="What a consent opens, and nothing besides: default deny.",
        facts=Facts(consents=persons.consented(ConsentState.GIVEN)),
        where="a release line has `when: [consent]`",
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="consent-missing",
        says="Nobody in the record has ever answered.",
        shows="Silence is no consent: UK GDPR Article 4(11).",
        facts=Facts(consents=persons.silent),
        reason=Reason.CONSENT_NEEDED,
        identity=Identity.CONFIRMED,
        where="a release line has `when: [consent]`",
    ),
    Scenario(
        name="consent-withdrawn",
        says="Everybody in the record had said yes, and took it back.",
        shows="Withdrawing counts at once: UK GDPR Article 7(3).",
        facts=Facts(consents=persons.consented(ConsentState.WITHDRAWN)),
        reason=Reason.CONSENT_NEEDED,
        identity=Identity.CONFIRMED,
        where="a release line has `when: [consent]`",
    ),
    Scenario(
        name="objection",
        says="Everybody in the record has objected, and nobody has decided on it yet.",
        shows="The right to object: UK GDPR Article 21.",
        facts=Facts(restrictions=persons.restricted(RestrictionKind.OBJECTION_PENDING)),
        reason=Reason.RESTRICTED,
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="restriction",
        says="Use of the data of everybody in the record is restricted.",
        shows="The right to restriction: UK GDPR Article 18.",
        facts=Facts(restrictions=persons.restricted(RestrictionKind.ARTICLE_18)),
        reason=Reason.RESTRICTED,
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="opt-out",
        says="Everybody in the record has opted out of sharing.",
        shows="An opt-out is honoured for every partner at once.",
        facts=Facts(restrictions=persons.restricted(RestrictionKind.OPT_OUT)),
        reason=Reason.RESTRICTED,
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="not-found",
        says="The key finds nobody.",
        shows="One answer for nobody, several and misfit: no way to find out who is there.",
        facts=Facts(match=Match.NOBODY),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.NOT_CONFIRMED,
    ),
    Scenario(
        name="not-confirmed",
        says="The key finds somebody whom the confirming details do not fit.",
        shows="The same answer as for nobody.",
        facts=Facts(match=Match.MISMATCH),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.NOT_CONFIRMED,
    ),
    Scenario(
        name="ambiguous",
        says="Key and details fit several people.",
        shows="No candidates, no score: the same answer as for nobody.",
        facts=Facts(match=Match.SEVERAL),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.NOT_CONFIRMED,
    ),
    Scenario(
        name="protected-place",
        says="The person lives at a protected address and was looked for by the place.",
        shows="A place is no way to find a protected person: the same answer as for nobody.",
        facts=Facts(match=Match.PROTECTED_BY_PLACE),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.NOT_CONFIRMED,
    ),
)

RECORDS: Final = (
    Scenario(
        name="protected-address",
        says="The record says that the person's address is protected.",
        shows="Where a protected person lives stays, and the answer does not tell why.",
        facts=Facts(record=persons.protected),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.CONFIRMED,
        where="a field that is asked for tells where the person lives",
    ),
    Scenario(
        name="deceased",
        says="The record says that the person has died.",
        shows="A death is told where a release line tells it, and nowhere else.",
        facts=Facts(record=persons.dead),
        identity=Identity.CONFIRMED,
        where="the agreement releases `deceased`, or has a condition on it",
    ),
    Scenario(
        name="not-held",
        says="The record holds none of the fields.",
        shows="Not held looks like not released: this is not a no.",
        facts=Facts(record=persons.empty),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="values-invalid",
        says="The record's values do not fit their types.",
        shows="What can't be trusted does not leave; only the log tells why.",
        facts=Facts(record=persons.unusable),
        reason=Reason.NOT_AVAILABLE,
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="source-stale",
        says="The record is older than the dataset allows.",
        shows="The answer says `stale`, and when the data stood: UK GDPR Article 5(1)(d).",
        facts=Facts(record=persons.stale),
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="source-down",
        says="The council's system can't be reached.",
        shows="A failure discloses nothing, and is recorded.",
        facts=Facts(source_fails=_source_down),
        problem=SOURCE_UNAVAILABLE,
    ),
    Scenario(
        name="source-slow",
        says="The council's system does not answer in its time. You do not have to wait for it here.",
        shows="A failure discloses nothing, and is recorded.",
        facts=Facts(source_fails=_source_slow),
        problem=SOURCE_SLOW,
    ),
    Scenario(
        name="fault",
        says="The gateway has a bug, which shows while it asks the council's system.",
        shows="A bug discloses nothing and tells nothing of what it met.",
        facts=Facts(source_fails=_fault),
        problem=FAULT,
    ),
)
