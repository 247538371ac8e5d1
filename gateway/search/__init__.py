"""What do auditors and practitioners' organisations look up in the log?"""
