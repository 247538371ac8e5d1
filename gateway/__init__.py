"""The shell: HTTP, OAuth, councils' systems, storage. Open `disclose.py` first."""
