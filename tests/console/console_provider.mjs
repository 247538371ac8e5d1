// The npm package oidc-provider as the council's provider: whoever signs in at its own pages is in the role they type.
// Words: the port, the gateway's public address, the client's id, its public JWK set.
import { Provider } from "oidc-provider";

const [port, gateway, client, jwks] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: client,
      redirect_uris: [`${gateway}/console/callback`],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: JSON.parse(jwks),
    },
  ],
  claims: { openid: ["sub"], profile: ["roles", "preferred_username"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, roles: [id], preferred_username: `${id} of the provider` }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
// Stops by itself, whatever became of who started it.
setTimeout(() => process.exit(1), 120_000);
