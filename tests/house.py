"""A whole gateway in a test: the council of the demo, its partners as callers, a clock that a test moves."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hours import FOUNDED, Clock, ruled_by
from httpx2 import Response
from joserfc import jwk
from starlette.testclient import TestClient

from audit.checking.verify import Verified, verify_answer
from audit.format.commitment import CONTROLLER_ID, open_bundle
from audit.format.entry import Kind
from audit.stores.entries import bundles
from audit.writing.heartbeat import Boot
from audit.writing.keyring import Keyring, KeyringError
from audit.writing.said_within import SaidWithin
from gateway.app import build_app
from gateway.commands.common import office
from gateway.council.database import store_of
from gateway.council.directory import Council, open_council
from gateway.demo.making import DPO, PARTNERS, make_demo
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.made_jwts import make_assertion, make_proof
from gateway.settings import load_settings
from gateway.store.state_rows import STANDS
from schemas.terms import Environment

PORT = 8080
ISSUER = f"http://127.0.0.1:{PORT}"
CASEWORKER = {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"}
GRACE = {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}}
HARBOUR, CALDER, AIRE = PARTNERS
# The birth dates of the made-up people whom every demo has.
BORN = {
    "1000042": "1985-02-14",
    "1000043": "1961-11-30",
    "1000051": "1952-06-05",
    "1000052": "1980-01-17",
    "1000061": "1999-03-21",
    "1000062": "1999-03-21",
    "1000071": "1990-08-09",
    "1000081": "1994-12-11",
    "1000082": "1988-05-01",
    "1000083": "1977-02-28",
    "1000091": "1934-10-19",
}


def confirming(account: str, surname: str) -> dict[str, str]:
    """Return the two details by which somebody of an account is confirmed; of nobody's account, any birth date."""
    return {"surname": surname, "date_of_birth": BORN.get(account.strip(), "1970-01-01")}


def make_template(directory: Path, *, clock: Clock | None = None) -> Path:
    """Make the council that each test gets a copy of."""
    with ruled_by(clock or Clock(FOUNDED)):
        make_demo(directory, port=PORT, residents=11, seed=7, progress=lambda _done: None)
    return directory


@dataclass
class Caller:
    """A client that signs its calls."""

    house: House
    client_id: str
    key: Any
    token: str = ""

    def form(self, **more: str) -> dict[str, str]:
        assertion = make_assertion(self.key, client_id=self.client_id, issuer=ISSUER, now=self.house.clock().timestamp())
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            **more,
        }

    def proof(self, method: str, path: str, token: str | None = None) -> str:
        now = self.house.clock().timestamp()
        return make_proof(self.key, method=method, url=ISSUER + path, token=token, now=now)

    def ask_token(self, **more: str) -> Response:
        headers = {
            "DPoP": self.proof("POST", "/oauth2/token"),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.house.http.post("/oauth2/token", content=urlencode(self.form(**more)), headers=headers)

    def get_token(self, *agreements: str, **detail: Any) -> Caller:
        details = [{"type": "stile_disclosure_v1", "agreement": one, **detail} for one in agreements]
        more = {"authorization_details": json.dumps(details)} if agreements else {"resource": f"{ISSUER}/control"}
        answer = self.ask_token(**more)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self

    def headers(self, method: str, path: str) -> dict[str, str]:
        return {"Authorization": f"DPoP {self.token}", "DPoP": self.proof(method, path, self.token)}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = {**self.headers(method, path), **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is None:
            return self.house.http.request(method, path, headers=sent)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.house.http.request(method, path, content=content, headers={"Content-Type": "application/json", **sent})

    def ask(self, subject: dict[str, Any] | None = None, **members: Any) -> Response:
        """Ask as a caseworker with a case does; a member that is None is left out."""
        headers = {name: members.pop(name) for name in ("Idempotency_Key",) if name in members}
        body = {"subject": subject or GRACE, "case_reference": "HH-2291", "caseworker": CASEWORKER, **members}
        return self.call("POST", "/v1/disclosures", {k: v for k, v in body.items() if v is not None}, **headers)


@dataclass
class House:
    """A gateway that runs in this process."""

    directory: Path
    council: Council
    clock: Clock | Callable[[], datetime]
    http: TestClient
    differs: bool = False  # a test has made the state another than the log says

    @property
    def vkey(self) -> str:
        return self.council.signer.vkey

    @property
    def wiring(self) -> Any:
        return self.http.app.state.wiring

    def caller(self, client_id: str) -> Caller:
        folder = "offices" if client_id == DPO else "partners"
        key = jwk.import_key(json.loads((self.directory / folder / f"{client_id}.jwk.json").read_text()))
        return Caller(self, client_id, key)

    def harbour(self) -> Caller:
        return self.caller(HARBOUR.client_id).get_token(HARBOUR.agreement)

    def calder(self) -> Caller:
        return self.caller(CALDER.client_id).get_token(CALDER.agreement)

    def aire(self) -> Caller:
        return self.caller(AIRE.client_id).get_token(AIRE.agreement)

    def dpo(self) -> Caller:
        return self.caller(DPO).get_token()

    def append(self, within: Any) -> Any:
        """Make a change as `stile` does beside the gateway: through the log's own writer."""
        return self.wiring.sequencer.append(within)

    def changes(self) -> Any:
        return self.wiring.changes

    def verify(self, answer: Response) -> Verified:
        return verify_answer(answer.content, vkey=self.vkey)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        connection = self.council.store.open(read_only=True)
        found = connection.all(statement, values)
        connection.close()
        return found

    def entries(self, kind: str | None = None) -> list[dict[str, Any]]:
        rows = self.rows("SELECT idx, entry FROM log_entry ORDER BY idx")
        found = [{"index": index, **orjson.loads(entry)} for index, entry in rows]
        return [one for one in found if kind is None or one["kind"] == kind]

    def truth(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Open everything that an entry commits to, as the council can while the keys live."""
        connection = self.council.store.open(read_only=True)
        ring: Keyring = self.council.keyring
        opened: dict[str, Any] = {}
        for key_id, ciphertext in bundles(connection, entry["index"]):
            if key_id == CONTROLLER_ID or ring.safe.holds(key_id):  # else one that is there for the number alone
                for name, opening in open_bundle(ring.load(key_id), entry["id"], ciphertext).items():
                    opened[name] = orjson.loads(_unpadded(opening))[2]
        connection.close()
        return opened

    def truth_that_opens(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Open what an entry commits to under the keys that still live."""
        connection = self.council.store.open(read_only=True)
        opened: dict[str, Any] = {}
        for key_id, ciphertext in bundles(connection, entry["index"]):
            with contextlib.suppress(KeyringError):
                opened |= open_bundle(self.council.keyring.load(key_id), entry["id"], ciphertext)
        connection.close()
        return opened

    def last(self) -> dict[str, Any]:
        """Return the truth of the newest entry, with the entry's own members."""
        entry = self.entries()[-1]
        return {"entry": entry, **self.truth(entry)}


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def open_house(
    directory: Path, *, clock: Callable[[], datetime] | None = None, boot: Callable[[], Boot] | None = None, **settings: Any
) -> Iterator[House]:
    """Run the gateway of a council's directory; the commands of this process go by its clock meanwhile."""
    council = open_council(directory)
    if settings:
        council = replace(council, settings=council.settings.model_copy(update=settings))
    clock = clock or Clock()
    app = build_app(council, clock=clock, boot=boot)
    with ruled_by(clock), TestClient(app, base_url=ISSUER, raise_server_exceptions=False) as http:
        house = House(directory, council, clock, http)
        yield house
        if not house.differs:
            check_state(house)
    council.keyring.close()


def check_state(house: House) -> None:
    """Fail where a row of the state is not what the log's entries say: whatever a test has changed, an entry says so."""
    reader = house.wiring.services.reader
    reader.refresh()
    reader.followed.check_all(reader.connection, STANDS)


def copy_template(template: Path, to: Path) -> Path:
    shutil.copytree(template, to)
    return to


def withheld(answer: Response) -> dict[str, str]:
    """Return field -> reason of an answer."""
    return {one["field"]: one["reason"] for one in answer.json()["disclosure"]["withheld"]}


def released(answer: Response) -> dict[str, Any]:
    """Return field -> value of an answer."""
    return {name: one["value"] for name, one in answer.json()["disclosure"]["record"]["fields"].items()}


def republish(house: House, name: str, *changes: tuple[str, str]) -> None:
    """Publish the next version of an agreement, with parts of its text replaced; each must stand in it."""
    version, text, _ = house.wiring.services.reader.find_text("agreement", name)
    for old, new in ((f"version: {version}\n", f"version: {version + 1}\n"), *changes):
        assert old in text, f"{old!r} does not stand in {name}"
        text = text.replace(old, new)
    house.append(house.changes().texts.publish_agreement(text, by="test"))


def let_places_confirm(house: House) -> None:
    """Have the demo's housing agreement follow a core under which the reference of a property may name people."""
    version, text, _ = house.wiring.services.reader.find_text("core", "tenancy-sustainment")
    opened = text.replace(f"version: {version}\n", f"version: {version + 1}\nmay_confirm: [uprn]\n", 1)
    house.append(house.changes().texts.publish_core(opened, by="test"))
    republish(house, HARBOUR.agreement, (f"tenancy-sustainment@{version}", f"tenancy-sustainment@{version + 1}"))


def say_anew(directory: Path) -> None:
    """Have the log say what the rows are that a test has written by hand, as no honest change would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SaidWithin, "check_before", lambda *_arguments, **_named: None)
        with ruled_by(Clock()), office(directory) as here:
            adopt = here.changes.adopting.adopt(by="test")
            here.append(lambda connection, moment: replace(adopt(connection, moment), kind=Kind.STATE_KEPT))


def move_clients(directory: Path, environment: Environment) -> None:
    """Make every client one of this environment, as no command would: what else keeps environments apart is then seen."""
    store = store_of(directory, load_settings(directory))
    with contextlib.closing(store.open(read_only=False)) as connection, store.writing(connection):
        connection.run("UPDATE client SET environment = ?", (environment.value,))
    say_anew(directory)


def free_port() -> int:
    """Return a port that nobody listens on, of those that no outgoing connection is given meanwhile."""
    for _ in range(100):
        port = 10_240 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
