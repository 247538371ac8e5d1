"""How does a text read in plain English?"""
