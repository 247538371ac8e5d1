"""A council in which two people decide, and its people: each an account whose person is known, with a client's token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from house import HARBOUR, Caller, House
from httpx2 import Response
from joserfc import jwk

from gateway.oauth.clients import Role

CONTROL = "/control/v1"


def ask_for_two(house: House) -> None:
    house.append(house.changes().staffing.say_two(reason="a second approver has come", by="test"))


@dataclass
class Office:
    """Somebody who calls the control API in a role."""

    name: str
    caller: Caller

    def post(self, path: str, body: Any = None) -> Response:
        return self.caller.call("POST", f"{CONTROL}/{path}", body)

    def get(self, path: str) -> Response:
        return self.caller.call("GET", f"{CONTROL}/{path}")

    def propose(self, content: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        answer = self.post("changes", {"reason": "the partner asks for less", **content, **more})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def approve(self, change: Mapping[str, Any], **more: Any) -> Response:
        return self.post(f"changes/{change['change']}/approval", {"digest": change["digest"], **more})

    def reject(self, change: Mapping[str, Any], reason: str = "not yet") -> Response:
        return self.post(f"changes/{change['change']}/rejection", {"digest": change["digest"], "reason": reason})

    def advise(self, change: Mapping[str, Any], advice: str, words: str = "as assessed") -> Response:
        body = {"digest": change["digest"], "advice": advice, "words": words}
        return self.post(f"changes/{change['change']}/advice", body)


def office(house: House, name: str, role: Role, *, person: str | None = "") -> Office:
    """Make a client of a role with a token; `person` says whose it is: its own name's by default, nobody's for None."""
    key = jwk.generate_key("EC", "P-256", private=True)
    public = {"keys": [key.as_dict(private=False)]}
    changes = house.changes()
    house.append(changes.partners.register_client(name, partner_id=None, role=role, jwks=public, by="test"))
    if person is not None:
        house.append(changes.operators.say_person(name, person=person or name, by="test"))
    return Office(name, Caller(house, name, key).get_token())


@contextmanager
def no_change(house: House) -> Iterator[None]:
    """Fail where an entry was made meanwhile."""
    before = len(house.entries())
    yield
    assert len(house.entries()) == before


def next_agreement(house: House, *changes: tuple[str, str]) -> dict[str, Any]:
    """Return the content of a change that publishes the next version of an agreement."""
    version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    for old, new in ((f"version: {version}\n", f"version: {version + 1}\n"), *changes):
        assert old in text, old
        text = text.replace(old, new)
    return {"kind": "agreement", "text": text}


def published(house: House) -> int:
    return int(house.rows("SELECT max(version) FROM text WHERE id = ?", HARBOUR.agreement)[0][0])
