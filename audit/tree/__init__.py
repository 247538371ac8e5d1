"""What tree do entries make, and who signs its head? RFC 6962, pure."""
