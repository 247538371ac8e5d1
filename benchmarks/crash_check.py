"""Does a log hold everything that was answered from it? Raises AssertionError with what is missing."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from audit.format.commitment import open_bundle
from audit.stores.checked import check_whole_log
from audit.stores.entries import bundles
from gateway.council.directory import Council, open_council
from schemas.instants import london_day


@dataclass(frozen=True, slots=True)
class Answered:
    """What a partner was answered, in little memory."""

    account: str
    entry_id: str
    index: int
    entry_digest: bytes
    day: str

    @classmethod
    def read(cls, account: str, body: bytes) -> Answered:
        """Read an answer."""
        answer = orjson.loads(body)
        raw = base64.b64decode(answer["receipt"]["entry"])
        entry = orjson.loads(raw)
        assert entry["id"] == answer["disclosure"]["disclosure_id"]
        day = london_day(datetime.fromisoformat(entry["at"])).isoformat()
        return cls(account, entry["id"], answer["receipt"]["index"], hashlib.sha256(raw).digest(), day)


def check(directory: Path, answered: list[Answered], *, limit: int) -> dict[str, Any]:
    """Check the whole log against what was answered; return what was counted."""
    council = open_council(directory)
    connection = council.store.open(read_only=True)
    try:
        check_whole_log(connection, council.signer.vkey)
        entries = dict(connection.execute("SELECT idx, entry FROM log_entry").fetchall())
        assert sorted(entries) == list(range(len(entries))), "the indices have a gap"
        missing = [
            one.index for one in answered if hashlib.sha256(entries.get(one.index, b"")).digest() != one.entry_digest
        ]
        assert not missing, f"answered, and not in the log as answered: {missing[:5]}"
        assert len({one.index for one in answered}) == len(answered), "two answers share an entry"
        disclosures = _check_counters(entries)
        people = _check_limits(connection, council, answered, limit)
    finally:
        connection.close()
        council.keyring.close()
    return {
        "entries": len(entries),
        "disclosures in the log": disclosures,
        "answered, and missing": 0,
        "people": people,
        "most answers about one": max(Counter(one.account for one in answered).values(), default=0),
        "limit": limit,
    }


def _check_counters(entries: dict[int, bytes]) -> int:
    """Only one partner asks, so its counter must run over its entries without a gap. Returns the disclosures."""
    parsed = [orjson.loads(entries[index]) for index in sorted(entries)]
    counters = [one["counter"] for one in parsed if "counter" in one]
    assert counters == list(range(1, len(counters) + 1)), "the recipient's counter has a gap"
    times = [one["at"] for one in parsed]
    assert times == sorted(times), "an entry is older than the one before it"
    return sum(one["kind"] == "disclosure" for one in parsed)


def _check_limits(connection: Any, council: Council, answered: list[Answered], limit: int) -> int:
    """No person was answered about more often than the limit, and each answer is in that person's count."""
    counts = {
        (name.rpartition("/")[2], window): count
        for name, window, count in connection.execute(
            "SELECT name, \"window\", count FROM usage WHERE name LIKE 'subject/%'"
        ).fetchall()
    }
    today = max((one.day for one in answered), default="")  # the rows of days that are over are swept
    by_person = Counter(one.account for one in answered if one.day == today)
    first = {one.account: one for one in reversed(answered)}
    for account, number in by_person.items():
        kept = counts.get((_reference(connection, council, first[account]), today), 0)
        assert number <= kept <= limit, f"{number} answers about one person, {kept} counted, {limit} allowed"
    return len(by_person)


def _reference(connection: Any, council: Council, one: Answered) -> str:
    """Open an entry's subject, as the council can."""
    for key_id, ciphertext in bundles(connection, one.index):
        opened = open_bundle(council.keyring.load(key_id), one.entry_id, ciphertext)
        if "subject" in opened:
            text = opened["subject"]
            return str(orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[2]["ref"])
    raise AssertionError(f"entry {one.index} has no bundle that opens its subject")
