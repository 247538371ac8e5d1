"""What does an administrator do on a page? Takes clients and keys back, and turns the gateway's own key over."""
