// Get one disclosure with openid-client (npm): node openid_client_partner.mjs ISSUER KEY OUT
//
// It repeats a call with a gateway's nonce by itself. OUT gets the answer byte for byte: `stile verify OUT --vkey KEY`.

import { readFile, writeFile } from "node:fs/promises";
import * as client from "openid-client";

const [issuer, keyFile, out] = process.argv.slice(2);
const jwk = JSON.parse(await readFile(keyFile, "utf8"));
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const privateKey = await crypto.subtle.importKey("jwk", jwk, ecdsa, false, ["sign"]);
const { d, ...publicJwk } = jwk;
const publicKey = await crypto.subtle.importKey("jwk", publicJwk, ecdsa, true, ["verify"]);

const execute = issuer.startsWith("http:") ? [client.allowInsecureRequests] : []; // a demo on this machine has no TLS
const config = await client.discovery(
  new URL(issuer),
  "harbour-case-system",
  undefined,
  client.PrivateKeyJwt(privateKey),
  { algorithm: "oauth2", execute },
);
const DPoP = client.getDPoPHandle(config, { privateKey, publicKey });

const details = [{ type: "stile_disclosure_v1", agreement: "northmoor-harbour-tenancies" }];
const token = await client.clientCredentialsGrant(config, { authorization_details: JSON.stringify(details) }, { DPoP });

const body = JSON.stringify({
  subject: { account_ref: "1000042", confirm: { surname: "Okafor", date_of_birth: "1985-02-14" } },
  fields: ["full_name", "age", "arrears"],
  case_reference: "HH-2291",
  caseworker: { id: "jb17", name: "Jo Bright", role: "tenancy-sustainment-officer" },
});
const headers = new Headers({ "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() });
const url = new URL(`${issuer}/v1/disclosures`);
const answer = await client.fetchProtectedResource(config, token.access_token, url, "POST", body, headers, { DPoP });
await writeFile(out, Buffer.from(await answer.arrayBuffer()), { mode: 0o600 });
console.log(`${answer.status}: kept in ${out}; verify it before you use it`);
