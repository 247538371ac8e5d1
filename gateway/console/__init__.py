"""The pages under /console: operators sign in, see their sessions, publish, and take keys back."""
