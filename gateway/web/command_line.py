"""Does this command line act as an operator who let it? By a token of two halves, and the key that both are bound to.

The first half came to the command line by the operator's browser, which was sent to a port of that same machine; the second
it made itself, and no browser saw it. Each call is signed by its key as a client's is: RFC 9449, section 4.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from starlette.requests import Request

from gateway.journey.wiring import Wiring
from gateway.oauth import jose
from gateway.oauth.dpop import check_proof
from gateway.oauth.nonces import NonceNeededError
from gateway.oauth.server import Seen
from gateway.operators import cookies
from gateway.problems import TOKEN_REFUSED, ProblemError
from gateway.store.operator_rows import Session, find_session

_TOKEN: Final = re.compile(r"DPoP login_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{43})")


def is_command_line(request: Request) -> bool:
    """Tell whether a call comes with the token of a command line, and so with no client's."""
    found = request.headers.getlist("authorization")
    return len(found) == 1 and found[0].startswith("DPoP login_")


def challenge_of(verifier: str) -> str:
    """Return what is kept of the half that a command line made: RFC 7636, section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def word_of(jkt: str) -> str:
    """Return what a person compares of a key's name, on the page and where the command runs."""
    return f"{jkt[:4]}-{jkt[4:8]}"


def find_command_line(request: Request, wiring: Wiring) -> tuple[Session, Seen]:
    """Return the session that a command line has, and its proof, which must be used up; or raise the 401 problem."""
    now = wiring.services.clock()
    match = _TOKEN.fullmatch(request.headers["authorization"])
    proofs = request.headers.getlist("dpop")
    if match is None or len(proofs) != 1:
        raise _refused("invalid_token", "a login is sent with one proof of its key: sign in anew with `stile login`")
    code, verifier = match.groups()
    connection, mapping = wiring.services.reader.connection, wiring.operators.mapping
    session = find_session(connection, cookies.key_of(code), at=now, mapping=mapping)
    if session is None or session.jkt is None or session.challenge is None:
        raise _refused("invalid_token", "the login is over, or was taken back: `stile login`")
    wiring.services.reader.check(f"operator/{session.operator_id}")
    if not hmac.compare_digest(session.challenge, challenge_of(verifier)):
        raise _refused("invalid_token", "the login is another's")
    return session, _seen(request, wiring, session, proofs[0], f"login_{code}{verifier}")


def _seen(request: Request, wiring: Wiring, session: Session, proof: str, token: str) -> Seen:
    door = wiring.door
    try:
        found = check_proof(
            proof,
            keys=door.proof_keys,
            method=request.method,
            url=door.issuer + request.scope["path"],
            access_token=token,
            now=wiring.services.clock().timestamp(),
            nonces=door.nonces,
        )
    except NonceNeededError as refused:
        raise _refused("use_dpop_nonce", f"the DPoP proof: {refused}") from refused
    except jose.JoseRefusedError as refused:
        raise _refused("invalid_dpop_proof", f"the DPoP proof: {refused}") from refused
    if found.jkt != session.jkt:
        raise _refused("invalid_token", "the login is bound to another key than the proof's")
    return Seen(f"dpop/{session.operator_id}", found.jti, found.expires)


def _refused(error: str, why: str) -> ProblemError:
    return ProblemError(TOKEN_REFUSED, why, headers={"WWW-Authenticate": f'DPoP error="{error}", algs="ES256 PS256 EdDSA"'})
