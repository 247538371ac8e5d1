"""Keys change the generation of the master key that wraps them: in portions, beside who reads and makes keys."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pysqlite3
import pytest
from audit_place import MASTER

from audit.stores.connection import StoreError
from audit.writing import rewrapping
from audit.writing.keyring import BLOCK, Keyring, KeyringError
from audit.writing.rewrapping import begin_generation, left_behind, new_key, newest_of, rewrap
from audit.writing.wrapping import mark_of

NEXT = bytes(range(32, 64))


@dataclass
class Source:
    """A master key's source that a test changes; counts how often it was read."""

    keys: list[bytes] = field(default_factory=lambda: [MASTER])
    told: str = "the test"
    reads: int = 0

    def read(self) -> Sequence[bytes]:
        self.reads += 1
        return self.keys


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def ring(place, source: Source):
    with contextlib.closing(Keyring.open(place.keys, source)) as opened:
        yield opened


def made(ring: Keyring, count: int) -> dict[bytes, bytes]:
    """Make keys at random, and return them by their ids."""
    keys = {number.to_bytes(16): bytes([number % 256]) * 32 for number in range(1, count + 1)}
    ring.safe.keep(keys)
    return keys


def generations_in(place) -> dict[int, int]:
    """Return how many keys each generation wraps, as another process sees it."""
    with contextlib.closing(pysqlite3.connect(place.keys)) as connection:
        rows = connection.execute("SELECT generation FROM random_key UNION ALL SELECT generation FROM named_key").fetchall()
    return {number: rows.count((number,)) for (number,) in rows}


def test_every_key_opens_by_the_next_generation_alone(place, ring: Keyring, source: Source) -> None:
    keys, index = made(ring, 1_200), ring.named("index")
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)

    assert rewrap(ring.safe) == 1_203
    assert (left_behind(ring.safe), generations_in(place)) == (0, {2: 1_203})
    with contextlib.closing(Keyring.open(place.keys, Source([NEXT]))) as other:
        assert {key_id: other.load(key_id).secret for key_id in keys} == keys
        assert other.named("index") == index
    with pytest.raises(KeyringError, match=r"wrapped by generation 2 .* and the test holds generation 1"):
        Keyring.open(place.keys, Source([MASTER]))


def test_a_generation_that_is_not_at_hand_is_named_and_is_no_damage(place, ring: Keyring, source: Source) -> None:
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)
    rewrap(ring.safe)

    with pytest.raises(KeyringError) as error:
        Keyring.open(place.keys, Source([bytes(32)]))

    assert f"generation 2 of the master key (mark {mark_of(NEXT).hex()})" in str(error.value)
    assert "damage" not in str(error.value)


def test_what_stopped_in_between_is_taken_up_again(place, ring: Keyring, source: Source) -> None:
    keys = made(ring, 1_200)
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)
    counts: list[int] = []

    def stop(count: int) -> None:
        counts.append(count)
        raise InterruptedError

    for _ in range(2):
        with pytest.raises(InterruptedError):
            rewrap(ring.safe, stop)
    assert generations_in(place) == {1: 1_200 - 3 - 500 + 3, 2: 503}
    assert {key_id: ring.load(key_id).secret for key_id in keys} == keys, "both are at hand"

    assert rewrap(ring.safe) == 700
    assert generations_in(place) == {2: 1_203}


def test_who_has_the_file_open_goes_on(place, ring: Keyring, source: Source) -> None:
    """Another process knew of the first generation alone: it reads the source again, and keeps by the second."""
    theirs = Source()
    with contextlib.closing(Keyring.open(place.keys, theirs)) as other:
        keys = made(ring, 3)
        source.keys = theirs.keys = [MASTER, NEXT]
        begin_generation(ring.safe, NEXT)
        other.safe.keep({b"k" * 16: b"s" * 32})
        rewrap(ring.safe)
        theirs.keys = [NEXT]

        assert {key_id: other.load(key_id).secret for key_id in keys} == keys
        assert ring.load(b"k" * 16).secret == b"s" * 32
        assert generations_in(place) == {2: 7}


def test_a_generation_that_begins_meanwhile_wraps_what_is_kept(place, ring: Keyring, source: Source, monkeypatch) -> None:
    """Between the choice of a generation and the writing of a key another process begins the next."""
    source.keys = [MASTER, NEXT]
    wrap = ring.safe.wrapping.wrap
    begun: list[bool] = []

    def wrap_later(secret: bytes, **named):
        wrapped = wrap(secret, **named)
        if not begun:
            begun.append(True)
            with contextlib.closing(Keyring.open(place.keys, source)) as other:
                begin_generation(other.safe, NEXT)
        return wrapped

    monkeypatch.setattr(ring.safe.wrapping, "wrap", wrap_later)
    ring.safe.keep({b"k" * 16: b"s" * 32})

    assert begun
    assert generations_in(place) == {1: 3, 2: 1}


def test_a_missing_generation_is_not_asked_for_with_each_call(place, ring: Keyring, source: Source) -> None:
    """A command may take seconds: it is not run again at once for a key that it did not give."""
    with contextlib.closing(Keyring.open(place.keys, Source([MASTER, NEXT]))) as other:
        begin_generation(other.safe, NEXT)
        rewrap(other.safe)
    before = source.reads

    for _ in range(20):
        with pytest.raises(KeyringError, match="generation 2"):
            ring.named("pseudonym")

    assert source.reads == before + 1


def test_what_was_destroyed_meanwhile_stays_destroyed(place, ring: Keyring, source: Source, monkeypatch) -> None:
    keys = made(ring, 10)
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)
    gone = next(iter(keys))
    replace = ring.safe.file.replace

    def replace_later(rows):
        with contextlib.closing(Keyring.open(place.keys, source)) as other:
            other.destroy([gone])
        replace(rows)

    monkeypatch.setattr(ring.safe.file, "replace", replace_later)
    rewrap(ring.safe)

    with pytest.raises(KeyringError, match="destroyed"):
        ring.load(gone)
    assert ring.safe.standing().keys == 9


def test_how_a_key_was_wrapped_before_is_in_no_file(place, ring: Keyring, source: Source) -> None:
    (key_id,) = made(ring, 1)
    before = ring.safe.file.random(key_id).content
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)
    rewrap(ring.safe)

    files = [place.keys, place.keys.with_name("keys.sqlite-wal")]
    assert [file for file in files if before in file.read_bytes()] == []


def test_who_reads_keeps_the_wiping_waiting_and_is_told(place, ring: Keyring, source: Source) -> None:
    made(ring, 1)
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)
    ring.safe.file.connection.run("PRAGMA busy_timeout=0")
    with contextlib.closing(pysqlite3.connect(place.keys, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM random_key").fetchone()
        with pytest.raises(KeyringError, match="run it again"):
            rewrap(ring.safe)

    assert rewrap(ring.safe) == 0


def test_a_key_that_its_source_does_not_hold_begins_nothing(ring: Keyring) -> None:
    with pytest.raises(KeyringError, match="is not in the test"):
        begin_generation(ring.safe, NEXT)
    assert newest_of(ring.safe).number == 1


def test_a_generation_begins_once(ring: Keyring, source: Source) -> None:
    source.keys = [MASTER, NEXT]
    assert new_key(ring.safe) == NEXT
    begin_generation(ring.safe, NEXT)
    begin_generation(ring.safe, NEXT)

    assert newest_of(ring.safe).number == 2
    assert new_key(ring.safe) is None


def test_a_full_disk_stops_it_and_leaves_every_key(place, ring: Keyring, source: Source, monkeypatch) -> None:
    keys = made(ring, BLOCK)
    source.keys = [MASTER, NEXT]
    begin_generation(ring.safe, NEXT)
    with monkeypatch.context() as patch:

        def fail(_rows) -> None:
            raise StoreError("full")

        patch.setattr(ring.safe.file, "replace", fail)
        with pytest.raises(KeyringError, match="can't be written"):
            rewrap(ring.safe)

    assert {key_id: ring.load(key_id).secret for key_id in keys} == keys
    assert rewrap(ring.safe) == BLOCK + 3


def older_file(path: Path) -> None:
    """Turn a key file back into one of the build before generations."""
    with contextlib.closing(pysqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE generation; DROP TABLE standing; ALTER TABLE named_key DROP COLUMN generation;"
            "ALTER TABLE random_key DROP COLUMN generation;"
        )


def test_a_file_of_the_build_before_learns_of_generations(place) -> None:
    with contextlib.closing(place.ring()) as ring:
        keys, index = made(ring, 5), ring.named("index")
    older_file(place.keys)

    with contextlib.closing(Keyring.open(place.keys, Source([NEXT, MASTER]))) as ring:
        assert {key_id: ring.load(key_id).secret for key_id in keys} == keys
        assert ring.named("index") == index
        standing = ring.safe.standing()
        assert (standing.generation, standing.keys) == (1, 5)
        assert newest_of(ring.safe).mark == mark_of(MASTER)


def test_a_file_of_the_build_before_stays_as_it_is_under_a_wrong_key(place) -> None:
    older_file(place.keys)
    before = place.keys.read_bytes()

    with pytest.raises(KeyringError, match="another master key"):
        Keyring.open(place.keys, Source([NEXT]))

    assert place.keys.read_bytes() == before
    Keyring.open(place.keys, Source()).close()


def test_portions_are_small_enough_to_wait_for() -> None:
    assert rewrapping.PORTION <= 1_000
