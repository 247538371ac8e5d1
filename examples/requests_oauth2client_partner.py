"""Get one disclosure with an OAuth library that is not ours: `python requests_oauth2client_partner.py ISSUER KEY`.

Needs requests-oauth2client (PyPI). It makes the client assertion, the DPoP proofs and the token's hash by itself; what
is particular to Stile are `aud` (the issuer, not the token endpoint) and `authorization_details`.
"""

import json
import sys
from pathlib import Path

import requests
from jwskate import Jwk
from requests_oauth2client import DPoPKey, OAuth2Client, PrivateKeyJwt

issuer, key_file = sys.argv[1:3]
key = Jwk(json.loads(Path(key_file).read_text())).with_kid_thumbprint()

client = OAuth2Client(
    f"{issuer}/oauth2/token",
    auth=PrivateKeyJwt("harbour-case-system", key, alg="ES256", aud=issuer),
    testing=issuer.startswith("http:"),  # the library wants https; a demo on this machine has none
)
purpose = {"type": "stile_disclosure_v1", "agreement": "northmoor-harbour-tenancies"}
token = client.client_credentials(dpop_key=DPoPKey(key, "ES256"), dpop=True, authorization_details=json.dumps([purpose]))

answer = requests.post(
    f"{issuer}/v1/disclosures",
    auth=token,  # a DPoPToken: adds Authorization, and a fresh proof for this very call
    json={
        "subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        "fields": ["full_name", "age", "arrears"],
        "case_reference": "HH-2291",
        "caseworker": {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"},
    },
    timeout=20,
)
answer.raise_for_status()
print(json.dumps(answer.json()["disclosure"], indent=2, ensure_ascii=False))
