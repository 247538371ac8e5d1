"""Ask about several people with Stile's own client, in an event loop.

Run it by `python async_client_partner.py ISSUER KEY VKEY_FILE`. Lines come as their chunk is recorded and proved; an
answer that breaks off says who remains.
"""

import asyncio
import sys
from pathlib import Path

from gateway.client import AsyncClient, Caseworker, IncompleteError, Subject

issuer, key, vkey_file = sys.argv[1:4]
vkey = Path(vkey_file).read_text(encoding="ascii")
people = [
    Subject("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"}, ref="row-1"),
    Subject("account_ref", "1000043", {"surname": "Price", "date_of_birth": "1961-11-30"}, ref="row-2"),
]
jo = Caseworker("jb17", "Jo Bright", "tenancy-sustainment-officer")


async def main() -> None:
    """Print each person's name, verified."""
    async with AsyncClient(
        issuer,
        client_id="harbour-case-system",
        key=key,
        vkey=vkey,
        agreement="northmoor-harbour-tenancies",
    ) as gateway:
        try:
            async for answer in gateway.many(
                people, fields=["full_name", "postcode"], case_reference="HH-2291", caseworker=jo
            ):
                print(f"{answer.ref}: {answer.fields['full_name'].value}, verified")
        except IncompleteError as error:
            sys.exit(f"{error}: {', '.join(error.remaining)}")


asyncio.run(main())
