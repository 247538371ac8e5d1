"""How does a reader go on from the demo? Two small programs that work, written beside the partner's key."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from gateway.council.directory import Council
from gateway.demo.asking import BODY
from gateway.demo.making import HARBOUR
from gateway.demo.partner import details_of

CURL: Final = "try.sh"
PYTHON: Final = "try.py"

_SHELL: Final = """\
#!/bin/sh
# A first disclosure with curl: a token, then one call. Each call takes a fresh DPoP proof.
set -eu
STILE={stile}
ISSUER={issuer}
KEY={key}

TOKEN=$(curl -sS "$ISSUER/oauth2/token" \\
  -H "DPoP: $($STILE proof --key "$KEY" --method POST --url "$ISSUER/oauth2/token")" \\
  -d grant_type=client_credentials \\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  -d client_assertion="$($STILE assertion --client {client} --key "$KEY" --issuer "$ISSUER")" \\
  --data-urlencode authorization_details={details} \\
  | sed -n 's/.*"access_token": *"\\([^"]*\\)".*/\\1/p')

curl -sS "$ISSUER/v1/disclosures" \\
  -H "Authorization: DPoP $TOKEN" \\
  -H "DPoP: $($STILE proof --key "$KEY" --method POST --url "$ISSUER/v1/disclosures" --token "$TOKEN")" \\
  -H "Content-Type: application/json" \\
  -d {body} > {answer}

$STILE verify --vkey "$(cat {vkey})" {answer}
cat {answer}
echo
"""

_PROGRAM: Final = '''\
"""A first disclosure with Python: a token, then one call. Only joserfc besides the standard library."""

import base64, hashlib, json, secrets, time, urllib.parse, urllib.request

from joserfc import jwk, jwt

ISSUER = {issuer!r}
CLIENT = {client!r}
KEY = jwk.import_key(json.load(open({key!r})))
DETAILS = {details!r}
BODY = {body!r}


def proof(method, url, token=None):
    claims = {{"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16)}}
    if token:
        claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    public = {{name: KEY.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}}
    return jwt.encode({{"typ": "dpop+jwt", "alg": "ES256", "jwk": public}}, claims, KEY)


def post(path, body, headers):
    url = ISSUER + path
    token = headers.get("Authorization", "").removeprefix("DPoP ")
    request = urllib.request.Request(url, body, {{**headers, "DPoP": proof("POST", url, token)}})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


now = int(time.time())
assertion = jwt.encode(
    {{"alg": "ES256"}},
    {{"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16)}},
    KEY,
)
form = {{
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": assertion,
    "authorization_details": json.dumps(DETAILS),
}}
granted = post("/oauth2/token", urllib.parse.urlencode(form).encode(), {{}})
headers = {{"Authorization": "DPoP " + granted["access_token"], "Content-Type": "application/json"}}
answer = post("/v1/disclosures", json.dumps(BODY).encode(), headers)
print(json.dumps(answer["disclosure"], indent=2, ensure_ascii=False))
'''


def write_tries(directory: Path, council: Council) -> None:
    """Write both programs, for the address that is served now."""
    where = directory.resolve()
    key = str(where / "partners" / f"{HARBOUR.client_id}.jwk.json")
    issuer = council.settings.public_url
    shell = _SHELL.format(
        stile=shlex.quote(stile_command()),
        issuer=shlex.quote(issuer),
        key=shlex.quote(key),
        client=HARBOUR.client_id,
        details=shlex.quote(json.dumps(details_of(HARBOUR.agreement))),
        body=shlex.quote(json.dumps(BODY)),
        answer=shlex.quote(str(where / "answers" / "try.json")),
        vkey=shlex.quote(str(where / "log.vkey")),
    )
    (directory / CURL).write_text(shell, encoding="utf-8")
    (directory / CURL).chmod(0o755)
    program = _PROGRAM.format(
        issuer=issuer, client=HARBOUR.client_id, key=key, details=details_of(HARBOUR.agreement), body=BODY
    )
    (directory / PYTHON).write_text(program, encoding="utf-8")


def stile_command() -> str:
    """Return how this very installation is called from a shell."""
    beside = Path(sys.executable).with_name("stile")
    return str(beside) if beside.exists() else shutil.which("stile") or "stile"


def print_how_to_go_on(console: Console, directory: Path, council: Council) -> None:
    """Say where everything lies; the gateway keeps serving."""
    issuer = council.settings.public_url
    console.rule("[bold]Your turn: the gateway keeps serving until Ctrl-C[/bold]", align="left")
    rows = (
        ("with curl", f"sh {directory / CURL}"),
        ("with Python", f"{sys.executable} {directory / PYTHON}"),
        ("the partner's key", str(directory / "partners" / f"{HARBOUR.client_id}.jwk.json")),
        ("API reference", f"{issuer}/docs/api"),
        ("what it is", f"{issuer}/docs"),
        ("start it again", f"{stile_command()} demo --dir {directory}"),
        ("the gateway alone", f"{stile_command()} serve --dir {directory}"),
    )
    for what, how in rows:
        console.print(f"  {what:20}{how}", soft_wrap=True, markup=False)
    console.print("The housing system ends with the demo: the gateway alone answers 502 source_unavailable for tenancies.")
