"""What does not verify is refused: a changed answer, another's, an old one, a stream that is cut or rearranged."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from client_serving import (
    ASK,
    CASE,
    GRACE,
    SLOW,
    Answered,
    Front,
    answers,
    changes,
    client_for,
    settings_for,
    somebody,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hours import machine_seconds

from audit.format.entry import canonical
from audit.tree.checkpoint import CheckpointSigner
from gateway.client import (
    AsyncClient,
    Client,
    IncompleteError,
    LimitReachedError,
    NotVerifiedError,
    ProblemError,
    StileError,
    UnexpectedReplyError,
)
from gateway.client.proving import Expected, typed_answer
from gateway.client.retrying import Timing
from gateway.council.directory import Council

# -- one person


def another_value(body: bytes) -> bytes:
    return body.replace(b'"below":65', b'"below":66')


def without_receipt(body: bytes) -> bytes:
    return json.dumps({"disclosure": json.loads(body)["disclosure"]}, separators=(",", ":"), sort_keys=True).encode()


def indented(body: bytes) -> bytes:
    return json.dumps(json.loads(body), indent=1).encode()


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


SPOILT = {
    "a value": another_value,
    "no receipt": without_receipt,
    "written again": indented,
    "cut": cut,
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("change", SPOILT.values(), ids=SPOILT.keys())
def test_an_answer_that_does_not_verify_is_refused(
    asks: Callable[..., str], front: Front, council: Council, change: Callable[[bytes], bytes]
) -> None:
    front.fail(ASK, changes(change))
    kept: list[str] = []

    with pytest.raises(NotVerifiedError) as told:
        asks(front, council, keeper=lambda name, _: kept.append(name))

    assert not kept, "what is not verified is not kept as evidence"
    assert "25" not in str(told.value)


def test_a_receipt_by_another_key_is_refused(front: Front, council: Council) -> None:
    other = CheckpointSigner(council.settings.origin, Ed25519PrivateKey.generate()).vkey

    with client_for(front, council, vkey=other) as client, pytest.raises(NotVerifiedError):
        client.get(GRACE, fields=["age"], **CASE)


def test_a_genuine_answer_to_another_request_is_refused(asks: Callable[..., str], front: Front, council: Council) -> None:
    """A gateway, or who stands before it, can't give one person's answer for another's: the receipt names the request."""
    other: list[bytes] = []
    with client_for(front, council) as client:
        other.append(client.get(somebody(1), fields=["age"], **CASE).raw)
    front.fail(ASK, changes(lambda _: other[0]))

    with pytest.raises(NotVerifiedError, match="another request"):
        asks(front, council)


def test_an_old_answer_to_the_same_request_is_refused(front: Front, council: Council) -> None:
    with client_for(front, council, timing=Timing(clock=lambda: machine_seconds() + 5)) as client:
        old = client.get(GRACE, fields=["age"], **CASE).raw
    ahead = [0.0]
    with client_for(front, council, timing=Timing(clock=lambda: machine_seconds() + ahead[0])) as client:
        client.agreements()
        ahead[0] = 200
        front.fail(ASK, lambda _seen, _forward: Answered(200, [("Content-Type", "application/json")], old))
        with pytest.raises(NotVerifiedError, match="older than this call"):
            client.get(GRACE, fields=["age"], **CASE)


# -- many people, cut off or changed


def lines_of(body: bytes) -> list[bytes]:
    return body.splitlines(keepends=True)


def read_one_by_one(client: Client, count: int = 150) -> tuple[list[str | None], StileError]:
    """Return whom a spoilt stream gave out, and what it then raised."""
    found: list[str | None] = []
    lines = client.many([somebody(number) for number in range(count)], fields=["age"], **CASE)
    with pytest.raises(StileError) as told:
        found.extend(one.ref for one in lines)
    return found, told.value


FIRST = [f"r{number}" for number in range(100)]


def test_a_stream_that_breaks_off_gives_what_was_proved(client: Client, front: Front) -> None:
    """The first chunk whole; of the second a person whose receipt has not come is not given out."""
    front.fail(ASK, changes(lambda body: b"".join(lines_of(body)[:120])))

    found, error = read_one_by_one(client)

    assert found == FIRST
    assert isinstance(error, IncompleteError)
    assert error.remaining == tuple(f"r{number}" for number in range(100, 150))


def test_a_stream_without_its_end_is_incomplete(client: Client, front: Front) -> None:
    front.fail(ASK, changes(lambda body: b"".join(lines_of(body)[:101])))

    found, error = read_one_by_one(client, 100)

    assert (found, type(error)) == (FIRST, IncompleteError)
    front.fail(ASK, changes(lambda body: b"".join(lines_of(body)[:-1])))
    assert isinstance(read_one_by_one(client, 3)[1], IncompleteError)


def test_a_problem_in_a_stream_is_told_with_who_remains(client: Client, front: Front) -> None:
    line = json.dumps({"problem": SLOW}, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    front.fail(ASK, changes(lambda body: b"".join(lines_of(body)[:101]) + line))

    found, error = read_one_by_one(client)

    assert found == FIRST
    assert isinstance(error, IncompleteError)
    assert error.problem is not None
    assert (error.problem.code, error.urgent_contact, len(error.remaining)) == ("source_slow", "999", 50)


def swapped(body: bytes) -> bytes:
    lines = lines_of(body)
    return b"".join([*lines[:101], lines[102], lines[101], *lines[103:]])


def left_out(body: bytes) -> bytes:
    lines = lines_of(body)
    return b"".join([*lines[:101], *lines[102:]])


def changed_later(body: bytes) -> bytes:
    lines = lines_of(body)
    return b"".join([*lines[:101], lines[101].replace(b"not_confirmed", b"confirmed"), *lines[102:]])


def said_twice(body: bytes) -> bytes:
    lines = lines_of(body)
    return b"".join([*lines[:101], *lines[:101], *lines[101:]])


@pytest.mark.parametrize("change", [swapped, left_out, changed_later, said_twice])
def test_lines_that_are_not_as_asked_are_refused(client: Client, front: Front, change: Callable[[bytes], bytes]) -> None:
    front.fail(ASK, changes(change))

    found, error = read_one_by_one(client)

    assert (found, type(error)) == (FIRST, NotVerifiedError)


def test_lines_behind_the_end_are_refused(client: Client, front: Front) -> None:
    front.fail(ASK, changes(lambda body: body + b'{"end":{"lines":3}}\n'))

    assert isinstance(read_one_by_one(client, 3)[1], NotVerifiedError)


def test_an_event_loop_gives_what_was_proved(front: Front, council: Council) -> None:
    async def ask() -> list[str | None]:
        async with AsyncClient(**settings_for(front, council)) as client:
            lines = client.many([somebody(number) for number in range(150)], fields=["age"], **CASE)
            found = [(await anext(lines)).ref for _ in FIRST]
            with pytest.raises(IncompleteError):
                await anext(lines)
        return found

    front.fail(ASK, changes(lambda body: b"".join(lines_of(body)[:120])))

    assert asyncio.run(ask()) == FIRST


def test_a_many_that_is_refused_by_a_limit_is_a_problem(client: Client, front: Front) -> None:
    front.fail(ASK, answers(429, {"code": "limit_reached", "status": 429}))

    with pytest.raises(LimitReachedError):
        client.many([somebody(0)], fields=["age"], **CASE)


@pytest.mark.parametrize("members", [b'{"end":{"lines":4}}', b'{"sum":3}', b"[]", b'{"end":3}'])
def test_a_closing_line_that_is_none_is_refused(client: Client, front: Front, members: bytes) -> None:
    front.fail(ASK, changes(lambda body: b"".join(lines_of(body)[:-1]) + members + b"\n"))

    assert isinstance(read_one_by_one(client, 3)[1], NotVerifiedError)


# -- a refusal of many, and what needs no person


def refused_lines(client: Client) -> None:
    """Ask without a case: the answer is one document, with the status 403."""
    list(client.many([somebody(0), somebody(1)], fields=["age"], caseworker=CASE["caseworker"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"case_reference_needed", b"caseworker_needed"),
        lambda body: canonical({**json.loads(body), "lines": json.loads(body)["lines"][1:]}),
        lambda body: canonical({**json.loads(body), "lines": json.loads(body)["lines"][:2]}),
    ],
    ids=["changed", "one person less", "no receipt"],
)
def test_a_refusal_of_many_that_is_not_whole_is_refused(
    client: Client, front: Front, change: Callable[[bytes], bytes]
) -> None:
    front.fail(ASK, changes(change))

    with pytest.raises(NotVerifiedError):
        refused_lines(client)


def test_an_answer_of_another_client_is_refused(client: Client, council: Council) -> None:
    answer = client.get(GRACE, fields=["age"], **CASE)
    expected = Expected(council.signer.vkey, "another-client", b"", 0.0)

    with pytest.raises(NotVerifiedError, match="another request"):
        expected.check(answer.verified)
    openings = {**answer.verified.openings, "request": {"digest": "sha256:" + hashlib.sha256(b"").hexdigest()}}
    with pytest.raises(NotVerifiedError, match="another client"):
        expected.check(replace(answer.verified, openings=openings))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: raw.replace(b'"index":', b'"index":1'), "does not verify"),
        (lambda raw: raw.replace(b'"proof":[', b'"proof":["AA==",'), "does not verify"),
        (lambda raw: raw.replace(b'"origin":"gateway', b'"origin":"gatevvay'), "another log"),
        (lambda _: b"{}", "members of a receipt"),
        (lambda _: b"<html>", "does not verify"),
    ],
    ids=["index", "proof", "origin", "empty", "no JSON"],
)
def test_a_receipt_that_does_not_verify_is_refused(
    client: Client, front: Front, change: Callable[[bytes], bytes], why: str
) -> None:
    """Also where it was asked for by its id alone."""
    answer = client.get(GRACE, fields=["age"], **CASE)
    path = f"{ASK}/{answer.disclosure_id}/receipt"
    front.fail(path, changes(change), changes(change))

    with pytest.raises(NotVerifiedError, match=why):
        client.receipt(answer.disclosure_id)
    with pytest.raises(NotVerifiedError):
        client.receipt(answer)


def test_the_receipt_of_another_answer_is_refused(client: Client, front: Front) -> None:
    one, other = (client.get(GRACE, fields=["age"], **CASE) for _ in range(2))
    raw = client.receipt(other.disclosure_id).raw
    front.fail(f"{ASK}/{one.disclosure_id}/receipt", changes(lambda _: raw), changes(lambda _: raw))

    with pytest.raises(NotVerifiedError, match="another disclosure"):
        client.receipt(one.disclosure_id)
    with pytest.raises(NotVerifiedError):
        client.receipt(one)


def test_a_verified_answer_of_an_unknown_shape_is_told_as_one(client: Client) -> None:
    verified = client.get(GRACE, fields=["age"], **CASE).verified

    with pytest.raises(UnexpectedReplyError, match="newer"):
        typed_answer({"disclosure_id": "d_1"}, verified, raw=b"", refused=False)


def test_what_is_no_list_or_explanation_is_told_as_one(client: Client, front: Front) -> None:
    front.fail("/v1/agreements", answers(200, {"agreements": [{"id": 1}]}), answers(404, {"code": "not_found"}))
    front.fail("/v1/explain", answers(200, {"fields": []}), answers(400, {"code": "request_malformed"}))

    for ask in (client.agreements, client.explain):
        with pytest.raises(UnexpectedReplyError):
            ask()
        with pytest.raises(ProblemError):
            ask()


def test_an_id_that_is_not_yours_is_a_problem(client: Client) -> None:
    with pytest.raises(ProblemError) as told:
        client.receipt("d_" + "0" * 26)

    assert told.value.code == "not_found"
