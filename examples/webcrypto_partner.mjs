// Get one disclosure with Node's own WebCrypto and fetch, and no package: node webcrypto_partner.mjs ISSUER KEY OUT
//
// Writes the answer byte for byte to OUT, where `stile verify OUT --vkey KEY` checks it. Do not use what has not been
// verified, and do not keep a copy that was parsed and written again: it does not verify.

import { readFile, writeFile } from "node:fs/promises";

const [issuer, keyFile, out] = process.argv.slice(2);
const CLIENT = "harbour-case-system";
const jwk = JSON.parse(await readFile(keyFile, "utf8"));
const publicJwk = { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y }; // never the member d
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const key = await crypto.subtle.importKey("jwk", jwk, ecdsa, false, ["sign"]);

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

async function jwt(header, claims) {
  const head = base64url(JSON.stringify({ alg: "ES256", ...header }));
  const input = `${head}.${base64url(JSON.stringify(claims))}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, Buffer.from(input));
  return `${input}.${base64url(signature)}`;
}

// A proof for one call: RFC 9449, section 4.2. `nonce` where the gateway has asked for one.
async function proof(method, url, token, nonce) {
  const claims = { htm: method, htu: url, iat: now(), jti: crypto.randomUUID() };
  if (token) claims.ath = base64url(await crypto.subtle.digest("SHA-256", Buffer.from(token)));
  if (nonce) claims.nonce = nonce;
  return jwt({ typ: "dpop+jwt", jwk: publicJwk }, claims);
}

// Call; where the gateway wants its nonce in the proof, once more with it: RFC 9449, sections 8 and 9.
async function call(url, { method = "GET", token, headers = {}, body } = {}) {
  let nonce;
  for (let tried = 0; ; tried += 1) {
    const sent = { ...headers, DPoP: await proof(method, url, token, nonce) };
    if (token) sent.Authorization = `DPoP ${token}`;
    const content = typeof body === "function" ? await body() : body;
    const answer = await fetch(url, { method, headers: sent, body: content, redirect: "error", signal: AbortSignal.timeout(20_000) });
    nonce = answer.headers.get("dpop-nonce");
    if (tried || !nonce || ![400, 401].includes(answer.status)) return answer;
  }
}

const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
if (metadata.issuer !== issuer) throw new Error("these are not the issuer's own metadata"); // RFC 8414, section 3.3

const details = [{ type: "stile_disclosure_v1", agreement: "northmoor-harbour-tenancies" }];
const granted = await call(metadata.token_endpoint, {
  method: "POST",
  // A new assertion for each try: its jti serves once, and its aud is the issuer, not the token endpoint.
  body: async () =>
    new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await jwt(
        { typ: "JWT" },
        { iss: CLIENT, sub: CLIENT, aud: issuer, jti: crypto.randomUUID(), iat: now(), exp: now() + 60 },
      ),
      authorization_details: JSON.stringify(details),
    }),
});
const token = await granted.json();
if (!granted.ok) throw new Error(`${token.error}: ${token.error_description}`);

const answer = await call(`${issuer}/v1/disclosures`, {
  method: "POST",
  token: token.access_token,
  headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
  body: JSON.stringify({
    subject: { account_ref: "1000042", confirm: { surname: "Okafor", date_of_birth: "1985-02-14" } },
    fields: ["full_name", "age", "arrears"],
    case_reference: "HH-2291",
    caseworker: { id: "jb17", name: "Jo Bright", role: "tenancy-sustainment-officer" },
  }),
});
const raw = Buffer.from(await answer.arrayBuffer());
await writeFile(out, raw, { mode: 0o600 });
console.log(`${answer.status}: ${raw.length} bytes kept in ${out}; verify them before you use them`);
