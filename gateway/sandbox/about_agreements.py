"""Which scenarios are there of agreements and their limits?"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.limits import count_names
from gateway.problems import BATCH_TOO_LARGE, LIMIT_REACHED, NOTHING_PERMITTED, TOO_MANY_MISSES
from gateway.sandbox import agreements
from gateway.sandbox.facts import Facts
from gateway.sandbox.scenario import Scenario
from schemas.reasons import Reason
from schemas.terms import Identity

AGREEMENTS: Final = (
    Scenario(
        name="agreement-ended",
        says="The council ended the agreement early.",
        shows="An end counts from its entry on.",
        facts=Facts(agreement=agreements.ended),
        problem=NOTHING_PERMITTED,
        reason=Reason.AGREEMENT_NOT_IN_FORCE,
    ),
    Scenario(
        name="agreement-expired",
        says="Yesterday was the agreement's last day.",
        shows="An agreement holds to the last instant of its last day, and no longer.",
        facts=Facts(agreement=agreements.expired),
        problem=NOTHING_PERMITTED,
        reason=Reason.AGREEMENT_NOT_IN_FORCE,
    ),
    Scenario(
        name="agreement-not-begun",
        says="The agreement begins tomorrow.",
        shows="Nothing leaves before the first day.",
        facts=Facts(agreement=agreements.not_begun),
        problem=NOTHING_PERMITTED,
        reason=Reason.AGREEMENT_NOT_IN_FORCE,
    ),
    Scenario(
        name="agreement-in-force",
        says="The agreement began yesterday at the latest, and holds until tomorrow at least.",
        shows="What you will get once it begins, before it does.",
        facts=Facts(agreement=agreements.in_force),
        identity=Identity.CONFIRMED,
    ),
    Scenario(
        name="agreement-not-found",
        says="No agreement of that name is published. Name the fields, for there are none to ask for without it.",
        shows="No agreement, no disclosure: UK GDPR Article 6.",
        facts=Facts(agreement=agreements.absent),
        problem=NOTHING_PERMITTED,
        reason=Reason.AGREEMENT_NOT_FOUND,
    ),
    Scenario(
        name="not-a-recipient",
        says="The agreement does not name your organisation as a recipient.",
        shows="Permission comes from a line for you, and from nothing else.",
        facts=Facts(agreement=agreements.of_others),
        problem=NOTHING_PERMITTED,
        reason=Reason.NOT_A_RECIPIENT,
    ),
    Scenario(
        name="assurance-over",
        says="What your organisation has shown of its security is over, and the agreement asks for it.",
        shows="An assurance counts to the end of its last day; security is the controller's duty: UK GDPR Article 32.",
        facts=Facts(agreement=agreements.assured, partner=lambda partner: replace(partner, assurances=())),
        problem=NOTHING_PERMITTED,
        reason=Reason.ASSURANCE_NEEDED,
    ),
    Scenario(
        name="purpose-not-agreed",
        says="The agreement is for another purpose than your token was asked for.",
        shows="Purpose limitation: UK GDPR Article 5(1)(b).",
        facts=Facts(agreement=agreements.of_another_purpose),
        problem=NOTHING_PERMITTED,
        reason=Reason.PURPOSE_NOT_AGREED,
    ),
    Scenario(
        name="vouching-required",
        says="The agreement asks for a caseworker whom you vouch for.",
        shows="An asserted caseworker is not enough where the agreement says so.",
        facts=Facts(agreement=agreements.vouched_for),
        problem=NOTHING_PERMITTED,
        reason=Reason.VOUCHING_NEEDED,
        where="the call names a caseworker and has no Stile-Context",
    ),
    Scenario(
        name="next-version",
        says="The agreement's next version is published and begins in thirty days.",
        shows="`next_version_from` tells you of a change before it counts.",
        facts=Facts(agreement=agreements.announced),
    ),
)

LIMITS: Final = (
    Scenario(
        name="limit-reached",
        says="You have made as many calls this minute as the agreement allows.",
        shows="A limit refuses; the first refusal of a window is an entry.",
        facts=Facts(full=count_names.CALLS),
        problem=LIMIT_REACHED,
        where="the agreement has a limit `per_minute`",
    ),
    Scenario(
        name="day-limit-reached",
        says="You have asked about as many people today as the agreement allows. Of many, each is then withheld.",
        shows="A limit of the day is of people, not of calls.",
        facts=Facts(full=count_names.SUBJECTS),
        problem=LIMIT_REACHED,
        where="the agreement has a limit `subjects_per_day`",
    ),
    Scenario(
        name="person-limit-reached",
        says="You have asked about this person as often today as the agreement allows.",
        shows="One person is not watched through many calls.",
        facts=Facts(full=count_names.SUBJECT),
        problem=LIMIT_REACHED,
        where="the agreement has a limit `same_subject_per_day`",
    ),
    Scenario(
        name="too-many-misses",
        says="This key has missed five times today.",
        shows="Guessing ends, also where the sixth guess were right.",
        facts=Facts(full=count_names.MISS),
        problem=TOO_MANY_MISSES,
    ),
    Scenario(
        name="wrong-claims",
        says="Five calls by this key had a wrong claim today.",
        shows="Values are not guessed by claims.",
        facts=Facts(full=count_names.WRONG_BY),
        problem=TOO_MANY_MISSES,
        where="the action is `verify`",
    ),
    Scenario(
        name="batch-limit",
        says="A call may be about one person alone.",
        shows="How many may be asked about at once is the agreement's.",
        facts=Facts(agreement=agreements.for_one_at_once),
        problem=BATCH_TOO_LARGE,
        where="the call is about two people or more",
    ),
)
