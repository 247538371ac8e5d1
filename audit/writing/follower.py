"""What do the log's entries say that the state is? Followed entry by entry from the tree that this process knows.

The state is a projection of the log, and what a row must be is known from entries and from what is sealed beside them, to
which they commit. Each entry is hashed into the tree, and the tree must be the one that the head names. So a row that was
changed, added or taken away by hand is found when it is compared, and a log that was rewound, or goes on otherwise than it
went on before, before anything is written after it.
"""

from __future__ import annotations

import contextlib
import hmac
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, Protocol

import orjson

from audit.format.entry import TELLING_KINDS
from audit.format.state_rows import StateRows, rows_digest
from audit.stores.checked import LogCorruptError
from audit.stores.connection import Connection
from audit.stores.entries import Head, bundles, entries_between, head, note_of
from audit.stores.nodes import nodes_at
from audit.tree.merkle import EMPTY_ROOT, Edge, leaf_hash, subtrees
from audit.writing.opening import Keys, said_by
from audit.writing.said import Change, RowsDifferError, Said, Told

_TELLING: Final = frozenset(one.value for one in TELLING_KINDS)


class OnFork(Protocol):
    """Who is told, once, of a log that is not the one that it was: the newest checkpoint known, and the one found."""

    def __call__(self, *, known: str | None, found: str | None) -> None: ...


class LogForkedError(LogCorruptError):
    """The log is not the one that this process knows: it was rewound, or went on otherwise."""


class Follower:
    """Follows the log of one council. For any thread; one follows at a time, and what is known is read meanwhile.

    `keys` opens bundles and `secret` makes digests; without them the tree alone is followed. `rows_of` reads the rows that
    stand under a state key. `personal` are the prefixes of state keys that concern one person or token alone. `on_fork` is
    told the newest checkpoint that was known, and the one found, once the log is not the one that it was (`is_forked`).
    """

    def __init__(
        self,
        keys: Keys | None = None,
        secret: bytes = b"",
        rows_of: Callable[[Connection, str], StateRows] = lambda _connection, _key: (),
        *,
        personal: tuple[str, ...] = (),
        on_fork: OnFork = lambda *, known, found: None,  # noqa: ARG005 -- nobody listens
    ) -> None:
        self._on_fork = on_fork
        self._note: str | None = None  # the newest checkpoint that is known
        self.is_forked = False
        self._keys, self._secret, self._rows_of, self._personal = keys, secret, rows_of, personal
        self._lock = threading.RLock()
        self._told = Told({})
        self._edge = Edge(0, ())
        self.resumed_at = 0  # up to where it is known what another process would find in a file

    @property
    def opens(self) -> bool:
        """Tell whether it knows what entries say, and not only that they follow one another."""
        return self._keys is not None

    @property
    def size(self) -> int:
        """Return how many entries were followed."""
        return self._edge.size

    @property
    def state_index(self) -> int:
        """Return S: the index of the newest entry that moves the state, -1 before the first."""
        return self._told.moved

    @property
    def shared_index(self) -> int:
        """Return the index of the newest entry that moves the state for more than one person or token."""
        return self._told.shared

    @property
    def is_to_be_adopted(self) -> bool:
        """Tell whether there are entries that do not say what their rows are, and none that adopts those."""
        return self._told.untold is not None and self._told.adopted is None

    @property
    def adopted_at(self) -> int | None:
        """Return the index of the entry that adopts older rows, if there is one."""
        return self._told.adopted

    def edge(self) -> Edge:
        """Return the right edge of the tree as followed: the caller's own."""
        with self._lock:
            return self._edge.copy()

    def names(self) -> Collection[str]:
        """Return every state key that an entry names."""
        return self._told.keys.keys()

    # -- what is said

    def said(self, key: str) -> Said | None:
        """Return what the newest entry of a state key says; None where none names it."""
        return self._told.keys.get(key)

    def agrees(self, key: str, rows: StateRows, said: Said | None = None) -> bool:
        """Tell whether these are the rows of a state key: by what was followed, or by what is `said` of it since."""
        told = said or self.said(key)
        if told is None:
            return not rows
        return told.digest == rows_digest(self._secret, key, rows)

    def check(self, connection: Connection, key: str, said: Said | None = None) -> None:
        """Raise RowsDifferError unless the rows of a state key are what the log says, as `agrees`."""
        if not self.agrees(key, self._rows_of(connection, key), said):
            raise RowsDifferError(key)

    # -- kept between processes

    def known(self) -> dict[str, Any]:
        """Return all that is known, for a file."""
        with self._lock:
            told, edge = self._told, self._edge
            return {
                "size": edge.size,
                "edge": [[level, hashed.hex()] for level, hashed in edge.parts()],
                "marks": [told.moved, told.shared, told.untold, told.adopted],
                "keys": {key: [said.entry, said.digest.hex()] for key, said in told.keys.items()},
            }

    def mac(self, content: bytes) -> bytes:
        """Return a MAC (RFC 2104, HMAC-SHA256) of what is kept in a file, by the secret of its digests."""
        return hmac.digest(self._secret, b"stile followed 1\0" + content, "sha256")

    def resume(self, known: Mapping[str, Any]) -> None:
        """Go on from what another process knew."""
        with self._lock:
            keys = {key: Said(entry, bytes.fromhex(digest)) for key, (entry, digest) in known["keys"].items()}
            self._told = Told(keys, *known["marks"])
            self._edge = Edge(known["size"], [(level, bytes.fromhex(hashed)) for level, hashed in known["edge"]])
            self.resumed_at = self._edge.size

    # -- following

    def follow(self, connection: Connection) -> None:
        """Follow to the head. Raises LogCorruptError, StoreError."""
        with self.following(connection):
            pass

    @contextlib.contextmanager
    def following(self, connection: Connection) -> Iterator[None]:
        """Follow to the head, and read on in the same snapshot. Raises LogCorruptError, StoreError."""
        # The lock first: else this process could have appended meanwhile, and the snapshot would look like a log cut short.
        with self._lock, connection.snapshot():
            self.follow_to(connection, head(connection))
            yield

    def follow_to(self, connection: Connection, found: Head | None) -> None:
        """Follow to a head that was read in the transaction under way. Raises LogForkedError, LogCorruptError."""
        with self._lock:
            size, root = (found[0], bytes(found[1])) if found else (0, EMPTY_ROOT)
            if size < self._edge.size:
                told = f"the log holds {size} entries, and had {self._edge.size}: going on would sign a second history"
                self._refuse(connection, told)
            edge = self._edge
            changes: list[Change] = []
            if size > edge.size:
                edge = edge.copy() if edge.size or self.opens else Edge(size, nodes_at(connection, subtrees(0, size)))
                changes = self._walk(connection, edge, size)
            if edge.root() != root:
                told = f"the log's {size} entries do not go on from the {self._edge.size} that this process knows"
                self._refuse(connection, told)
            if self._note is None or edge is not self._edge:
                self._note = note_of(connection)
            self.is_forked = False
            self._take(edge, changes)

    def _refuse(self, connection: Connection, told: str) -> NoReturn:
        """Keep both heads, the first time, and raise LogForkedError."""
        if not self.is_forked:
            self._on_fork(known=self._note, found=note_of(connection))
        self.is_forked = True
        raise LogForkedError(told)

    def took(self, edge: Edge, made: Iterable[Change], note: str) -> None:
        """Take what this process itself has appended, once it is committed."""
        with self._lock:
            if edge.size < self._edge.size:
                return  # a reader has followed there meanwhile
            self._note = note or self._note
            self._take(edge, [one for one in made if one[0] >= self._edge.size])

    def _take(self, edge: Edge, changes: Iterable[Change]) -> None:
        for index, kind, sets in changes:
            if kind in _TELLING:
                self._told.take(index, kind, sets, self._personal)
        self._edge = edge

    def _walk(self, connection: Connection, edge: Edge, size: int) -> list[Change]:
        """Grow an edge by the log's own entries; return what those say."""
        found: list[Change] = []
        for entry in entries_between(connection, begin=edge.size, end=size):
            index = edge.size
            edge.append(leaf_hash(entry))
            if self._keys is None:
                continue
            read = orjson.loads(entry)
            if read["kind"] in _TELLING:
                found.append(
                    (index, read["kind"], said_by(self._keys, self._secret, read, bundles(connection, index), index=index))
                )
        if edge.size != size:
            raise LogCorruptError(f"the head counts {size} entries, and entry {edge.size} is missing")
        return found
