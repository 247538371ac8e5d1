"""Which scenarios are there of who calls, and of what may happen while a call is under way?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from audit.writing.item import Moment
from audit.writing.sequencer import LogUnavailableError
from gateway.oauth.access_token import LIFETIME
from gateway.oauth.clients import Client
from gateway.oauth.refusals import CLIENT_REFUSED
from gateway.problems import LOG_UNAVAILABLE, PROOF_REPLAYED, STATE_MOVING, TOKEN_REFUSED
from gateway.sandbox.facts import Facts, Meanwhile
from gateway.sandbox.scenario import Scenario

LONG: Final = timedelta(hours=1)  # longer than any proof or assertion is good for
WRONG: Final = timedelta(minutes=-2)


def _log_down() -> Exception:
    return LogUnavailableError("the log takes nothing: a scenario")


def _later(moment: Moment) -> Moment:
    return replace(moment, at=moment.at + LONG, now=moment.now + LONG)


def _inactive(client: Client) -> Client:
    return replace(client, is_active=False)


def _keys_revoked(client: Client) -> Client:
    return replace(client, keys=(), revoked=client.revoked | {one.thumbprint for one in client.keys})


CALLERS: Final = (
    Scenario(
        name="token-expired",
        says="Your access token has expired.",
        shows="A token lives five minutes; get a new one and make the call again, once.",
        facts=Facts(ahead=timedelta(seconds=LIFETIME + 1)),
        problem=TOKEN_REFUSED,
    ),
    Scenario(
        name="token-revoked",
        says="Your access token was revoked.",
        shows="Revoking counts at once: RFC 7009.",
        facts=Facts(token_is_revoked=True),
        problem=TOKEN_REFUSED,
    ),
    Scenario(
        name="key-revoked",
        says="The key that your token was asked for with is revoked.",
        shows="A revoked key ends the tokens that rest on it.",
        facts=Facts(client=_keys_revoked),
        problem=TOKEN_REFUSED,
        oauth=CLIENT_REFUSED,
    ),
    Scenario(
        name="client-revoked",
        says="Your client is revoked.",
        shows="Revoking counts at once.",
        facts=Facts(client=_inactive),
        problem=TOKEN_REFUSED,
        oauth=CLIENT_REFUSED,
    ),
    Scenario(
        name="partner-suspended",
        says="Your organisation is suspended, and so each of its clients is.",
        shows="You are told the same as where your client is revoked.",
        facts=Facts(client=_inactive),
        problem=TOKEN_REFUSED,
        oauth=CLIENT_REFUSED,
    ),
    Scenario(
        name="revoked-meanwhile",
        says="Your client is revoked while the call is under way, after it was let in.",
        shows="What is revoked before the entry gets no entry: the transaction is the judge.",
        facts=Facts(meanwhile=Meanwhile(is_revoked=True)),
        problem=TOKEN_REFUSED,
    ),
    Scenario(
        name="clock-wrong",
        says="Your clock is two minutes fast.",
        shows="Proofs and assertions are refused ten seconds ahead.",
        facts=Facts(ahead=WRONG),
        problem=TOKEN_REFUSED,
        oauth=CLIENT_REFUSED,
    ),
    Scenario(
        name="proof-replayed",
        says="The call reaches the log when its proof's time is over: as one that was used, and may have been forgotten.",
        shows="A proof serves once: RFC 9449, section 11.1.",
        facts=Facts(moment=_later),
        problem=PROOF_REPLAYED,
        oauth=CLIENT_REFUSED,
    ),
    Scenario(
        name="log-unavailable",
        says="Nothing can be written to the log.",
        shows="No record, no disclosure.",
        facts=Facts(log_fails=_log_down),
        problem=LOG_UNAVAILABLE,
        oauth="temporarily_unavailable",
    ),
    Scenario(
        name="state-moving",
        says="What may be disclosed changes faster than it can be decided.",
        shows="Nothing leaves under a state that no longer holds.",
        facts=Facts(meanwhile=Meanwhile(is_mapped_anew=True)),
        problem=STATE_MOVING,
    ),
)
