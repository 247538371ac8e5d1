"""How does a text become values, with every mistake told at once, where it stands and what to write instead?"""
