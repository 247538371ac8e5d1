"""The steps of a request, a file each, in the order of docs/architecture.md."""
