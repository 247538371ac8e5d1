"""What may leave, as of which entry of the log? The state as the journey reads it.

Texts, clients and partners are kept compiled and are dropped whenever a state entry touches one of them;
consents and restrictions are read from their rows for each request. `refresh` returns the index S as of which
everything read afterwards stands: it is read first, so that a later change can only have a later index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeVar

from audit.stores.connection import Connection, Row
from audit.stores.instants import from_micros
from gateway.oauth.access_token import Token
from gateway.oauth.clients import Client
from gateway.oauth.details import Available
from gateway.oauth.issuer_keys import Turn
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.mapping import digest_of
from gateway.store.floor import read_floor, read_number
from gateway.store.followed import PERSONAL, TOKEN, Followed
from gateway.store.key_rows import PartnerRecord, read_client, read_partner, read_turns
from gateway.store.live import LiveAgreement, available_of, is_intact, load_agreement
from gateway.store.persons import as_consents, as_restrictions, consent_rows, restriction_rows
from gateway.store.readings import Readings
from gateway.store.state_rows import CONSENTS, ISSUER, RESTRICTIONS, TEXTS, Stand, key_of_text
from policies.reading.findings import TextError
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.memo import Memo
from schemas.terms import Environment, RecipientKind

T = TypeVar("T")
UNKEPT: Final = (*PERSONAL, TOKEN)
MOST_KEPT: Final = 10_000  # a bound against made-up names
PORTION: Final = 400  # keys of one statement


class Reader:
    """Reads the state over one connection. For one thread; `connection` may be the append transaction's.

    `readings` may be shared between readers; what else is kept here stands as of this reader's own last `refresh`.
    With an `environment`, clients of the other count as inactive. With `followed`, every row is held against what the log
    says of it, and RowsDifferError is raised for one that is not that; without, nothing that may leave is to rest on it.
    """

    def __init__(
        self,
        connection: Connection,
        readings: Readings | None = None,
        environment: Environment | None = None,
        followed: Followed | None = None,
    ) -> None:
        self.connection = connection
        self.readings = readings or Readings()
        self.followed = followed
        self._environment = environment
        self._kept: Memo[tuple[str, ...], Any] = Memo(MOST_KEPT)
        self._index = -1
        self._revoked: set[str] = set()

    def over(self, connection: Connection) -> Reader:
        """Return a reader of the same state over another connection, such as the append transaction's."""
        followed = self.followed.in_transaction() if self.followed is not None else None
        return Reader(connection, self.readings, self._environment, followed)

    def check(self, key: str) -> None:
        """Raise RowsDifferError where the rows of a state key are not what the log says of them."""
        if self.followed is not None:
            self.followed.check(self.connection, key)

    def check_all(self, *sorts: str) -> None:
        """Raise RowsDifferError where rows of whole sorts of state keys are not what the log says; once until they move."""
        wanted = [one for one in sorts if not self._kept.holds(("checked", one))]
        if self.followed is None or not wanted:
            return
        self.followed.check_all(self.connection, wanted)
        for one in wanted:
            self._keep(("checked", one), value=True)

    def refresh(self) -> int:
        """Drop what has changed since the last call; return the state index S."""
        if self.followed is not None:
            index, shared = self.followed.refresh(self.connection)
            if shared > self._index:
                self._kept.clear()
            self._index = index
            return index
        statement = "SELECT key, idx FROM state_key WHERE idx > ? ORDER BY idx"
        rows = self.connection.all(statement, (self._index,))
        if not rows:
            return self._index
        if any(not key.startswith(UNKEPT) for key, _ in rows):
            self._kept.clear()
        self._revoked.update(key for key, _ in rows if key.startswith(TOKEN))
        self._index = rows[-1][1]
        return self._index

    # -- who

    def find_client(self, client_id: str) -> Client | None:
        """Return a client; it is inactive when it or its partner is."""
        known = ("client", client_id)
        if not self._kept.holds(known):
            self.check(f"client/{client_id}")
            self._keep(
                known, read_client(self.connection, client_id, is_active=self._is_active, environment=self._environment)
            )
        found: Client | None = self._kept.find(known)
        return found

    def is_token_revoked(self, jti: str) -> bool:
        """Tell whether a token was revoked, as of the last `refresh`; of a reader that never did, as of now."""
        key = TOKEN + jti
        if self.followed is not None:
            return self.followed.said(key) is not None
        if self._index >= 0:
            return key in self._revoked
        return self.connection.one("SELECT 1 FROM state_key WHERE key = ?", (key,)) is not None

    def still_counts(self, token: Token) -> bool:
        """Tell whether neither the token nor its client, nor anything that it rests on, was taken back."""
        client = self.find_client(token.client_id)
        if client is None or not client.stands_behind(token):
            return False
        by_revoked_key = any(one.kid == token.issuer_kid and one.revoked_at is not None for one in self.issuer_turns())
        return not by_revoked_key and not self.is_token_revoked(token.jti)

    def _keep(self, known: tuple[str, ...], value: object) -> None:
        self._kept.keep(known, value)

    def _is_active(self, partner_id: str) -> bool:
        partner = self.find_partner(partner_id)
        return partner is None or partner.is_active

    def issuer_turns(self) -> tuple[Turn, ...]:
        """Return the turns of the gateway's own keys."""
        known = ("issuer-turns",)
        if not self._kept.holds(known):
            self.check(ISSUER)
            self._keep(known, read_turns(self.connection))
        kept: tuple[Turn, ...] = self._kept[known]
        return kept

    def find_partner(self, partner_id: str) -> PartnerRecord | None:
        """Return a partner, suspended ones too."""
        known = ("partner", partner_id)
        if not self._kept.holds(known):
            self.check(f"partner/{partner_id}")
            self._keep(known, read_partner(self.connection, partner_id))
        kept: PartnerRecord | None = self._kept.find(known)
        return kept

    def partner_kinds(self) -> dict[str, RecipientKind]:
        """Return every registered partner's kind."""
        rows = self.connection.all("SELECT partner_id, kind FROM partner")
        return {partner_id: RecipientKind(kind) for partner_id, kind in rows}

    # -- texts

    def find_text(self, kind: str, name: str, version: int | None = None) -> tuple[int, str, int | None] | None:
        """Return (version, text, ended_at) of a published text, the newest when no version is named.

        One that was changed where it lies is not there, and no older version takes its place.
        """
        self.check(key_of_text(kind, name))
        where, values = ("AND version = ?", (kind, name, version)) if version else ("", (kind, name))
        asked = f"SELECT version, text, ended_at, digest FROM text WHERE kind = ? AND id = ? {where} ORDER BY version DESC"
        row = self.connection.one(asked, values)
        return (row[0], row[1], row[2]) if row and is_intact(row[1], row[3]) else None

    def floor(self) -> int:
        """Return the decision semantics that count for all texts at the least."""
        known = ("semantics",)
        if not self._kept.holds(known):
            self.check("semantics")
            self.check_all(*TEXTS)  # before the first change of them, the least number of any text counts
            self._keep(known, read_floor(self.connection))
        kept: int = self._kept[known]
        return kept

    def number_of(self, kind: str, name: str, version: int) -> int:
        """Return the decision semantics that a text was published under."""
        return read_number(self.connection, kind, name, version)

    def published_at(self, kind: str, name: str, version: int) -> datetime:
        """Return when a text was published."""
        micros = self.connection.value(
            "SELECT published_at FROM text WHERE kind = ? AND id = ? AND version = ?", (kind, name, version)
        )
        return from_micros(micros)

    def texts(self, kind: str) -> list[tuple[str, int, str, int | None]]:
        """Return (id, version, text, ended_at) of every published text of a kind, in order."""
        self.check_all(kind)
        statement = "SELECT id, version, text, ended_at FROM text WHERE kind = ? ORDER BY id, version"
        rows = self.connection.all(statement, (kind,))
        return [tuple(row) for row in rows]

    def find_dataset(self, name: str, version: int) -> Dataset | None:
        """Return a published dataset."""
        known = ("dataset", name, str(version))
        if not self._kept.holds(known):
            row = self.find_text("dataset", name, version)
            self._keep(known, self._read_dataset(name, row) if row else None)
        kept: Dataset | None = self._kept.find(known)
        return kept

    def datasets(self) -> list[Dataset]:
        """Return every published dataset, each one's newest version last."""
        versions = [(name, version) for name, version, *_ in self.texts("dataset")]
        return [found for one in versions if (found := self.find_dataset(*one)) is not None]

    def _read_dataset(self, name: str, row: tuple[int, str, int | None]) -> Dataset | None:
        number = self.number_of("dataset", name, row[0])
        return _read(lambda text: self.readings.dataset(text, number), row[1])

    def find_mapping(self, dataset: str) -> tuple[SourceMapping, str] | None:
        """Return the newest mapping of a dataset ("id@version") and its digest."""
        known = ("mapping", dataset)
        if not self._kept.holds(known):
            row = self.find_text("mapping", dataset)
            parsed = _read(self.readings.mapping, row[1]) if row else None
            self._keep(known, (parsed, digest_of(row[1])) if row and parsed else None)
        kept: tuple[SourceMapping, str] | None = self._kept.find(known)
        return kept

    def purposes(self) -> set[str]:
        """Return the purposes of all published agreements that can be read."""
        self.check_all("agreement")
        rows = self.connection.all("SELECT text, digest FROM text WHERE kind = 'agreement'")
        read = [_read(self.readings.agreement, text) for text, digest in rows if is_intact(text, digest)]
        return {one.purpose for one in read if one is not None}

    def find_agreement(self, name: str, on: date) -> LiveAgreement | None:
        """Return the version of an agreement that counts on a London day, whether or not it is in force."""
        known = ("agreement", name, on.isoformat())
        if not self._kept.holds(known):
            self._keep(known, load_agreement(self, name, on))
        kept: LiveAgreement | None = self._kept.find(known)
        return kept

    def available_to(self, client: Client, on: date) -> Mapping[str, Available]:
        """Return what each agreement has for a client's partner, ended and future ones included."""
        known = ("available", client.client_id, on.isoformat())
        if not self._kept.holds(known):
            self.check_all("agreement")  # a row that is missing here is an agreement that nobody would look for
            rows = self.connection.all(
                "SELECT agreement_id FROM recipient WHERE partner_id = ? ORDER BY agreement_id", (client.partner_id,)
            )
            names = [row[0] for row in rows]
            live = [found for name in names if (found := self.find_agreement(name, on))]
            self._keep(known, available_of(live, client.partner_id))
        kept: Mapping[str, Available] = self._kept[known]
        return kept

    # -- people

    def answered_by(self, people: Sequence[Mapping[str, str]]) -> frozenset[str]:
        """Return the state keys of the consents and restrictions that these people (references by role) have at all.

        By one query: most people have none.
        """
        keys = [kind + ref for refs in people for ref in refs.values() for kind in PERSONAL]
        if self.followed is not None:
            return frozenset(key for key in keys if self.followed.said(key) is not None)
        found: set[str] = set()
        for begin in range(0, len(keys), PORTION):
            portion = keys[begin : begin + PORTION]
            marks = ",".join("?" * len(portion))
            rows = self.connection.all(f"SELECT key FROM state_key WHERE key IN ({marks})", portion)
            found.update(row[0] for row in rows)
        return frozenset(found)

    def answers_of(
        self, refs: Mapping[str, str], known: frozenset[str]
    ) -> tuple[dict[str, tuple[ConsentRecord, ...]], dict[str, tuple[Restriction, ...]]]:
        """Return the consents and the restrictions, by role, of one record's people; `known` is of `answered_by`."""
        if not refs or not known:
            return {}, {}
        return (
            {role: self.consents_of(ref) for role, ref in refs.items() if f"consent/{ref}" in known},
            {
                role: held
                for role, ref in refs.items()
                if f"restriction/{ref}" in known and (held := self.restrictions_of(ref))
            },
        )

    def consents_of(self, ref: str) -> tuple[ConsentRecord, ...]:
        """Return a person's consent records, each as it now stands, oldest change first."""
        return as_consents(self._theirs(CONSENTS, f"consent/{ref}", lambda: consent_rows(self.connection, ref)))

    def restrictions_of(self, ref: str) -> tuple[Restriction, ...]:
        """Return a person's restrictions that were not lifted."""
        return as_restrictions(
            self._theirs(RESTRICTIONS, f"restriction/{ref}", lambda: restriction_rows(self.connection, ref))
        )

    def _theirs(self, stand: Stand, key: str, read: Callable[[], list[Row]]) -> list[Row]:
        """Read a person's rows once, and hold these same rows against what the log says."""
        rows = read()
        if self.followed is not None and not self.followed.agrees(key, [stand.told(row) for row in rows]):
            self.check(key)
            rows = read()  # somebody has just changed them: the transaction judges again by the newest
        return rows


def _read(parse: Callable[[str], T], text: str) -> T | None:
    """Return what a text says, or None where it no longer holds together: the rules of reading may have narrowed."""
    try:
        return parse(text)
    except TextError:
        return None
