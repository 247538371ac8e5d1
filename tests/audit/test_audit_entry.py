"""Entries: their bytes are final, and RFC 8785's."""

import hashlib
import math
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.format.commitment import DISCLOSURE_NAMES, SealingKey, seal
from audit.format.entry import (
    DEEPEST,
    ENTRY_LIMIT,
    STATE_KINDS,
    EntryError,
    Kind,
    as_text,
    canonical,
    entry_bytes,
    new_entry_id,
    written,
)

AT = datetime(2026, 10, 2, 9, 14, 3, 5, tzinfo=UTC)
SUBJECT = SealingKey(b"s" * 16, bytes(range(32)))
CONTROLLER = SealingKey(b"c" * 16, bytes(range(32, 64)))

# Format 1 is final: these literals never change. If a test of them fails, the code is wrong.
GOLDEN_DISCLOSURE = (
    b'{"_sd":["1NIYByQztl1V0YTZV51be0GlAFlSli7dzQ91QwCm1so","1puW7KvxdOFyoI0sFB2SSmVikzFJPD8mf3gQwMK_XcY","BlN'
    b'FkMDVFuNVBByNyB4Hf_ZDBN-vFINP0ACgiWUJ5O8","XFvJMUfUrbxtOiW3bo-5l8Ri__Gg-py3ZsC9uSk2YcM","bW1K3Bmt6A14pby'
    b'NN71R1rX4LtQCc00nElu8RoyhqUs","gjhGIlK33Pgwo2fBgJKGrrxOrvgwGrIUCR0fmLW_y3Y","jrQpRTknzWB5bjomMdThkM_BuKa'
    b'eTpSC5BLw2JN_EaA","mBHHgzOT5262zviuN84WWO6fPD_RnSn69VqOlntNptQ","nfpG3HOm_I75mxK2rcsicME_zdN3RW52e2T-9PX'
    b'b--M","oUHjOt1Pfe1-2V-sgllZzcGIsAnKNWY98x-ilRNqUUY"],"_sd_alg":"sha-256","at":"2026-10-02T09:14:03.00000'
    b'5Z","counter":7,"id":"d_01K6HYQ2PM0123456789ABCDEF","kind":"disclosure","outcome":"full","v":1}'
)
GOLDEN_STATE = (
    b'{"_sd":["c-jgqa_SWi1dJOQRoDyxrRbxnB6KbXfLnoSmHRWq0tY","n71cd8CJcXgrgsxBpccxFBX3amVxGGzTQZIVFQ2NtXE"],"_s'
    b'd_alg":"sha-256","at":"2026-10-02T09:14:03.000005Z","id":"e_01K6HYQ2PM0123456789ABCDEG","kind":"agreemen'
    b't.published","v":1}'
)

STATE = [
    "agreement.published",
    "agreement.ended",
    "core.published",
    "core.ended",
    "council.published",
    "dataset.published",
    "source.changed",
    "consent.given",
    "consent.refused",
    "consent.withdrawn",
    "consent.lapsed",
    "restriction.set",
    "restriction.lifted",
    "person.linked",
    "person.unlinked",
    "partner.registered",
    "partner.changed",
    "partner.suspended",
    "partner.resumed",
    "client.registered",
    "client.revoked",
    "key.registered",
    "key.revoked",
    "token.revoked",
    "semantics.changed",
    "objection.decided",
    "emergency.incident_opened",
    "emergency.incident_closed",
    "erasure",
]
OTHERS = [
    "disclosure",
    "refusal",
    "failure",
    "completion",
    "totals",
    "agreement.proposed",
    "agreement.approved",
    "agreement.rejected",
    "emergency.reviewed",
    "log_key.rotated",
    "hold.set",
    "hold.lifted",
    "log.expired",
    "witness.tripped",
    "witness.recovered",
    "restore",
    "search",
    "export",
    "outage",
    "software.started",
    "operator.granted",
    "operator.revoked",
    "sign-in",
    "sign-in.failed",
    "objection.received",
    "rectified",
    "notice.sent",
    "notice.acknowledged",
    "disposal.attested",
    "check.asked",
    "check.answered",
    "one_off.received",
    "one_off.decided",
    "incident.opened",
    "incident.closed",
    "complaint.received",
    "complaint.closed",
    "misses.lifted",
    "emergency.raised",
    "person.checked",
    "state.adopted",
    "state.kept",
    "log.succeeded",
    "keys.rewrapped",
    "change.proposed",
    "change.approved",
    "change.rejected",
    "advice.given",
]


def test_the_bytes_of_a_disclosure_are_final() -> None:
    names = {
        name: (SUBJECT if name in {"subject", "matter", "request", "answer", "facts"} else CONTROLLER, {"n": name})
        for name in DISCLOSURE_NAMES
        if name != "values"
    }
    values = [("full_name", {"value": "Grace Okafor", "form": "full"}), ("age", {"value": 41, "form": "full"})]
    sealed = seal("d_01K6HYQ2PM0123456789ABCDEF", names, values, SUBJECT)

    found = entry_bytes(
        kind=Kind.DISCLOSURE,
        entry_id="d_01K6HYQ2PM0123456789ABCDEF",
        at=AT,
        sd=sealed.sd,
        outcome="full",
        counter=7,
    )

    assert found == GOLDEN_DISCLOSURE
    assert hashlib.sha256(found).hexdigest() == "dd4ae85fc8909d1f6d75f2a7a74eb1a146b6b594cd6614d17ec77ff85e9d3046"


def test_the_bytes_of_a_state_entry_are_final() -> None:
    names = {"what": (CONTROLLER, {"id": "a", "version": 1}), "who": (CONTROLLER, {"by": "operator:dpo"})}
    sealed = seal("e_01K6HYQ2PM0123456789ABCDEG", names, (), None)

    found = entry_bytes(
        kind=Kind.AGREEMENT_PUBLISHED,
        entry_id="e_01K6HYQ2PM0123456789ABCDEG",
        at=AT,
        sd=sealed.sd,
        outcome=None,
        counter=None,
    )

    assert found == GOLDEN_STATE
    assert hashlib.sha256(found).hexdigest() == "ea56739b8201e25daee27d6cde3292e0d02daa76364a4692b0c6d50f73e0fe7d"


def test_the_kinds_are_those_of_the_format_in_its_order() -> None:
    assert [kind.value for kind in Kind] == STATE + OTHERS


def test_the_state_kinds_are_those_that_change_what_may_leave() -> None:
    assert {kind.value for kind in STATE_KINDS} == {*STATE, "state.adopted", "state.kept", "change.approved"}


names_ = st.text(st.characters(max_codepoint=0x7F), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
values_ = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names_, inner, max_size=4), max_leaves=25
)


@settings(deadline=None, max_examples=300)
@given(values_)
def test_canonical_writes_the_bytes_of_rfc_8785(value) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_every_control_character_is_escaped_as_rfc_8785_says() -> None:
    every = "".join(map(chr, range(0x20))) + '"\\/\x7f\u2028\u00e9\U0001f600'
    assert canonical(every) == rfc8785.dumps(every)


class Word(StrEnum):
    YES = "yes"


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        math.nan,
        2**53,
        -(2**53),
        b"bytes",
        {1, 2},
        AT,
        UUID(int=0),
        Word.YES,
        Text("x"),
        ...,
        {"é": 1},
        {1: "x"},
        {None: "x"},
        {Word.YES: "x"},
        {"\ud800": 1},
        "\ud800",
        {"deep": ["\udfff"]},
        {"deep": [{"x": 0.5}]},
        ({"x": (2**60,)},),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_is_not_of_the_subset_is_refused(value) -> None:
    with pytest.raises(EntryError):
        canonical(value)


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(EntryError) as caught:
        canonical({"sürname": 1})
    assert "rname" not in str(caught.value)


def nested(depth: int, innermost):
    for _ in range(depth):
        innermost = [innermost]
    return innermost


def test_as_deep_as_allowed_is_written() -> None:
    assert canonical(nested(DEEPEST, 1)).count(b"[") == DEEPEST


@pytest.mark.parametrize("depth", [DEEPEST + 1, 5_000])
def test_deeper_than_allowed_is_refused(depth: int) -> None:
    with pytest.raises(EntryError, match="deep"):
        canonical(nested(depth, None))


def an_entry(**changes) -> bytes:
    return entry_bytes(
        **{"kind": Kind.SEARCH, "entry_id": "e_1", "at": AT, "sd": (), "outcome": None, "counter": None, **changes}
    )


def test_an_entry_at_the_limit_is_written() -> None:
    room = ENTRY_LIMIT - len(an_entry(sd=("",)))
    assert len(an_entry(sd=("x" * room,))) == ENTRY_LIMIT


def test_an_entry_over_the_limit_is_refused() -> None:
    room = ENTRY_LIMIT - len(an_entry(sd=("",)))
    with pytest.raises(EntryError, match="16385 bytes, over 16384"):
        an_entry(sd=("x" * (room + 1),))


def test_an_entry_holds_only_what_is_in_clear() -> None:
    assert an_entry(people={"root": "x", "size": 2}, counter=1, outcome="none") == (
        b'{"_sd":[],"_sd_alg":"sha-256","at":"2026-10-02T09:14:03.000005Z","counter":1,"id":"e_1","kind":"search",'
        b'"outcome":"none","people":{"root":"x","size":2},"v":1}'
    )


@pytest.mark.parametrize("change", [{"entry_id": "\ud800"}, {"outcome": "\ud800"}, {"people": {"x": 1.5}}])
def test_an_entry_of_what_json_cannot_hold_is_refused(change) -> None:
    with pytest.raises(EntryError):
        an_entry(**change)


def test_an_instant_is_written_in_utc_to_the_microsecond() -> None:
    summer = timezone(timedelta(hours=1))
    assert as_text(datetime(2026, 7, 1, 0, 30, tzinfo=summer)) == "2026-06-30T23:30:00.000000Z"


def test_an_entry_id_is_a_ulid() -> None:
    """The ULID specification's layout: 48 bits of milliseconds, 80 random ones, in Crockford's base 32."""
    at = datetime.fromtimestamp(1_469_918_176.385, UTC)
    assert new_entry_id("d", at, bytes(10)) == "d_01ARYZ6S41" + "0" * 16
    assert new_entry_id("d", at, b"\xff" * 10) == "d_01ARYZ6S41" + "Z" * 16


def test_entry_ids_sort_by_their_instants() -> None:
    ids = [new_entry_id("e", AT + timedelta(milliseconds=more), b"\xff" * 10) for more in (0, 1, 1000, 10**8)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("random", [b"", bytes(9), bytes(11)])
def test_an_entry_id_takes_80_random_bits(random: bytes) -> None:
    with pytest.raises(EntryError):
        new_entry_id("d", AT, random)


@settings(deadline=None, max_examples=50)
@given(values_)
def test_what_was_written_once_stands_in_others_as_it_is(value) -> None:
    assert canonical({"b": written(value), "a": [written(value)]}) == canonical({"b": value, "a": [value]})


def test_what_cannot_stand_in_an_entry_cannot_be_written_ahead() -> None:
    with pytest.raises(EntryError):
        written({"height": 1.7})
