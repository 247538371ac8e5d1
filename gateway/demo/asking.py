"""What do the partners of the story ask, and what does the office record?"""

from __future__ import annotations

from typing import Any, Final

from gateway.demo.cast import GRACE
from gateway.demo.children import CHILD
from gateway.demo.making import CALDER_CHILDREN, HARBOUR, HOPE
from gateway.demo.partner import PartnerSystem
from gateway.demo.tenants import TENANCY
from gateway.oauth.made_jwts import make_context

TRUST_CODE: Final = "RXX"  # an ODS code of nobody's
GRACE_KNOWN: Final = {"surname": "Okafor", "date_of_birth": "1985-02-14"}
BODY: Final[dict[str, Any]] = {
    "agreement": HARBOUR.agreement,
    "subject": {"account_ref": "1000042", "confirm": GRACE_KNOWN},
    "fields": ["full_name", "age", "postcode", "property_type", "account_status", "arrears"],
    "case_reference": "HH-2291",
    "caseworker": {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"},
}
CONSENT: Final = {
    "state": "given",
    "dataset": "council-tax",
    "person": GRACE.party_ref,
    "purpose": "tenancy-sustainment",
    "recipients": [HARBOUR.partner_id],
    "fields": ["arrears"],
    "text_version": "consent-2026-03",
    "how": "in person, form CT-7",
}
# The same Grace, as the landlord knows her: another system, another agreement.
TENANCY_BODY: Final[dict[str, Any]] = {
    "agreement": HOPE.agreement,
    "subject": {"tenancycode": TENANCY, "confirm": GRACE_KNOWN},
    "fields": [
        "full_name",
        "joint_full_name",
        "tenancy",
        "household",
        "household.age",
        "household.relat",
        "arrears_stage",
    ],
    "case_reference": "HA-118",
    "caseworker": {"id": "mo3", "name": "Mo Ellis", "role": "housing-adviser"},
}  # fmt: skip -- the fields in one line
CHILD_BODY: Final[dict[str, Any]] = {
    "agreement": CALDER_CHILDREN.agreement,
    "subject": {"child": CHILD, "confirm": {"surname": "Reid", "dob": "2014-04-19"}},
    "fields": [
        "full_name",
        "immunisations",
        "sdq_score",
        "episodes",
        "episodes.decom",
        "episodes.place",
        "episodes.pl_post",
        "mother_full_name",
        "mother_age",
        "mother_health",
    ],
    "case_reference": "CH-77",
    "caseworker": {"id": "nk9", "name": "Nia Kent", "role": "looked-after-children-nurse"},
}  # fmt: skip -- the fields in few lines


def context_of(system: PartnerSystem, caseworker: dict[str, str]) -> str:
    """Return what the trust signs for its nurse: who she is, at which machine, and why she asks."""
    return make_context(
        system.key,
        client_id=system.client_id,
        issuer=system.issuer,
        practitioner=caseworker,
        organisation=TRUST_CODE,
        reason="Statutory health assessment",
        device="clinic-7",
    )
