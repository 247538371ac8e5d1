"""What a client does when networks, proxies, clocks or the gateway fail: tries again rightly, and never guesses."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from client_serving import (
    ASK,
    CASE,
    GRACE,
    SLOW,
    Answered,
    Front,
    Seen,
    answers,
    client_for,
    drops,
    hangs,
    loses_the_answer,
)
from hours import machine_seconds

from gateway.client import (
    OAuthError,
    Patience,
    ProblemError,
    TokenRefusedError,
    UnavailableError,
    UnexpectedReplyError,
    UnreachableError,
)
from gateway.client.retrying import Timing, retry_after, wait_before
from gateway.council.directory import Council

TOKEN = "/oauth2/token"
METADATA = "/.well-known/oauth-authorization-server"


PASSING = {
    "502 of a proxy": answers(502, b"<html>bad gateway</html>", Content_Type="text/html"),
    "503 that says when": answers(503, {"code": "log_unavailable", "status": 503}, Retry_After="0"),
    "504": answers(504, SLOW),
    "429 that says when": answers(429, {"code": "limit_reached", "status": 429}, Retry_After="0"),
    "a connection that breaks": drops,
    "an answer that is lost": loses_the_answer,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_tried_again(asks: Callable[..., str], front: Front, council: Council, fault: Any) -> None:
    """With one Idempotency-Key for all tries of a call, the same body, and a new proof for each."""
    front.fail(ASK, fault, fault)

    assert asks(front, council) == "full"

    tries = front.calls_of(ASK)
    assert len(tries) == 3
    assert len({one.headers["idempotency-key"] for one in tries}) == 1
    assert len({one.body for one in tries}) == 1
    assert len({one.proof()["jti"] for one in tries}) == 3


LASTING = {
    "400": answers(400, {"code": "request_malformed", "status": 400}),
    "403": answers(403, {"code": "wrong_role", "status": 403}),
    "404": answers(404, {"code": "not_found", "status": 404}),
    "422": answers(422, {"code": "idempotency_key_reused", "status": 422}),
    "429 that does not say when": answers(429, {"code": "limit_reached", "status": 429}),
    "429 for longer than the call may take": answers(429, {"code": "too_many_misses", "status": 429}, Retry_After="3600"),
    "500": answers(500, {"code": "fault", "status": 500}),
    "a redirect": answers(307, b"", Location="https://elsewhere.example/"),
}


@pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING.keys())
def test_what_lasts_is_not_tried_again(asks: Callable[..., str], front: Front, council: Council, fault: Any) -> None:
    front.fail(ASK, fault)

    with pytest.raises((ProblemError, UnexpectedReplyError)):
        asks(front, council)

    assert len(front.calls_of(ASK)) == 1


def test_tries_end(asks: Callable[..., str], front: Front, council: Council) -> None:
    front.fail(ASK, *[answers(504, SLOW)] * 4)

    with pytest.raises(UnavailableError) as told:
        asks(front, council)

    assert (told.value.code, told.value.urgent_contact) == ("source_slow", "999")
    assert len(front.calls_of(ASK)) == 4


def test_a_gateway_that_is_not_there_is_told_in_time(asks: Callable[..., str], front: Front, council: Council) -> None:
    begun = time.monotonic()

    with pytest.raises(UnreachableError, match=r"4 tries"):
        asks(front, council, issuer="http://127.0.0.1:9")

    assert time.monotonic() - begun < 5


def test_the_deadline_bounds_everything(asks: Callable[..., str], front: Front, council: Council) -> None:
    front.fail(ASK, hangs(1.2))
    begun = time.monotonic()

    with pytest.raises(UnreachableError, match="took too long"):
        asks(front, council, patience=Patience(timeout=0.4, deadline=0.5))

    assert time.monotonic() - begun < 1.1
    time.sleep(1)  # the front's own thread ends


def test_waits_double_within_bounds_and_are_spread() -> None:
    patience = Patience(first_wait=1, longest_wait=5)

    assert [wait_before(tried, patience, 1.0) for tried in (1, 2, 3, 4)] == [1, 2, 4, 5]
    assert wait_before(3, patience, 0.0) == 2


def test_retry_after_is_read_in_both_its_forms() -> None:
    assert retry_after({"retry-after": "7"}, 0.0) == 7
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 4.0) == 6
    assert [retry_after({"retry-after": one}, 0.0) for one in ("", "soon", "-1")] == [None] * 3


# -- tokens


def test_a_refused_token_is_replaced_once(asks: Callable[..., str], front: Front, council: Council) -> None:
    front.fail(ASK, answers(401, {"code": "token_refused", "status": 401}))

    assert asks(front, council) == "full"
    assert len(front.calls_of(TOKEN)) == 2
    assert len({one.headers["authorization"] for one in front.calls_of(ASK)}) == 2


NO_TOKENS = {
    "a bearer token": answers(200, {"access_token": "x", "token_type": "Bearer", "expires_in": 300}),
    "no token": answers(200, {}),
    "no OAuth": answers(500, b"<html>"),
}


@pytest.mark.parametrize("fault", NO_TOKENS.values(), ids=NO_TOKENS.keys())
def test_what_is_no_token_of_ours_is_not_used(asks: Callable[..., str], front: Front, council: Council, fault: Any) -> None:
    front.fail(TOKEN, fault)

    with pytest.raises(UnexpectedReplyError):
        asks(front, council)

    assert not front.calls_of(ASK)


def test_a_wrong_clock_is_told_as_one(asks: Callable[..., str], front: Front, council: Council) -> None:
    with pytest.raises(OAuthError) as told:
        asks(front, council, timing=Timing(clock=lambda: machine_seconds() + 300))

    assert re.search(r"This clock is about (29|30)\d seconds ahead of the gateway's", str(told.value))


def test_a_clock_that_goes_wrong_later_is_told_too(front: Front, council: Council) -> None:
    wrong = [0.0]
    with client_for(front, council, timing=Timing(clock=lambda: machine_seconds() + wrong[0])) as client:
        client.get(GRACE, fields=["age"], **CASE)
        wrong[0] = -300
        refused = answers(401, {"code": "token_refused", "status": 401}, Date="Wed, 25 Nov 2026 00:00:00 GMT")
        front.fail(TOKEN, lambda _seen, _forward: Answered(200, [], TOKEN_ANSWER))
        front.fail(ASK, refused, refused)
        with pytest.raises(TokenRefusedError) as told:
            client.get(GRACE, fields=["age"], **CASE)

    assert "set it by NTP" in told.value.hint


TOKEN_ANSWER = b'{"access_token": "x", "token_type": "DPoP", "expires_in": 300}'


def wants_nonce(seen: Seen, nonce: str) -> bool:
    return seen.proof().get("nonce") != nonce


def nonce_guard(nonce: str, status: int) -> Any:
    """Answer as RFC 9449, section 8 (token endpoint) or 9 (resource) has it, where the proof lacks the nonce."""

    def fault(seen: Seen, forward: Any) -> Answered:
        if not wants_nonce(seen, nonce):
            return forward()
        body = json.dumps({"error": "use_dpop_nonce"}).encode()
        return Answered(status, [("DPoP-Nonce", nonce), ("WWW-Authenticate", 'DPoP error="use_dpop_nonce"')], body)

    return fault


def test_a_nonce_that_the_server_wants_is_sent(front: Front, council: Council) -> None:
    """Once with it, and from then on at once; the two servers' nonces are two."""
    front.fail(TOKEN, *[nonce_guard("n-token", 400)] * 2)
    front.fail(ASK, *[nonce_guard("n-api", 401)] * 3)

    with client_for(front, council) as client:
        for _ in range(2):
            assert client.get(GRACE, fields=["age"], **CASE).outcome == "full"

    assert [one.proof().get("nonce") for one in front.calls_of(TOKEN)] == [None, "n-token"]
    assert [one.proof().get("nonce") for one in front.calls_of(ASK)] == [None, "n-api", "n-api"]


def test_a_nonce_that_is_never_right_is_not_tried_for_ever(front: Front, council: Council) -> None:
    refuses = answers(400, {"error": "use_dpop_nonce"}, DPoP_Nonce="again")
    front.fail(TOKEN, refuses, refuses)

    with client_for(front, council) as client, pytest.raises(OAuthError):
        client.get(GRACE, fields=["age"], **CASE)


# -- whom is spoken to


@pytest.mark.parametrize(
    "issuer", ["http://gateway.example", "ftp://x", "https://u@gateway.example", "https://x/?a=b", "gateway"]
)
def test_an_address_that_is_not_safe_is_refused(front: Front, council: Council, issuer: str) -> None:
    with pytest.raises(ValueError, match=r"https://"):
        client_for(front, council, issuer=issuer)


OTHERS = {
    "another issuer": {"issuer": "https://elsewhere.example", "token_endpoint": "https://elsewhere.example/token"},
    "a token endpoint without TLS": {"issuer": "OWN", "token_endpoint": "http://elsewhere.example/token"},
    "no token endpoint": {"issuer": "OWN"},
}


@pytest.mark.parametrize("metadata", OTHERS.values(), ids=OTHERS.keys())
def test_no_key_is_used_before_the_metadata_are_the_issuers_own(
    front: Front, council: Council, metadata: dict[str, str]
) -> None:
    """RFC 8414, section 3.3."""
    front.fail(METADATA, answers(200, {name: one.replace("OWN", front.issuer) for name, one in metadata.items()}))

    with client_for(front, council) as client, pytest.raises(UnexpectedReplyError):
        client.get(GRACE, fields=["age"], **CASE)

    assert not front.calls_of(TOKEN)


def test_a_wrong_key_is_told_before_any_call(front: Front, council: Council) -> None:
    for wrong in ({"key": "nowhere.json"}, {"key": {"kty": "oct", "k": "AAAA"}}, {"key": {}}, {"vkey": "nothing"}):
        with pytest.raises(ValueError, match=r"."):
            client_for(front, council, **wrong)
    assert not front.seen


def test_an_unreachable_gateway_tells_the_number_that_it_once_gave(front: Front, council: Council) -> None:
    with client_for(front, council, patience=Patience(tries=1)) as client:
        client.get(GRACE, fields=["age"], **CASE)
        front.fail(ASK, drops)
        with pytest.raises(UnreachableError) as told:
            client.get(GRACE, fields=["age"], **CASE)

    assert told.value.urgent_contact == "+44 113 496 0000"
