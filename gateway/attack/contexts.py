"""Attacks on whom a partner vouches for: the header Stile-Context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT, changed, forge, now, resigned, stranger
from gateway.attack.judging import Expected
from gateway.attack.target import ASK, Target
from gateway.attack.wire import Heard

VOUCHED: Final = "Promise: a context holds by its client's own key, for this gateway, for 300 seconds"
REFUSED: Final = Expected((400,), "context_refused")

Make = Callable[[Target], str]


def _matter(t: Target) -> dict[str, Any]:
    """Return a request whose caseworker only the context names, so that it is refused for that alone."""
    return t.matter(subject=t.nobody(), caseworker=LEFT_OUT)


def _claims(t: Target, **changes: Any) -> dict[str, Any]:
    at = now()
    honest = {
        "iss": t.client.client_id,
        "aud": t.issuer,
        "iat": at,
        "exp": at + 300,
        "requesting_practitioner": t.anybody(),
        "requesting_organization": {"code": "X00"},
        "reason_for_request": "attack",
    }
    return changed(honest, changes)


def _header(t: Target, **changes: Any) -> dict[str, Any]:
    return changed({"typ": "stile-context+jwt", "alg": t.alg}, changes)


def _with(**changes: Any) -> Make:
    return lambda t: forge(_header(t), _claims(t, **changes), t.client.key)


def _timed(**seconds: int) -> Make:
    """Set claims to so many seconds from when it is made."""
    return lambda t: forge(_header(t), _claims(t, **{name: now() + by for name, by in seconds.items()}), t.client.key)


def _headed(**changes: Any) -> Make:
    return lambda t: forge(_header(t, **changes), _claims(t), t.client.key)


ROWS: Final[tuple[tuple[str, str, Make], ...]] = (
    ("junk", "what is no JWT", lambda _t: "context"),
    ("empty", "nothing", lambda _t: ""),
    ("alg-none", "alg none", lambda t: resigned(_headed(alg="none")(t), b"")),
    ("stranger", "by a stranger's key", lambda t: forge(_header(t, alg="ES256"), _claims(t), stranger())),
    ("typ-none", "without typ", _headed(typ=LEFT_OUT)),
    ("is-assertion", "an assertion in its place", Target.assertion),
    ("is-token", "an access token in its place", Target.token),
    ("iss-other", "of another client", _with(iss="another-client")),
    ("aud-other", "for another gateway", _with(aud="https://another.example")),
    ("aud-array", "for an array of gateways", lambda t: _with(aud=[t.issuer])(t)),
    ("expired", "that has expired", _timed(iat=-300, exp=-1)),
    ("far", "that lives for a day", _timed(exp=86_400)),
    ("longer", "that lives for ten minutes", _timed(exp=600)),
    ("future", "signed in a minute", _timed(iat=60)),
    ("claim-unknown", "with a claim more", _with(admin=True)),
    ("practitioner-string", "whose practitioner is a string", _with(requesting_practitioner="Attack Suite")),
    ("practitioner-control", "whose practitioner has control characters", _with(
        requesting_practitioner={"id": "a\n", "name": "a", "role": "a"})),
    ("reason-none", "without a reason", _with(reason_for_request=LEFT_OUT)),
    ("large", "of over 4 KB", _with(reason_for_request="a" * 4_000)),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks on a signed context."""
    sends = f"POST {ASK} with a good token and proof, and Stile-Context"
    found = [Attack(f"context-{i}", f"Context: {n}", VOUCHED, sends, REFUSED, _act(make)) for i, n, make in ROWS]
    return [*found, Attack("context-two", "Context: two of them", VOUCHED, sends, REFUSED, _two)]


def _act(make: Make) -> Callable[[Target], Heard]:
    return lambda t: t.ask(_matter(t), ("Stile-Context", make(t)))


def _two(t: Target) -> Heard:
    both = [("Stile-Context", _with()(t)) for _ in range(2)]
    return t.ask(_matter(t), *both)
