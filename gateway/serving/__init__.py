"""Which processes serve?"""
