"""Get one disclosure with Stile's own client: `python client_partner.py ISSUER KEY VKEY_FILE [DIRECTORY]`.

Every answer is verified before it is returned, and kept byte for byte in DIRECTORY where one is given.
"""

import sys
from pathlib import Path

from gateway.client import Caseworker, Client, DirectoryKeeper, StileError, Subject

issuer, key, vkey = sys.argv[1:4]
keeper = DirectoryKeeper(Path(sys.argv[4])) if len(sys.argv) > 4 else None  # noqa: PLR2004 -- the fourth word
grace = Subject("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
jo = Caseworker("jb17", "Jo Bright", "tenancy-sustainment-officer")

with Client(
    issuer,
    client_id="harbour-case-system",
    key=key,
    vkey=Path(vkey).read_text(encoding="ascii"),
    agreement="northmoor-harbour-tenancies",
    keeper=keeper,
) as gateway:
    try:
        answer = gateway.get(grace, fields=["full_name", "age", "arrears"], case_reference="HH-2291", caseworker=jo)
    except StileError as error:
        sys.exit(f"{error}\nIn an emergency ring {error.urgent_contact or 'the council'}")

for name, released in answer.fields.items():
    print(f"{name}: {released.value} ({released.form})")
for name, stays in answer.withheld.items():
    print(f"{name}: withheld, {stays.reason}: {stays.detail}")
print(f"verified: entry {answer.verified.index} of {answer.verified.size}")
