"""What does a data protection officer do on a page? Checks and publishes texts, as an approver does."""
