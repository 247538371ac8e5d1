"""How do callers wait for the log?"""
