"""How is a change entered in the log? What is about a person is sealed under that person's own key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind
from audit.format.state_rows import STATE, StateRows, rows_digest
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from audit.writing.keyring import Keyring
from gateway.store.state_rows import rows_of
from schemas.instants import london_day


class ChangeRefusedError(Exception):
    """A change that can't be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Makes the entries of changes. `state_secret` makes the digests of rows."""

    keyring: Keyring
    new_id: Callable[[str, datetime], str]
    state_secret: bytes
    beside: Mapping[str, Any] = field(default_factory=dict)  # names that every plain entry seals too
    also: tuple[str, ...] = ()  # keys whose rows every plain entry says too

    def with_names(self, also: tuple[str, ...] = (), **names: Any) -> Entries:
        """Return what makes the same entries, each plain one with these names beside its own, and with these rows."""
        return replace(self, beside={**self.beside, **names}, also=(*self.also, *also))

    def plain(
        self,
        kind: Kind,
        connection: Connection,
        moment: Moment,
        state_keys: tuple[str, ...],
        names: Mapping[str, Any],
        *,
        besides: tuple[str, ...] = (),
    ) -> Draft:
        """Seal what is about nobody under the controller's key, with all rows of the state keys as they now stand.

        `besides` names keys whose rows are said too, though nothing that may leave rests on them.
        """
        entry_id = self.new_id("e", moment.at)
        state = {key: rows_of(connection, key) for key in (*state_keys, *besides, *self.also)}
        controller = self.keyring.controller()
        told = {**names, **self.beside, **({STATE: state} if state else {})}
        sealed = seal(entry_id, {name: (controller, value) for name, value in told.items()}, (), None)
        return Draft(kind=kind, entry_id=entry_id, sealed=sealed, state_keys=state_keys, sets=self.digests(state))

    def personal(
        self,
        kind: Kind,
        connection: Connection,
        moment: Moment,
        subject_ref: str,
        state_keys: tuple[str, ...],
        what: Mapping[str, Any],
    ) -> Draft:
        """Seal what is about a person under that person's own key, with all rows of the state keys as they now stand."""
        entry_id = self.new_id("e", moment.at)
        key = self.claimed_key(connection, subject_ref, london_day(moment.at).year)
        state = {one: rows_of(connection, one) for one in state_keys}
        names: dict[str, tuple[SealingKey, Any]] = {"subject": (key, {"ref": subject_ref}), "what": (key, dict(what))}
        if state:
            names[STATE] = (key, state)
        # What is about a person has two bundles always: theirs, and the one that tells so.
        sealed = seal(entry_id, names, (), None, controller=self.keyring.controller())
        return Draft(kind=kind, entry_id=entry_id, sealed=sealed, state_keys=state_keys, sets=self.digests(state))

    def digests(self, state: Mapping[str, StateRows]) -> dict[str, bytes]:
        """Return what stands for the rows of each state key."""
        return {key: rows_digest(self.state_secret, key, rows) for key, rows in state.items()}

    def claimed_key(self, connection: Connection, subject_ref: str, year: int) -> SealingKey:
        """Return a person's own key, theirs from this transaction on where they had none."""
        ref = bytes.fromhex(subject_ref)
        key, _ = self.keyring.key_for(connection, ref, "P6Y", year)
        return self.keyring.claim(connection, ref, "P6Y", year, key)
