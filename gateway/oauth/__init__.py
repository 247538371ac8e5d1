"""Who asks? FAPI 2.0, client credentials: private_key_jwt, DPoP, authorization_details."""
