"""How does every key come under a new generation of the master key? In portions, while others read and make keys.

Whatever stops it, the key file is whole: each key says which generation wraps it, and both are at hand until the last one
is done. To go on is to begin again. What is kept meanwhile is kept under the new generation, whoever keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from audit.stores.key_file import Generation, Name, Wrapped
from audit.writing.safe import Safe, as_bytes
from audit.writing.wrapping import KeyringError, mark_of

PORTION: Final = 500  # keys of one transaction: who makes keys meanwhile waits for one
_KINDS: Final = (str, bytes)  # controller-wide keys have names, every other an id


def newest_of(safe: Safe) -> Generation:
    """Return the generation that wraps what is kept from now on. Raises KeyringError."""
    with safe.lock:
        return safe.read(safe.file.generations)[-1]


def new_key(safe: Safe) -> bytes | None:
    """Return the master key that is at hand and was never in use, the last one of its source; None where there is none."""
    with safe.lock:
        known = {one.mark for one in safe.read(safe.file.generations)}
        last = safe.wrapping.read_master()[-1]
    return None if mark_of(last) in known else last


def begin_generation(safe: Safe, key: bytes) -> None:
    """Wrap what is kept from now on under another master key, which its source must hold already. Raises KeyringError."""
    with safe.lock:
        if mark_of(key) not in {mark_of(one) for one in safe.wrapping.read_master()}:
            raise KeyringError(f"the new master key is not in {safe.wrapping.master.told}: nothing was changed")
        safe.write(lambda: safe.file.begin_generation(mark_of(key)))


def left_behind(safe: Safe) -> int:
    """Return how many keys an older generation wraps. Raises KeyringError."""
    with safe.lock:
        newest = newest_of(safe).number
        return sum(count for number, count in safe.read(safe.file.counts).items() if number < newest)


def rewrap(safe: Safe, done: Callable[[int], None] = lambda _count: None) -> int:
    """Wrap every key by the newest generation, and wipe out how it was wrapped before; return how many were.

    Raises KeyringError: where a generation is not at hand, and where the wiping has to wait for who reads. Call it again.
    """
    newest, count = newest_of(safe).number, 0
    for kind in _KINDS:
        after = 0
        while portion := _next_portion(safe, newest, kind, after):
            after = portion[-1]
            count += len(portion)
            done(count)
    with safe.lock:
        is_wiped = safe.write(safe.file.wipe)
    if not is_wiped:
        raise KeyringError(
            "every key is wrapped anew, but the file holds their old wraps while something reads it: run it again"
        )
    return count


def _next_portion(safe: Safe, generation: int, kind: type, after: int) -> list[int]:
    with safe.lock:
        found = _portion(safe, generation, kind, after)
        rows = [(name, _wrapped_anew(safe, name, one, generation)) for _, name, one in found]
        if rows:
            safe.write(lambda: safe.file.replace(rows))
    return [place for place, *_ in found]


def _wrapped_anew(safe: Safe, name: Name, one: Wrapped, generation: int) -> Wrapped:
    secret = safe.wrapping.unwrap(one, as_bytes(name))
    return safe.wrapping.wrap(secret, name=as_bytes(name), generation=generation)


def every_key(safe: Safe) -> Iterator[Name]:
    """Open every key, and yield its name or id. Raises KeyringError at the first that does not open."""
    beyond = newest_of(safe).number + 1
    for kind in _KINDS:
        after = 0
        while portion := _portion(safe, beyond, kind, after):
            after = portion[-1][0]
            for _, name, one in portion:
                safe.wrapping.unwrap(one, as_bytes(name))
                yield name


def _portion(safe: Safe, generation: int, kind: type, after: int) -> list[tuple[int, Name, Wrapped]]:
    with safe.lock:
        return safe.read(lambda: safe.file.older_than(generation, kind=kind, after=after, most=PORTION))
