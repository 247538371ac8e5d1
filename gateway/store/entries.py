"""How is a change entered in the log? What is about a person is sealed under that person's own key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from audit.writing.keyring import Keyring
from schemas.instants import london_day


class ChangeRefusedError(Exception):
    """A change that can't be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Makes the entries of changes."""

    keyring: Keyring
    new_id: Callable[[str, datetime], str]
    beside: Mapping[str, Any] = field(default_factory=dict)  # names that every plain entry seals too

    def with_names(self, **names: Any) -> Entries:
        """Return what makes the same entries, each plain one with these names beside its own."""
        return replace(self, beside={**self.beside, **names})

    def plain(self, kind: Kind, moment: Moment, state_keys: tuple[str, ...], names: Mapping[str, Any]) -> Draft:
        """Seal what is about nobody under the controller's key."""
        entry_id = self.new_id("e", moment.at)
        controller = self.keyring.controller()
        sealed = seal(entry_id, {name: (controller, value) for name, value in {**names, **self.beside}.items()}, (), None)
        return Draft(kind=kind, entry_id=entry_id, sealed=sealed, state_keys=state_keys)

    def personal(
        self,
        kind: Kind,
        connection: Connection,
        moment: Moment,
        subject_ref: str,
        state_keys: tuple[str, ...],
        what: Mapping[str, Any],
    ) -> Draft:
        """Seal what is about a person under that person's own key."""
        entry_id = self.new_id("e", moment.at)
        key = self._claimed_key(connection, bytes.fromhex(subject_ref), london_day(moment.at).year)
        names = {"subject": (key, {"ref": subject_ref}), "what": (key, dict(what))}
        return Draft(kind=kind, entry_id=entry_id, sealed=seal(entry_id, names, (), None), state_keys=state_keys)

    def _claimed_key(self, connection: Connection, ref: bytes, year: int) -> SealingKey:
        key, _ = self.keyring.key_for(connection, ref, "P6Y", year)
        return self.keyring.claim(connection, ref, "P6Y", year, key)
