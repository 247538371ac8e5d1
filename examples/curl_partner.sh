#!/bin/sh
# Get one disclosure with curl: sh curl_partner.sh ISSUER KEY VKEY OUT
#
# `stile assertion`, `stile proof` and `stile verify` stand for your OAuth library and your verifier; curl does the rest.
# What has been kept in OUT is used only once `stile verify` has said that it verifies.
set -eu
issuer=$1 key=$2 vkey=$3 out=$4
client=harbour-case-system
details='[{"type": "stile_disclosure_v1", "agreement": "northmoor-harbour-tenancies"}]'

token=$(curl -fsS --max-time 20 "$issuer/oauth2/token" \
  -H "DPoP: $(stile proof --key "$key" --method POST --url "$issuer/oauth2/token")" \
  -d grant_type=client_credentials \
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  -d client_assertion="$(stile assertion --client "$client" --key "$key" --issuer "$issuer")" \
  --data-urlencode authorization_details="$details" |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')

umask 077
curl -fsS --max-time 20 "$issuer/v1/disclosures" -o "$out" \
  -H "Authorization: DPoP $token" \
  -H "DPoP: $(stile proof --key "$key" --method POST --url "$issuer/v1/disclosures" --token "$token")" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: curl-$$-$(date +%s)" \
  -d '{"subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
       "fields": ["full_name", "age", "arrears"], "case_reference": "HH-2291",
       "caseworker": {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"}}'

stile verify "$out" --vkey "$vkey"
