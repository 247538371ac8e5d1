"""Who is signed in at this command line? A login that a person let it have, in a file that its owner alone may read."""

from __future__ import annotations

import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import httpx2
from joserfc import jwk

from gateway.app import utc_now
from gateway.oauth.made_jwts import make_proof
from gateway.store.changes import ChangeRefusedError
from schemas.instants import as_text

LOGIN_FILE: Final = "STILE_LOGIN"  # names another file than the user's own
PATIENCE: Final = 30.0  # seconds
MOST_NONCES: Final = 2  # calls: one that is told which nonce to use, and one that uses it
Method = Literal["GET", "POST"]
_STEP_UP: Final = "step_up_needed"


@dataclass(frozen=True, slots=True)
class Login:
    """A person's login at a gateway: a token, and the private key that each call is signed with. Never log it."""

    gateway: str
    token: str = field(repr=False)
    key: Mapping[str, Any] = field(repr=False)
    ends_at: str

    def call(self, method: Method, path: str, body: Mapping[str, Any] | None = None, *, query: str = "") -> dict[str, Any]:
        """Call the control API, or raise ChangeRefusedError with what it says."""
        with httpx2.Client(verify=ssl.create_default_context(), timeout=PATIENCE, follow_redirects=False) as http:
            try:
                answer = self._sent(http, method, path, body, query)
            except httpx2.HTTPError as error:
                raise ChangeRefusedError(f"{self.gateway} can't be reached: {type(error).__name__}") from error
        return _content(answer)

    def _sent(self, http: Any, method: str, path: str, body: Mapping[str, Any] | None, query: str) -> Any:
        key, url, nonce = jwk.import_key(dict(self.key)), self.gateway + path, None
        content = json.dumps(dict(body)).encode() if body is not None else None
        for _ in range(MOST_NONCES):
            now = utc_now().timestamp()
            proof = make_proof(key, method=method, url=url, token=self.token, now=now, nonce=nonce)
            headers = {"Authorization": f"DPoP {self.token}", "DPoP": proof}
            headers |= {"Content-Type": "application/json"} if content is not None else {}
            answer = http.request(method, url + query, content=content, headers=headers)
            nonce = answer.headers.get("dpop-nonce")
            if answer.status_code != 401 or 'error="use_dpop_nonce"' not in answer.headers.get("www-authenticate", ""):  # noqa: PLR2004 -- HTTP's own number
                break
        return answer


def login_file() -> Path:
    """Return where the login is kept: `STILE_LOGIN`, else in the user's own configuration."""
    named = os.environ.get(LOGIN_FILE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "stile" / "login.json"


def keep_login(login: Login) -> Path:
    """Keep a login where its owner alone may read it, in place of the one before: whole, or not at all."""
    file = login_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=file.parent, prefix=".login.")  # which makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            json.dump(asdict(login), stream)
        Path(made).replace(file)
    except OSError:
        Path(made).unlink(missing_ok=True)
        raise
    return file


def load_login(gateway: str | None = None) -> Login:
    """Return the login that is kept, or raise ChangeRefusedError: none, over, another gateway's, or open to others."""
    file = login_file()
    try:
        mode, content = file.stat().st_mode, json.loads(file.read_text(encoding="ascii"))
        login = Login(**content)
    except FileNotFoundError as error:
        raise ChangeRefusedError("nobody is signed in at this command line: `stile login` first") from error
    except (ValueError, TypeError) as error:
        raise ChangeRefusedError(f"{file} holds no login: `stile login` makes it anew") from error
    if mode & 0o077:
        raise ChangeRefusedError(f"others may read {file}: `stile logout`, and then `stile login` anew")
    if gateway is not None and login.gateway != gateway:
        raise ChangeRefusedError(f"you are signed in at {login.gateway}, not at {gateway}: `stile login` there")
    if login.ends_at <= as_text(utc_now()):
        raise ChangeRefusedError("your login is over: `stile login` anew")
    return login


def forget_login() -> None:
    """Remove the login that is kept, if there is one."""
    login_file().unlink(missing_ok=True)


def _content(answer: Any) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ChangeRefusedError(f"the gateway answered {answer.status_code} with what is no answer of its own")
    if answer.is_success:
        return content
    if content.get("code") == _STEP_UP:
        raise ChangeRefusedError("this needs a sign-in of the last five minutes: `stile login`, and then once more")
    lines = [f"{content.get('detail') or content.get('title')}"]
    lines += [
        f"line {one['line']}, column {one['column']}: {one['message']}. {one['remedy']}"
        for one in content.get("findings") or ()
    ]
    raise ChangeRefusedError("\n".join(lines))
