"""May a text be published, and what in it is worth a second look? One question a file."""
