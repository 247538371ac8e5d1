"""Does the log hold together, and is the state what its entries say? Everything, from the first entry on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from audit.format.commitment import CONTROLLER_ID, bundle_count
from audit.format.entry import EntryError
from audit.format.state_rows import STATE, StateRows, state_secret
from audit.stores.checked import LogCorruptError, check_whole_log
from audit.stores.connection import Connection, StoreError
from audit.stores.contract import Store
from audit.stores.entries import bundles, bundles_between, entry_at
from audit.stores.state_keys import indices_of_keys
from audit.writing.follower import Follower
from audit.writing.keyring import Keyring
from audit.writing.opening import opened_values
from gateway.store.followed import PERSONAL, TOKEN
from gateway.store.live import changed_texts
from gateway.store.state_rows import all_rows, key_of_text, rows_of

PORTION: Final = 5_000  # entries whose bundles are read at once


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as the log says: the state key, where it is about one, and what differs; nothing that a row holds."""

    what: str
    state_key: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and found."""

    entries: int
    state_keys: int
    findings: tuple[Finding, ...]


def check_log(store: Store, keyring: Keyring, vkey: str) -> Checked:
    """Check entries, tree, head, signature and rules, then each row of the state against the entries. Raises StoreError."""
    connection = store.open(read_only=True)
    try:
        follower = Follower(keyring, state_secret(keyring.named("index")), rows_of, personal=(*PERSONAL, TOKEN))
        lost = store.lost_rules(connection)
        found = [Finding(f"the rule {name} of the log's tables is gone, or another") for name in lost]
        try:
            check_whole_log(connection, vkey)
            with follower.following(connection):
                found += _differences(connection, follower, keyring)
                found += _kept_beside(connection, follower, keyring)
        except LogCorruptError as error:
            found.append(Finding(str(error)))
        except StoreError:  # its message may quote what a row holds
            found.append(Finding("a table can't be read: a row holds what is no text, or the database is damaged"))
        return Checked(follower.size, len(follower.names()), tuple(found))
    finally:
        connection.close()


def _differences(connection: Connection, follower: Follower, keyring: Keyring) -> Iterator[Finding]:
    if follower.is_to_be_adopted:
        yield Finding("the log does not say yet what the rows of before are: run `stile upgrade`")
        return
    rows, indices = all_rows(connection), indices_of_keys(connection)
    for key in sorted(rows.keys() | indices.keys() | set(follower.names())):
        said = follower.said(key)
        if said is None:
            yield Finding("no entry says that there is such a thing", key)
        elif not follower.agrees(key, rows.get(key, [])):
            yield Finding(_how(connection, keyring, key, said.entry, rows.get(key, [])), key)
        elif indices.get(key, said.entry) != said.entry:
            yield Finding(f"its newest entry is {said.entry}, and its row names entry {indices[key]}", key)
    for kind, name, version in changed_texts(connection):
        yield Finding(
            f"version {version} of {kind} {name} is not the text that was published", key_of_text(kind, name=name)
        )


def _kept_beside(connection: Connection, follower: Follower, keyring: Keyring) -> Iterator[Finding]:
    """Find entries beside which a bundle is missing, or is another's: the council's own tells how many there are."""
    controller, since = keyring.controller(), follower.adopted_at or 0
    for begin in range(0, follower.size, PORTION):
        found = bundles_between(connection, begin=begin, end=begin + PORTION)
        for index, (entry_id, kept) in sorted(found.items()):
            own = kept.get(CONTROLLER_ID)
            if own is None:
                if index >= since:
                    yield Finding(f"beside entry {index} the council's own bundle is missing")
                continue
            try:
                told = bundle_count(controller, entry_id, own)
            except EntryError:
                yield Finding(f"beside entry {index} the council's own bundle is another's, or damaged")
                continue
            if told not in {None, len(kept)}:
                yield Finding(f"beside entry {index} there should be {told} bundles, and {len(kept)} are kept")


def _how(connection: Connection, keyring: Keyring, key: str, index: int, rows: StateRows) -> str:
    """Tell, by tables, how rows differ from those that an entry says."""
    told: StateRows = []
    entry = orjson.loads(entry_at(connection, index))
    for value in opened_values(keyring, entry["id"], bundles(connection, index), name=STATE):
        told = value.get(key, told)
    have, want = _counted(rows), _counted(told)
    less, more = want - have, have - want
    by_table = [
        f"{table}: {sum(less[one] for one in less if one[0] == table)} that it says are not there, "
        f"{sum(more[one] for one in more if one[0] == table)} stand that it does not say"
        for table in sorted({one[0] for one in (*less, *more)})
    ]
    return f"its rows are not what entry {index} says ({'; '.join(by_table) or 'in another order'})"


def _counted(rows: StateRows) -> Counter[tuple[str, bytes]]:
    return Counter((row[0], orjson.dumps(row[1], option=orjson.OPT_SORT_KEYS)) for row in rows)


def told(checked: Checked) -> Mapping[str, Any]:
    """Return what was found, for programs."""
    findings = [{"what": one.what, **({"state_key": one.state_key} if one.state_key else {})} for one in checked.findings]
    return {"entries": checked.entries, "state_keys": checked.state_keys, "findings": findings}
