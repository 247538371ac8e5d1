"""Where do the gateway's own signing keys come from? Their turns stand in the state, the keys in the key file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from joserfc import jwk

from audit.writing.item import Within
from audit.writing.keyring import Keyring, KeyringError
from gateway.council.directory import Council
from gateway.oauth.access_token import IssuerKey, SigningKeys
from gateway.oauth.issuer_keys import OnDuty, Turn, on_duty
from gateway.oauth.jose import thumbprint
from gateway.store.issuer_keys import IssuerKeyChanges

FIRST: Final = "issuer"  # its name in the key file; the next are issuer.2, issuer.3 …


class IssuerKeys:
    """The gateway's keys at any instant, in this process. `read_turns` answers from the state as new as it was last read.

    For one thread. A key that was made since is loaded from the key file once, at its first use.
    """

    def __init__(self, keyring: Keyring, first: IssuerKey, read_turns: Callable[[], tuple[Turn, ...]]) -> None:
        self._keyring = keyring
        self._loaded = {FIRST: first}
        self._alone = turns_of((), first)
        self._read_turns = read_turns
        self._turns: tuple[Turn, ...] | None = None
        self._duty: OnDuty | None = None
        self._keys: SigningKeys | None = None
        self._since = 0.0

    def at(self, now: float) -> SigningKeys:
        """Return which key signs now, and by which a token may have been signed."""
        duty = self._refreshed(now)
        if self._keys is None:
            signing = self._load(duty.signing)
            self._keys = SigningKeys(signing, {one.kid: self._load(one).key for one in duty.accepted})
        return self._keys

    def published(self, now: float) -> list[dict[str, Any]]:
        """Return the public keys as a JWK set holds them (RFC 7517, section 5): the next one too, a day before it signs."""
        loaded = [self._load(one) for one in self._refreshed(now).published]
        return [{**one.key.as_dict(private=False), "kid": one.kid, "use": "sig", "alg": "ES256"} for one in loaded]

    def _refreshed(self, now: float) -> OnDuty:
        turns = self._read_turns() or self._alone
        if self._duty is None or turns is not self._turns or not self._since <= now < self._duty.until:
            self._turns, self._since, self._keys = turns, now, None
            self._duty = on_duty(turns, now)
        return self._duty

    def _load(self, turn: Turn) -> IssuerKey:
        found = self._loaded.get(turn.name)
        if found is None:
            found = self._loaded[turn.name] = IssuerKey(turn.kid, jwk.import_key(self._keyring.named(turn.name), "EC"))
        return found


def turns_of(recorded: tuple[Turn, ...], first: IssuerKey) -> tuple[Turn, ...]:
    """Return every turn: the first key's goes without a row until it is turned over."""
    return recorded or (Turn(first.kid, FIRST, 0.0, 0.0, None),)


def make_next(council: Council, changes: IssuerKeyChanges, *, number: int, now: bool, by: str) -> tuple[str, Within]:
    """Make the gateway's next key, durably, and return its kid and its turn, which is still to be recorded.

    It signs a day after its turn was recorded; with `now` at once, and the keys before it are refused.
    """
    name, kid = make_issuer_key(council.keyring, number=number, is_fresh=now)
    change = changes.replace_now if now else changes.turn_over
    return kid, change(kid=kid, name=name, first=(council.issuer_key.kid, FIRST), by=by)


def make_issuer_key(keyring: Keyring, *, number: int, is_fresh: bool) -> tuple[str, str]:
    """Make the gateway's key of a number, durably, and return (name, kid).

    A crash before its turn is recorded leaves a key that nothing names: the next try takes it, or, where it must be
    `is_fresh` because others may have read the key file, the next number.
    """
    made = jwk.generate_key("EC", "P-256", private=True)
    while True:
        name = f"{FIRST}.{number}"
        try:
            keyring.store_named(name, made.as_pem(private=True))
        except KeyringError:
            # Raises again where the file could not be written, rather than that the name is taken.
            left = jwk.import_key(keyring.named(name), "EC")
            if not is_fresh:
                return name, thumbprint(left)
            number += 1
        else:
            return name, thumbprint(made)
