"""A log and its keys in a directory of their own, and a partner who gets genuine answers out of them."""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.exporting.receipt import receipt
from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind, canonical
from audit.stores.checked import check_whole_log
from audit.stores.sqlite import SqliteStore, create, open_connection
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.item import Appended, Draft
from audit.writing.keyring import Keyring, reference
from audit.writing.sequencer import Sequencer
from audit.writing.wrapping import Held

ORIGIN = "gateway.northmoor.gov.uk/log/northmoor"
MASTER = bytes(range(32))
KEY = SealingKey(b"k" * 16, b"secret of a test, 32 bytes long.")
NOW = datetime(2026, 10, 2, 9, 14, 3, 5, tzinfo=UTC)


RELEASED = {
    "full_name": {"value": "Grace Okafor", "form": "full"},
    "age": {"value": {"from": 25, "below": 65}, "form": "band"},
    "postcode": {"value": "LS1 4", "form": "sector"},
}
WITHHELD = {"arrears": "consent_needed", "notes": "not_available"}


def deliver(results):
    for done, result in results:
        done(result)


def a_draft(entry_id: str, kind: Kind = Kind.SEARCH, *, names=None, **more) -> Draft:
    """Return an entry to be; of a state kind it names a state key."""
    sealed = seal(entry_id, {name: (KEY, value) for name, value in (names or {"what": {}}).items()}, (), None)
    return Draft(kind=kind, entry_id=entry_id, sealed=sealed, **more)


class Place:
    """A log and a key file. What it opens it closes; `now` is the time that its writers read."""

    origin = ORIGIN
    master = Held((MASTER,))

    def __init__(self, directory: Path, *, origin: str = ORIGIN) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database, self.lock, self.keys = (directory / name for name in ("state.sqlite", "state.lock", "keys.sqlite"))
        create(self.database)
        self.lock.touch()
        self.keys.touch()
        Keyring.create(self.keys, self.master).close()
        self.origin = origin
        self.signer = CheckpointSigner(origin, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"log").digest()))
        self.now = NOW
        self._open = contextlib.ExitStack()
        self._numbers = itertools.count()

    def start(self, *, signer: CheckpointSigner | None = None, deliver=deliver, **more) -> Sequencer:
        store = SqliteStore(self.database, self.lock)
        writer = Sequencer(store, signer or self.signer, clock=lambda: self.now, deliver=deliver, **more)
        writer.start()
        self._open.callback(writer.close)
        return writer

    def connect(self):
        """Return a connection for reading, and for the sort of writing that a log must withstand or notice."""
        connection = open_connection(self.database, read_only=False)
        self._open.callback(connection.close)
        return connection

    def ring(self) -> Keyring:
        ring = Keyring.open(self.keys, self.master)
        self._open.callback(ring.close)
        return ring

    def next_id(self, prefix: str = "e") -> str:
        return f"{prefix}_{next(self._numbers):026}"

    def append(self, writer: Sequencer, kind: Kind = Kind.SEARCH, **more) -> Appended:
        appended = writer.append(lambda _connection, _moment: a_draft(self.next_id(), kind, **more))
        assert appended is not None
        return appended

    def submit_together(self, writer: Sequencer, withins: Sequence[Callable]) -> list:
        """Hand in items while the writer is busy, so that they become one batch; return their results in order."""
        results: dict[int, object] = {}

        def first(_connection, _moment):
            for place, within in enumerate(withins):
                writer.submit(within, lambda result, place=place: results.__setitem__(place, result))

        writer.append(first)
        writer.append(lambda _connection, _moment: None)  # the queue is in order: all are done when this one is
        return [results[place] for place in range(len(withins))]

    def check(self) -> None:
        """Recompute the whole log."""
        with contextlib.closing(open_connection(self.database, read_only=True)) as connection:
            check_whole_log(connection, self.signer.vkey)

    def close(self) -> None:
        self._open.close()


def a_disclosure(entry_id: str, released=None, withheld=None) -> dict:
    """Return what a partner gets, in the shape that the journey writes."""
    released = {"full_name": {"value": "Grace Okafor", "form": "full"}} if released is None else released
    withheld = {"arrears": "consent_needed"} if withheld is None else withheld
    outcome = "none" if not released else "partial" if withheld else "full"
    return {
        "disclosure_id": entry_id,
        "outcome": outcome,
        "decided_at": "2026-10-02T09:14:03Z",
        "identity": "confirmed",
        "record": {"as_at": "2026-10-02T02:00:00Z", "fields": released},
        "withheld": [{"field": path, "reason": reason, "detail": "Ask."} for path, reason in withheld.items()],
    }


class Partner:
    """Asks one council's log for answers, as the gateway makes them."""

    def __init__(self, place: Place, writer: Sequencer) -> None:
        self.place, self.writer, self.ring = place, writer, place.ring()
        self._reader = place.connect()

    def ask(self, released=None, withheld=None, *, subject: str = "person-1", **changes) -> dict:
        """Return a genuine answer, parsed. `changes` replace what the entry holds: of names, `kind`, `values`."""
        entry_id = self.place.next_id("d")
        disclosure = a_disclosure(entry_id, released, withheld)
        appended = self.append(disclosure, subject=subject, **changes)
        return {"disclosure": disclosure, "receipt": receipt(appended, origin=self.place.origin)}

    def append(self, disclosure: dict, *, subject: str = "person-1", kind=Kind.DISCLOSURE, **changes) -> Appended:
        ref = reference(self.ring.named("index"), "tenancies", subject)
        key, _ = self.ring.key_for(self._reader, ref, "P6Y", 2026)
        names = self._names(disclosure, ref, key) | {
            name: (key, value) for name, value in changes.items() if name not in {"values", "recipient", "without"}
        }
        for name in changes.get("without", ()):
            del names[name]
        values = changes.get("values", list(disclosure["record"]["fields"].items()))
        entry_id = disclosure["disclosure_id"]
        sealed = seal(entry_id, names, values, key)

        def within(connection, _moment):
            assert self.ring.claim(connection, ref, "P6Y", 2026, key) == key
            return Draft(
                kind=kind,
                entry_id=entry_id,
                sealed=sealed,
                outcome=disclosure["outcome"],
                recipient=changes.get("recipient", "harbour"),
            )

        appended = self.writer.append(within)
        assert appended is not None
        return appended

    def _names(self, disclosure: dict, ref: bytes, key: SealingKey) -> dict:
        ours = self.ring.controller()
        released = {
            path: {"form": one["form"], "line": "releases[0]"} for path, one in disclosure["record"]["fields"].items()
        }
        withheld = {one["field"]: {"reason": one["reason"]} for one in disclosure["withheld"]}
        digest = "sha256:" + hashlib.sha256(canonical(disclosure)).hexdigest()
        return {
            "parties": (ours, {"partner": "harbour", "client": "harbour-1"}),
            "caseworker": (ours, {}),
            "basis": (ours, {"state_index": 3}),
            "fields": (ours, released | withheld),
            "subject": (key, {"ref": ref.hex()}),
            "matter": (key, {"case_reference": "C-1"}),
            "request": (key, {"digest": "sha256:" + "0" * 64}),
            "answer": (key, {"digest": digest}),
            "facts": (key, {"match": "confirmed"}),
        }
