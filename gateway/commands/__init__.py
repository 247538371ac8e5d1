"""`stile …`, one file for each thing that a person sets out to do."""
