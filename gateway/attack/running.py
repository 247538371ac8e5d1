"""How is the suite run? One attack after another, within a deadline, and never at a host that was not named."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.attack import certificates, signed_in
from gateway.attack.attack import Attack, Needs
from gateway.attack.describing import describe
from gateway.attack.given import Bound, Client, Session, Subject
from gateway.attack.judging import BrokenError, HonestCallError, NotApplicableError, Verdict, broken_by, code_of, json_of
from gateway.attack.others import timing_note
from gateway.attack.target import Target
from gateway.attack.wire import Heard, Place, UnreachableError

HELD, BROKEN, NOT_RUN = Verdict.HELD, Verdict.BROKEN, Verdict.NOT_RUN
LOCAL_QUIET: Final = 0.15  # seconds of silence after an answer, on this machine
FAR_QUIET: Final = 2.0
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:+-]{1,64}")


class CannotRunError(Exception):
    """The suite can't be run: the address, the client or the gateway is not what it needs."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one attack ended. Holds no token, key, assertion or body."""

    attack: Attack
    verdict: Verdict
    why: str = ""
    statuses: tuple[int, ...] = ()
    code: str = ""
    request_id: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run. `note` says how long two refusals took: for the reader, and no verdict."""

    results: tuple[Result, ...]
    note: str = ""
    was_cut_short: bool = False

    def count(self, verdict: Verdict) -> int:
        """Return how many ended so."""
        return sum(one.verdict is verdict for one in self.results)


def place_of(url: str, *, allowed_host: str | None = None) -> Place:
    """Return where to connect; CannotRunError for an address that is none, or a host that nobody allowed."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise CannotRunError("the address is none: give one such as http://127.0.0.1:8080") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise CannotRunError("the address is none: give scheme, host and port, such as http://127.0.0.1:8080")
    if parts.username is not None:
        raise CannotRunError("the address holds a name before its host: leave it out")
    is_local = _is_loopback(parts.hostname)
    if not is_local and allowed_host != parts.hostname:
        raise CannotRunError(
            f"{parts.hostname} is not this machine: attack only what you may, and say so by --i-may-attack-this-host "
            f"{parts.hostname}"
        )
    return Place(parts.hostname, port, parts.scheme == "https", quiet=LOCAL_QUIET if is_local else FAR_QUIET)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        addresses = {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
        return all(ipaddress.ip_address(one).is_loopback for one in addresses)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def aim(
    place: Place,
    *,
    partner: Client | None,
    other: Client | None = None,
    subject: dict[str, Any] | None = None,
    locked: tuple[Subject, ...] = (),
    offices: Mapping[str, Client] = MappingProxyType({}),
    bound: Bound | None = None,
    session: Session | None = None,
) -> Target:
    """Return the gateway as it describes itself to an honest client; CannotRunError where it does not."""
    if other is not None and partner is None:
        raise CannotRunError("a second client needs a first: give --client, --key and --agreement too")
    target = Target(place, "", partner=partner, other=other, subject=subject, locked=locked, offices=offices)
    target.bound, target.session = bound, session
    try:
        _find(target)
    except UnreachableError as error:
        raise CannotRunError(str(error)) from error
    except HonestCallError as error:
        raise CannotRunError(
            f"{error}: are client, key and agreement those of this gateway, and is your clock right?"
        ) from error
    return target


def _find(target: Target) -> None:
    """Ask the gateway what it is, and whether what was given is of it."""
    metadata = json_of(target.send("GET", "/.well-known/oauth-authorization-server").first)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("issuer"), str):
        raise CannotRunError("there is no gateway there: /.well-known/oauth-authorization-server names no issuer")
    target.issuer = metadata["issuer"]
    described = json_of(target.send("GET", "/openapi.json").first)
    version = described.get("info", {}).get("version") if isinstance(described, dict) else None
    target.version = plain(version) or "unknown"
    if target.partner is not None:
        describe(target)
    if target.other is not None:
        Target(target.place, target.issuer, partner=target.other, nonce=target.nonce).token()
    for wrong in (target.bound and certificates.check(target), target.session and signed_in.check(target)):
        if wrong:
            raise CannotRunError(wrong)


def run(
    target: Target,
    attacks: Sequence[Attack],
    *,
    deadline: float,
    with_slow: bool = False,
    with_waits: bool = False,
    progress: Callable[[Result], None] = lambda _result: None,
) -> Run:
    """Make each attack, one after another; what comes after the deadline is not run."""
    until = time.monotonic() + deadline
    results = []
    was_cut_short = False
    for attack in attacks:
        reason = _kept_from(target, attack, with_slow=with_slow, with_waits=with_waits)
        if not reason and time.monotonic() > until:
            was_cut_short, reason = True, "the deadline had passed"
        result = Result(attack, NOT_RUN, reason) if reason else attempt(target, attack)
        progress(result)
        results.append(result)
    return Run(tuple(results), _note(target, until), was_cut_short)


def _kept_from(target: Target, attack: Attack, *, with_slow: bool, with_waits: bool) -> str:
    if attack.waits and not with_waits:
        return "it waits for minutes, and --quick was given"
    if attack.needs is not Needs.NOTHING and target.partner is None:
        return f"it needs {attack.needs}"
    if attack.needs is Needs.OTHER and target.other is None:
        return f"it needs {attack.needs}"
    return "" if with_slow or not attack.is_slow else "it is slow, and --slow was not given"


def attempt(target: Target, attack: Attack) -> Result:
    """Make one attack and judge what came."""
    begun = time.monotonic()
    try:
        heard = attack.act(target)
    except NotApplicableError as reason:
        return Result(attack, NOT_RUN, str(reason))
    except (HonestCallError, BrokenError, UnreachableError) as broken:
        return Result(attack, BROKEN, str(broken), seconds=time.monotonic() - begun)
    return _judged(attack, heard)


def _judged(attack: Attack, heard: Heard) -> Result:
    why = broken_by(attack.expected, heard)
    last = heard.answers[-1] if heard.answers else heard.first
    return Result(
        attack,
        HELD if why is None else BROKEN,
        why or "",
        tuple(one.status for one in heard.answers),
        plain(code_of(last)),
        plain(last.header("x-request-id")),
        heard.seconds,
    )


def _note(target: Target, until: float) -> str:
    if target.partner is None or time.monotonic() > until:
        return ""
    try:
        return timing_note(target)
    except UnreachableError:
        return ""


def plain(said: object) -> str:
    """Return what a server said where a report can hold it as it is, else nothing."""
    return said if isinstance(said, str) and _PLAIN.fullmatch(said) else ""
