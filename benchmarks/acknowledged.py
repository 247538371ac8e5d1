"""How long until a taking-back is acknowledged, while two workers are kept busy? Promise 4 counts from there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwk

from benchmarks import disclosures, load
from benchmarks.workers import CONNECTIONS, served
from gateway.commands.common import office
from gateway.demo.making import CALDER_CHILDREN, DPO, HARBOUR, MORE_PARTNERS
from gateway.demo.partner import PartnerSystem, send
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.clients import Role
from gateway.oauth.made_jwts import make_assertion

GOAL: Final = 1_000  # ms at the 99th percentile
EACH: Final = 100
FIRE: Final = next(one for one in MORE_PARTNERS if one.partner_id == "pennine-fire")
SECONDS: Final = 40.0  # of load; proofs are made ahead, and are good for a minute
CONSENT: Final = {
    "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
}  # fmt: skip


def measure(directory: Path) -> dict[str, Any]:
    """Return p50 and p99 in ms of taking back each of the five: a consent, a token, a partner, a client, an agreement."""
    with served(directory, 2) as port:
        issuer = f"http://127.0.0.1:{port}"
        requests = disclosures.governed_requests(directory, port, 48_000, issuer=issuer)
        found: list[load.Measured] = []
        busy = threading.Thread(
            target=lambda: found.append(load.run(port, requests, connections=CONNECTIONS, seconds=SECONDS)), daemon=True
        )
        busy.start()
        time.sleep(1.0)
        times = {
            "consent withdrawn": list(_withdrawals(directory, issuer)),
            "token revoked": list(_revocations(directory, issuer)),
            "partner suspended": list(_suspensions(directory)),
            "client revoked": list(_client_revocations(directory)),
            "agreement ended": list(_ends(directory)),
        }
        was_busy = busy.is_alive()
        busy.join()
    return {
        "busy all the while": was_busy,
        "answers a second beside": found[0].rate,
        "goal": GOAL,
        **{name: {"p50": _at(of, 0.50), "p99": _at(of, 0.99)} for name, of in times.items()},
    }


def _withdrawals(directory: Path, issuer: str) -> Iterator[float]:
    dpo = PartnerSystem.from_file(issuer, DPO, directory / "offices" / f"{DPO}.jwk.json")
    for number in range(EACH):
        if number % 50 == 0:
            assert dpo.get_token(resource=f"{issuer}/control").status == 200
        given = dpo.call("POST", "/control/v1/consents", CONSENT).json()
        reply = dpo.call("POST", f"/control/v1/consents/{given['consent_id']}/withdrawal", {"how": "by telephone"})
        assert reply.status == 201, reply.body
        yield reply.milliseconds


def _revocations(directory: Path, issuer: str) -> Iterator[float]:
    partner = PartnerSystem.from_file(issuer, HARBOUR.client_id, directory / "partners" / f"{HARBOUR.client_id}.jwk.json")
    for _ in range(EACH):
        assert partner.get_token(agreement=HARBOUR.agreement).status == 200
        form = {
            "token": partner.token,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_assertion(partner.key, client_id=partner.client_id, issuer=issuer),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = send("POST", f"{issuer}/oauth2/revoke", headers, urlencode(form).encode())
        assert reply.status == 200, reply.body
        yield reply.milliseconds


def _suspensions(directory: Path) -> Iterator[float]:
    with office(directory) as here:
        for _ in range(EACH):
            begun = time.perf_counter()
            here.append(here.changes.partners.set_partner_status(CALDER_CHILDREN.partner_id, active=False, by="bench"))
            yield (time.perf_counter() - begun) * 1_000
            here.append(here.changes.partners.set_partner_status(CALDER_CHILDREN.partner_id, active=True, by="bench"))


def _client_revocations(directory: Path) -> Iterator[float]:
    with office(directory) as here:
        for number in range(EACH):
            client_id = f"bench-{time.time_ns()}-{number}"
            public = jwk.generate_key("EC", "P-256").as_dict(private=False)
            of = {"partner_id": CALDER_CHILDREN.partner_id, "role": Role.PARTNER, "jwks": {"keys": [public]}, "by": "bench"}
            here.append(here.changes.partners.register_client(client_id, **of))
            begun = time.perf_counter()
            here.append(here.changes.partners.revoke_client(client_id, by="bench"))
            yield (time.perf_counter() - begun) * 1_000


def _ends(directory: Path) -> Iterator[float]:
    """End an agreement again and again, each time after its next version was published."""
    with office(directory) as here:
        for _ in range(EACH):
            here.reader.refresh()
            version, text, _ = here.reader.find_text("agreement", FIRE.agreement) or (0, "", None)
            text = text.replace(f"version: {version}\n", f"version: {version + 1}\n")
            here.append(here.changes.texts.publish_agreement(text, by="bench"))
            begun = time.perf_counter()
            here.append(here.changes.texts.end_agreement(FIRE.agreement, reason="over", by="bench"))
            yield (time.perf_counter() - begun) * 1_000


def _at(times: list[float], share: float) -> float:
    return round(sorted(times)[min(len(times) - 1, int(len(times) * share))], 1)
