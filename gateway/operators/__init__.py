"""Who operates the gateway: sign-in by an OpenID provider, local accounts as break-glass, what guards sessions."""
