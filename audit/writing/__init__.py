"""How is an entry written, once and durably?"""
