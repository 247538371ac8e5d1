"""How do rows from before entries said what they are come to be said? By one entry, `state.adopted`, once in a log.

What is about persons is sealed under each one's own key, in a bundle of their own; the entry commits to a digest of each
of those openings, which are salted under those keys. So an erasure takes a person out of it as out of any other entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from audit.format.commitment import Committed, SealingKey, commit, digest_of, sealed_of
from audit.format.entry import Kind
from audit.format.state_rows import PEOPLE, STATE, StateRows
from audit.stores.connection import Connection
from audit.stores.state_keys import names_of_keys
from audit.writing.item import Draft, Moment, Within
from gateway.store.entries import Entries
from gateway.store.followed import PERSONAL
from gateway.store.state_rows import all_rows
from schemas.instants import london_day

State = Mapping[str, StateRows]


@dataclass(frozen=True, slots=True)
class Adopting:
    """The change that has the log say what all rows of the state are."""

    entries: Entries

    def adopt(self, *, by: str) -> Within:
        """Seal every row that stands, and that nothing stands where an entry has named a state key that has no row."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = all_rows(connection)
            state: State = {key: found.get(key, []) for key in sorted(found.keys() | set(names_of_keys(connection)))}
            entry_id = self.entries.new_id("e", moment.at)
            year = london_day(moment.at).year
            parts = {
                ref: commit(entry_id, {STATE: (self.entries.claimed_key(connection, ref, year), theirs)}, (), None)
                for ref, theirs in _by_person(state).items()
            }
            own = self._own(entry_id, state, parts, by)
            sealed = sealed_of(entry_id, own, [("", own), *(("", part) for part in parts.values())])
            return Draft(
                kind=Kind.STATE_ADOPTED,
                entry_id=entry_id,
                sealed=sealed,
                state_keys=tuple(state),
                sets=self.entries.digests(state),
            )

        return within

    def _own(self, entry_id: str, state: State, parts: Mapping[str, Committed], by: str) -> Committed:
        """Return what is sealed under the controller's key."""
        key: SealingKey = self.entries.keyring.controller()
        shared = {name: rows for name, rows in state.items() if not name.startswith(PERSONAL)}
        people = {ref: digest_of(part.openings[STATE]) for ref, part in parts.items()}
        names = {"what": {"keys": len(state), "people": len(people)}, "who": {"by": by}, STATE: shared, PEOPLE: people}
        return commit(entry_id, {name: (key, value) for name, value in names.items()}, (), None)


def _by_person(state: State) -> dict[str, dict[str, StateRows]]:
    found: dict[str, dict[str, StateRows]] = defaultdict(dict)
    for key, rows in state.items():
        if key.startswith(PERSONAL):
            found[key.partition("/")[2]][key] = rows
    return dict(found)
