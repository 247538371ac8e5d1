"""What if? The facts that a scenario changes for one call of a sandbox; everything that follows is the gateway's own."""
