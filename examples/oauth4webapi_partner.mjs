// Get one disclosure with an OAuth library that is not ours: node oauth4webapi_partner.mjs ISSUER KEY OUT
//
// Needs oauth4webapi (npm). It makes the assertion, the proofs and the token's hash, and repeats a call with the nonce that
// a gateway asks for. OUT gets the answer byte for byte: `stile verify OUT --vkey KEY` checks it.

import { readFile, writeFile } from "node:fs/promises";
import * as oauth from "oauth4webapi";

const [issuer, keyFile, out] = process.argv.slice(2);
const jwk = JSON.parse(await readFile(keyFile, "utf8"));
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const privateKey = await crypto.subtle.importKey("jwk", jwk, ecdsa, false, ["sign"]);
const { d, ...publicJwk } = jwk;
const publicKey = await crypto.subtle.importKey("jwk", publicJwk, ecdsa, true, ["verify"]);

const plain = { [oauth.allowInsecureRequests]: issuer.startsWith("http:") }; // a demo on this machine has no TLS
const client = { client_id: "harbour-case-system" };
const DPoP = oauth.DPoP(client, { privateKey, publicKey });
const byAssertion = oauth.PrivateKeyJwt(privateKey); // its aud is the issuer

const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...plain });
const server = await oauth.processDiscoveryResponse(new URL(issuer), found);

const details = [{ type: "stile_disclosure_v1", agreement: "northmoor-harbour-tenancies" }];
const parameters = new URLSearchParams({ authorization_details: JSON.stringify(details) });

async function withNonce(call) {
  try {
    return await call();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return call(); // once more: the library has kept the nonce
  }
}

const token = await withNonce(async () => {
  const answer = await oauth.clientCredentialsGrantRequest(server, client, byAssertion, parameters, { DPoP, ...plain });
  return oauth.processClientCredentialsResponse(server, client, answer);
});

const body = JSON.stringify({
  subject: { account_ref: "1000042", confirm: { surname: "Okafor", date_of_birth: "1985-02-14" } },
  fields: ["full_name", "age", "arrears"],
  case_reference: "HH-2291",
  caseworker: { id: "jb17", name: "Jo Bright", role: "tenancy-sustainment-officer" },
});
const headers = new Headers({ "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() });
const url = new URL(`${issuer}/v1/disclosures`);
const answer = await withNonce(() =>
  oauth.protectedResourceRequest(token.access_token, "POST", url, headers, body, { DPoP, ...plain }),
);
await writeFile(out, Buffer.from(await answer.arrayBuffer()), { mode: 0o600 });
console.log(`${answer.status}: kept in ${out}; verify it before you use it`);
