"""How does a log whose newest entries are lost go on? By a successor, under an origin and a key of its own.

To go on under the old key would sign a second history. The state stays as it is and is adopted by the new log; the entries
of the old one are kept under other names, as evidence. What is to be done stands in a file before the first step, and each
step can be taken again.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import orjson

from audit.format.entry import Kind
from audit.stores.checked import check_whole_log
from audit.stores.connection import Connection
from audit.stores.entries import head, note_of
from audit.writing.item import Draft, Moment, Within
from audit.writing.kept import put_in_place, sync
from gateway.backups.manifest import BackupError
from gateway.backups.missing import HOST, Seen, what_is_missing
from gateway.council.directory import Council
from gateway.council.succession import log_number, make_log_key
from gateway.store.changes import Changes
from gateway.store.first_uses import drop_first_uses

_MAC_SIZE: Final = 32
_GOES: Final = ("state.followed", "search.sqlite", "search.sqlite-wal", "search.sqlite-shm")


@dataclass(frozen=True, slots=True)
class Succession:
    """What is succeeded: the number of the log before, and what the first entry of the next says of it."""

    before: int
    what: dict[str, Any]


def begin(council: Council, seen: Iterable[Seen], *, reason: str) -> Succession:
    """Find what is missing, and keep what is to be done; return one that is under way already.

    Raises BackupError where nothing is known to be missing, LogCorruptError for a log that does not hold together.
    """
    if council.succession.exists():
        return _under_way(council)
    known = [*seen, *_remembered(council)]
    with closing(council.store.open(read_only=True)) as connection:
        check_whole_log(connection, council.signer.vkey)
        missing = what_is_missing(connection, known, vkey=council.signer.vkey)
        if missing is None:
            raise BackupError(
                "nothing that anybody has seen of the log is missing: it goes on as it is. Give by --seen what was seen"
            )
        found = head(connection)
        what = {
            "log": {"origin": council.settings.origin, "vkey": council.signer.vkey},
            "held": {"size": missing.size, "root": bytes(found[1]).hex() if found is not None else None},
            "lost": missing.seen.note,
            "missing": missing.entries,
            "since": missing.since.isoformat(timespec="seconds") if missing.since is not None else None,
            "reason": reason,
        }
    found_now = Succession(log_number(council.keyring), what)
    content = orjson.dumps({"before": found_now.before, "what": what})
    put_in_place(_mac(council, content) + content, council.succession)
    return found_now


def _under_way(council: Council) -> Succession:
    """Return what was to be done; BackupError for what this council did not write."""
    raw = council.succession.read_bytes()
    mac, content = raw[:_MAC_SIZE], raw[_MAC_SIZE:]
    if not hmac.compare_digest(mac, _mac(council, content)):
        raise BackupError(f"{council.succession.name} is not as it was written: take it away, and begin again")
    kept = orjson.loads(content)
    return Succession(kept["before"], kept["what"])


def _mac(council: Council, content: bytes) -> bytes:
    return hmac.digest(council.keyring.named("index"), b"stile succession 1\0" + content, "sha256")


def _remembered(council: Council) -> list[Seen]:
    try:
        return [Seen(council.high_water.read_text(encoding="utf-8"), HOST)]
    except FileNotFoundError:
        return []


def set_aside_before(council: Council, succession: Succession) -> None:
    """Make the next log's key, and begin it with no entry. Whatever of this was done already stays."""
    make_log_key(council.keyring, succession.before + 1)
    with closing(council.store.open(read_only=False)) as connection:
        note = note_of(connection)
        if note is not None and note.splitlines()[0] == succession.what["log"]["origin"]:
            with council.store.writing(connection):
                council.store.set_log_aside(connection, prefix=f"before_{succession.before}")
                drop_first_uses(connection)
    kept = council.directory / f"{council.high_water.name}.before-{succession.before}"
    if council.high_water.exists() and not kept.exists():
        council.high_water.rename(kept)
    for name in _GOES:
        (council.directory / name).unlink(missing_ok=True)


def first_entries(changes: Changes, succession: Succession, connection: Connection, *, by: str) -> list[Within]:
    """Return what the next log still begins with: that it succeeds, and what every row of the state is."""

    def within(connection: Connection, moment: Moment) -> Draft:
        names = {"what": succession.what, "who": {"by": by}}
        return changes.entries.plain(Kind.LOG_SUCCEEDED, connection, moment, (), names)

    found = head(connection)
    size = found[0] if found is not None else 0
    return [within, changes.adopting.adopt(by=by)][size:]


def end(council: Council) -> None:
    """Forget what was to be done: it is."""
    council.succession.unlink(missing_ok=True)
    sync(council.directory)
