"""How is each scenario played in a test? The call in which its fact matters."""

from __future__ import annotations

from typing import Any, Final

from house import CALDER, CASEWORKER, GRACE, HARBOUR, Caller, House, republish
from httpx2 import Response

SECOND: Final = {"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}
MANY: Final = [{"ref": "grace", **GRACE}, {"ref": "alan", **SECOND}]
CASE: Final = {"case_reference": "HH-2291", "caseworker": CASEWORKER}
COORDINATOR: Final = {**CASEWORKER, "role": "discharge-coordinator"}
FIELDS: Final = ["full_name", "postcode", "arrears"]
# What a call must hold for the scenario's `where` to be so; the usual one is about Grace.
CALLS: Final[dict[str, dict[str, Any]]] = {
    "batch-limit": {"subjects": MANY},
    "deceased": {"subject": GRACE, "fields": ["full_name", "deceased"], "caseworker": COORDINATOR},
    "wrong-claims": {"subject": GRACE, "action": "verify", "claims": {"full_name": "Grace Okafor"}},
}


def asker(house: House, name: str | None = None) -> Caller:
    """Return a client with a token for what these tests ask, under an agreement to which the scenario matters."""
    if name == "deceased":
        republish(house, CALDER.agreement, ("fields: [council_owned]", "fields: [council_owned, deceased]"))
        return house.calder()
    return house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=["read", "verify", "match"])


def play(caller: Caller, name: str | None, *, like: str | None = None, **members: Any) -> Response:
    """Ask under a scenario, in the way in which its fact matters; or without one, as `like` is asked."""
    asked = CALLS.get(name or like or "", {"subject": GRACE})
    fields = {} if "claims" in asked else {"fields": FIELDS}
    headers = {key: members.pop(key) for key in ("Idempotency_Key", "Accept") if key in members}
    if name is not None:
        headers["Stile_Scenario"] = name
    return caller.call("POST", "/v1/disclosures", {**CASE, **fields, **asked, **members}, **headers)
